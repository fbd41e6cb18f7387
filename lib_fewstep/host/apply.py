"""A plan, carried out on the host's processing object `p`."""
from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from modules import sd_samplers, shared

from ..core.plan import Plan
from ..core.prompts import is_plain, with_tag
from ..core.request import Request, own_choice
from ..core.schedules import TRAIN_TIMESTEPS, max_steps, sigmas_at, timesteps_for
from . import infotext, settings
from .state import plan_of, set_plan

_BEFORE, _WRITTEN, _HIRES_SCHEDULER = "fewstep_before", "fewstep_written", "fewstep_hires_scheduler"


def restore(p: Any) -> None:
    """Takes back what an earlier plan did to `p`: scripts such as Loopback process the same object again and again."""
    for name, (before, set_by_us) in getattr(p, _BEFORE, {}).items():
        if getattr(p, name) is set_by_us or getattr(p, name) == set_by_us:
            setattr(p, name, before)
    setattr(p, _BEFORE, {})
    written = getattr(p, _WRITTEN, {})
    if written:
        current = p.extra_generation_params
        p.extra_generation_params = {key: value for key, value in current.items() if key not in written or value != written[key]}
    setattr(p, _WRITTEN, {})
    set_plan(p, None)


def request_of(p: Any, prompt: str, negative_prompt: str) -> Request:
    """What `p` would do without us: the base of the user's request."""
    hires = bool(getattr(p, "enable_hr", False))
    hires_steps = getattr(p, "hr_second_pass_steps", 0) if hires else 0
    preset = not getattr(p, "is_api", False) and hires_steps == settings.preset_hires_steps()
    return Request(
        prompt=prompt,
        negative_prompt=negative_prompt,
        denoise=float(p.denoising_strength or 0) if is_img2img(p) else 1.0,
        hires_denoise=float(p.denoising_strength or 0) if hires else None,
        hires_steps=0 if preset else hires_steps,
        host_steps=p.steps,
        host_hires_steps=hires_steps,
        host_cfg=p.cfg_scale,
        host_sampler=p.sampler_name,
        hires_sampler=own_choice(getattr(p, "hr_sampler_name", None)) if hires else "",
        hires_scheduler=_hires_scheduler(p) if hires else "",
        second_checkpoint=own_choice(getattr(p, "refiner_checkpoint", None)) or (
            own_choice(getattr(p, "hr_checkpoint_name", None)) if hires else ""
        ),
        width=p.width,
        height=p.height,
    )


def _hires_scheduler(p: Any) -> str:
    """As it was before the first batch: for "the same" the host then writes the first pass' schedule in its place."""
    if not hasattr(p, _HIRES_SCHEDULER):
        setattr(p, _HIRES_SCHEDULER, own_choice(getattr(p, "hr_scheduler", None)))
    return getattr(p, _HIRES_SCHEDULER)


def apply(plan: Plan, p: Any) -> None:
    """Sets what the plan says, on `p` alone; an inactive plan sets nothing."""
    if not plan.active:
        return
    changes = _changes(plan, p)
    setattr(p, _BEFORE, {name: (getattr(p, name), value) for name, value in changes.items()})
    for name, value in changes.items():
        setattr(p, name, value)
    written = infotext.entries(plan)
    setattr(p, _WRITTEN, written)
    p.extra_generation_params = {**p.extra_generation_params, **written}  # a new one: X/Y/Z plot gives all its cells the same
    set_plan(p, plan)


def set_hires_cfg(p: Any, cfg: float) -> None:
    """Forge and its kin read the hires pass' CFG from `p`, at each evaluation. It is taken back like all that a plan has set."""
    before = getattr(p, _BEFORE, {})
    if "hr_cfg" in before:
        p.hr_cfg = cfg
        setattr(p, _BEFORE, {**before, "hr_cfg": (before["hr_cfg"][0], cfg)})


def _changes(plan: Plan, p: Any) -> dict[str, Any]:
    """The fields of `p` that the plan sets, with their new values."""
    changes: dict[str, Any] = {
        "steps": plan.steps,
        "cfg_scale": plan.cfg,
        "sampler_name": plan.sampler,
        "scheduler": plan.scheduler,
    }
    if hasattr(p, "hr_cfg"):  # Forge: the hires pass has a CFG of its own, 1.0 by default in the API and 7 in the page
        changes["hr_cfg"] = plan.cfg
    if plan.hires_steps and plan.hires_steps != (p.hr_second_pass_steps or plan.steps):
        changes["hr_second_pass_steps"] = plan.hires_steps
    if plan.guidance is not None:  # Forge: what FLUX takes
        changes.update({name: plan.guidance for name in ("distilled_cfg_scale", "hr_distilled_cfg") if hasattr(p, name)})
    if plan.rule is not None:
        changes["sampler_noise_scheduler_override"] = _Timesteps(plan, p)
    return changes


@contextmanager
def untouched_on_error(p: Any) -> Iterator[None]:
    """The host only logs what goes wrong in a hook, and generates. Then the user's own settings shall run, and the user know."""
    try:
        yield
    except Exception as error:
        restore(p)
        p.comment(f"Accelerator: an error kept it from working, your own settings were used: {type(error).__name__}: {error}")
        raise


def tell(plan: Plan, p: Any) -> None:
    """Puts the plan's notes under the image: why it did nothing, and the others unless the user wants none."""
    for note in plan.notes if settings.notes() or not plan.active else ():
        p.comment(f"Accelerator: {note}")


def add_tag(plan: Plan, p: Any, batch: int) -> None:
    """Puts the LoRA's tag at the end of the prompts of this batch: where the host reads LoRAs and infotext, and inner passes look.

    Only now, in `before_process_batch`: earlier, other extensions may still make new prompts.
    """
    if not plan.tag:
        return
    p.prompts = [with_tag(prompt, plan.tag) for prompt in p.prompts]
    start, count = batch * p.batch_size, len(p.prompts)
    for name in ("all_prompts", "all_hr_prompts"):
        prompts = getattr(p, name, None)
        if prompts:
            tagged = [with_tag(prompt, plan.tag) for prompt in prompts[start : start + count]]
            setattr(p, name, [*prompts[:start], *tagged, *prompts[start + count :]])
    if getattr(p, "main_prompt", None) is not None:
        p.main_prompt = with_tag(p.main_prompt, plan.tag)


def match_sampler(p: Any) -> None:
    """img2img makes its sampler once, before the batches: where a batch's plan wants another, or none is left, it is made anew."""
    made = getattr(p, "sampler", None)
    if is_img2img(p) and made is not None and made.config.name != p.sampler_name:
        p.sampler = sd_samplers.create_sampler(p.sampler_name, p.sd_model)


def steer_img2img(p: Any) -> None:
    """Makes an img2img pass run as many steps as the plan says; by itself the host makes `denoise * steps` of them.

    To be called when `p.sampler` exists and before it runs. Given a number of steps, as hires gives it, the host makes just that many.
    """
    plan, sampler = plan_of(p), getattr(p, "sampler", None)
    if sampler is None or not is_img2img(p):
        return
    vars(sampler).pop("sample_img2img", None)  # what an earlier batch's plan has put there
    if plan is None or plan.timesteps is None:
        return
    sampler.sample_img2img = partial(type(sampler).sample_img2img, sampler, steps=len(plan.timesteps))


def leave_negative_unread(p: Any) -> None:
    """At CFG 1 throughout, has the host read an empty negative prompt instead of the user's: it keeps that one's encoding from picture to
    picture. Not beside weights of prompts, which bring it into the picture. For the `process_batch` hook; the infotext is made from
    `p.all_negative_prompts`, which stays as it is.
    """
    plan = plan_of(p)
    if plan is None or not math.isclose(plan.cfg, 1.0) or not settings.leaves_out_negative():
        return
    if all(map(is_plain, p.prompts)):
        p.negative_prompts = [""] * len(p.negative_prompts)
    if getattr(p, "hr_negative_prompts", None) and all(map(is_plain, p.hr_prompts)):
        p.hr_negative_prompts = [""] * len(p.hr_negative_prompts)


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
        sigmas = _sigmas(self._timesteps(wanted), self._p.sampler.model_wrap)
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


def _sigmas(timesteps: Sequence[int], model_wrap: Any) -> torch.Tensor:
    """Their noise levels, and 0. The hosts' own sampler LCM has a table of every twentieth, and reckons the others from it."""
    if len(model_wrap.sigmas) >= TRAIN_TIMESTEPS:
        return sigmas_at(timesteps, model_wrap.sigmas)
    sigmas = model_wrap.t_to_sigma(torch.as_tensor(list(timesteps), device=model_wrap.sigmas.device))
    return torch.cat([sigmas, sigmas.new_zeros(1)])
