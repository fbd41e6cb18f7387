"""The plan's timesteps, in the host's hook for a schedule of one's own; and as many img2img steps as the plan says."""
from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from ..core.passes import Pass
from ..core.plan import Plan
from ..core.schedules import FLOW, TRAIN_TIMESTEPS, Rule, is_flow, max_steps, sigmas_for, timesteps_for
from . import settings
from .hosts import Job
from .request import is_img2img
from .state import plan_of


def pass_of(plan: Plan, p: Job) -> Pass:
    """The pass that runs now, as planned."""
    return plan.hires if plan.hires is not None and getattr(p, "is_hr_pass", False) else plan.first


class Timesteps:
    """`p.sampler_noise_scheduler_override`: steps -> sigmas, shape (steps + 1,).

    For a pass that begins below full noise the host asks for more steps than it makes, and makes the last of them.
    """

    def __init__(self, plan: Plan, p: Job):
        self._plan, self._p = plan, p

    def __call__(self, steps: int) -> torch.Tensor:
        dropped = self._drops_penultimate()
        wanted = steps - 1 if dropped else steps
        rule, timesteps = self._timesteps(wanted)
        sigmas = sigmas_for(rule, timesteps, noise_levels(self._p.sampler.model_wrap))
        unused = sigmas[:1].expand(max(0, wanted + 1 - len(sigmas)))
        sigmas = torch.cat([unused, sigmas])
        return torch.cat([sigmas[:-1], sigmas[-2:]]) if dropped else sigmas

    def _timesteps(self, steps: int) -> tuple[Rule, Sequence[float]]:
        """Those of the plan for the pass that runs; for a pass that the plan does not know, its rule. And the rule they come from."""
        rule, planned = self._plan.rule or "trailing", pass_of(self._plan, self._p)
        if planned.timesteps is not None and len(planned.timesteps) <= steps:
            return rule, planned.timesteps
        rule = rule if steps <= max_steps(rule) else FLOW if is_flow(rule) else "trailing"
        return rule, timesteps_for(rule, steps, shift=planned.shift)

    def _drops_penultimate(self) -> bool:
        """Whether the host asked for one noise level more, to leave out the last but one (a user's option, or the sampler's nature)."""
        own = self._p.sampler.config.options.get("discard_next_to_last_sigma", False)
        return bool(own or settings.opts().always_discard_next_to_last_sigma)


def noise_levels(model_wrap: Any) -> torch.Tensor:
    """The model's noise level at each timestep, from the wrapper that a host's sampler has around it. A flow model's table is longer.

    The hosts' own sampler LCM has every twentieth alone and works out the others; DDIM, PLMS and UniPC know the model's alphas.
    """
    sigmas = getattr(model_wrap, "sigmas", None)
    if sigmas is not None and len(sigmas) >= TRAIN_TIMESTEPS:
        return sigmas
    if sigmas is not None:
        return model_wrap.t_to_sigma(torch.arange(TRAIN_TIMESTEPS, device=sigmas.device))
    alphas_cumprod = model_wrap.inner_model.alphas_cumprod
    return ((1 - alphas_cumprod) / alphas_cumprod).sqrt()


def steer_img2img(p: Job) -> None:
    """Makes an img2img pass run as many steps as the plan says; by itself the host makes `denoise * steps` of them.

    To be called when `p.sampler` exists and before it runs. Given a number of steps, as hires gives it, the host makes just that many.
    """
    plan, sampler = plan_of(p), getattr(p, "sampler", None)
    if sampler is None or not is_img2img(p):
        return
    vars(sampler).pop("sample_img2img", None)  # what an earlier batch's plan has put there
    if plan is None or plan.first.timesteps is None:
        return
    sampler.sample_img2img = partial(type(sampler).sample_img2img, sampler, steps=len(plan.first.timesteps))
