"""A plan, carried out on the host's processing object `p`."""
from __future__ import annotations

from typing import Any

import torch
from modules import shared

from ..core.plan import Plan
from ..core.prompts import with_tag
from ..core.schedules import max_steps, sigmas_at, timesteps_for
from .state import plan_of, set_plan

_FIELDS = ("steps", "cfg_scale", "sampler_name", "scheduler", "hr_cfg", "sampler_noise_scheduler_override")
_BEFORE = "fewstep_before"


def restore(p: Any) -> None:
    """Takes back what an earlier plan did to `p`: scripts such as Loopback process the same object again and again."""
    for name, (before, set_by_us) in getattr(p, _BEFORE, {}).items():
        if getattr(p, name) is set_by_us or getattr(p, name) == set_by_us:
            setattr(p, name, before)
    setattr(p, _BEFORE, {})
    set_plan(p, None)


def apply(plan: Plan, p: Any) -> None:
    """Sets what the plan says, on `p` alone. An inactive plan only leaves its notes.

    To be called from the `process` hook: by then the checkpoint is loaded and the prompts are made, and the sampler is not.
    """
    for note in plan.notes:
        p.comment(f"Accelerator: {note}")
    if not plan.active:
        return
    before = {name: getattr(p, name) for name in _FIELDS if hasattr(p, name)}
    set_plan(p, plan)
    p.steps = plan.steps
    p.cfg_scale = plan.cfg
    p.sampler_name = plan.sampler
    p.scheduler = plan.scheduler
    if hasattr(p, "hr_cfg"):  # Forge: the hires pass has a CFG of its own, 1.0 by default in the API and 7 in the page
        p.hr_cfg = plan.cfg
    # X/Y/Z plot gives all its cells the same dictionary
    p.extra_generation_params = dict(p.extra_generation_params)
    if plan.rule is not None:
        p.sampler_noise_scheduler_override = _Timesteps(plan, p)
        if plan.scheduler != "Automatic":
            p.extra_generation_params["Schedule type"] = plan.scheduler
    setattr(p, _BEFORE, {name: (value, getattr(p, name)) for name, value in before.items()})
    add_tag(p)


def add_tag(p: Any) -> None:
    """Puts the LoRA's tag at the end of every prompt that lacks it: where the host reads LoRAs, infotext, and inner passes look."""
    plan = plan_of(p)
    if plan is None or not plan.tag:
        return
    for name in ("all_prompts", "all_hr_prompts", "prompts", "hr_prompts"):
        prompts = getattr(p, name, None)
        if prompts:
            setattr(p, name, [with_tag(prompt, plan.tag) for prompt in prompts])
    if getattr(p, "main_prompt", None) is not None:
        p.main_prompt = with_tag(p.main_prompt, plan.tag)


class _Timesteps:
    """The host's hook for a schedule of one's own, `p.sampler_noise_scheduler_override`: steps -> sigmas.

    The host asks for another number of steps than the plan's where it makes part of them: hires asks for steps / denoise.
    """

    def __init__(self, plan: Plan, p: Any):
        self._plan, self._p = plan, p

    def __call__(self, steps: int) -> torch.Tensor:
        table = self._p.sampler.model_wrap.sigmas
        dropped = self._drops_penultimate()
        sigmas = sigmas_at(self._timesteps(steps - 1 if dropped else steps), table)
        return torch.cat([sigmas[:-1], sigmas[-2:]]) if dropped else sigmas

    def _timesteps(self, steps: int) -> tuple[int, ...] | list[int]:
        plan = self._plan
        if steps == plan.steps and plan.timesteps is not None:
            return plan.timesteps
        rule = plan.rule if plan.rule is not None and steps <= max_steps(plan.rule) else "trailing"
        return timesteps_for(rule, steps)

    def _drops_penultimate(self) -> bool:
        """Whether the host asked for one noise level more, to leave out the last but one (a user's option, or the sampler's nature)."""
        own = self._p.sampler.config.options.get("discard_next_to_last_sigma", False)
        return bool(own or shared.opts.always_discard_next_to_last_sigma)
