"""A plan, carried out on the host's processing object `p`."""
from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from modules import shared

from ..core.plan import Plan
from ..core.prompts import with_tag
from ..core.request import Request
from ..core.schedules import max_steps, sigmas_at, timesteps_for
from .state import plan_of, set_plan

_FIELDS = ("steps", "cfg_scale", "sampler_name", "scheduler", "hr_cfg", "hr_second_pass_steps", "sampler_noise_scheduler_override")
_BEFORE = "fewstep_before"


def restore(p: Any) -> None:
    """Takes back what an earlier plan did to `p`: scripts such as Loopback process the same object again and again."""
    for name, (before, set_by_us) in getattr(p, _BEFORE, {}).items():
        if getattr(p, name) is set_by_us or getattr(p, name) == set_by_us:
            setattr(p, name, before)
    setattr(p, _BEFORE, {})
    set_plan(p, None)


def request_of(p: Any) -> Request:
    """What `p` would do without us: the base of the user's request."""
    hires = bool(getattr(p, "enable_hr", False))
    return Request(
        prompt=p.all_prompts[0],
        negative_prompt=p.all_negative_prompts[0],
        denoise=float(p.denoising_strength or 0) if is_img2img(p) else 1.0,
        hires_denoise=float(p.denoising_strength or 0) if hires else None,
        hires_steps=getattr(p, "hr_second_pass_steps", 0) if hires else 0,
        host_steps=p.steps,
        host_cfg=p.cfg_scale,
        host_sampler=p.sampler_name,
    )


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
    if plan.hires_timesteps is not None and getattr(p, "hr_second_pass_steps", 0):
        p.hr_second_pass_steps = plan.hires_steps
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


def steer_img2img(p: Any) -> None:
    """Makes an img2img pass run as many steps as the plan says; by itself the host makes `denoise * steps` of them.

    To be called when `p.sampler` exists and before it runs. Given a number of steps, as hires gives it, the host makes just that many.
    """
    plan, sampler = plan_of(p), getattr(p, "sampler", None)
    if plan is None or plan.timesteps is None or not is_img2img(p) or sampler is None:
        return
    sampler.sample_img2img = partial(type(sampler).sample_img2img, sampler, steps=len(plan.timesteps))


def is_img2img(p: Any) -> bool:
    """Whether `p` begins from a picture."""
    return getattr(p, "init_images", None) is not None


class _Timesteps:
    """The host's hook for a schedule of one's own, `p.sampler_noise_scheduler_override`: steps -> sigmas, shape (steps + 1,).

    For a pass that begins below full noise the host asks for more steps than it makes, and makes the last of them.
    """

    def __init__(self, plan: Plan, p: Any):
        self._plan, self._p = plan, p

    def __call__(self, steps: int) -> torch.Tensor:
        dropped = self._drops_penultimate()
        wanted = steps - 1 if dropped else steps
        sigmas = sigmas_at(self._timesteps(wanted), self._p.sampler.model_wrap.sigmas)
        unused = sigmas[:1].expand(max(0, wanted + 1 - len(sigmas)))
        sigmas = torch.cat([unused, sigmas])
        return torch.cat([sigmas[:-1], sigmas[-2:]]) if dropped else sigmas

    def _timesteps(self, steps: int) -> Sequence[int]:
        """Those of the plan for the pass that runs; for a pass that the plan does not know, its rule."""
        plan = self._plan
        planned = plan.hires_timesteps if getattr(self._p, "is_hr_pass", False) else plan.timesteps
        if planned is not None and len(planned) <= steps:
            return planned
        rule = plan.rule if plan.rule is not None and steps <= max_steps(plan.rule) else "trailing"
        return timesteps_for(rule, steps)

    def _drops_penultimate(self) -> bool:
        """Whether the host asked for one noise level more, to leave out the last but one (a user's option, or the sampler's nature)."""
        own = self._p.sampler.config.options.get("discard_next_to_last_sigma", False)
        return bool(own or shared.opts.always_discard_next_to_last_sigma)
