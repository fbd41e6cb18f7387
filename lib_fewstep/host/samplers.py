"""The samplers in the host's list: `LCM Few-Step`, `TCD Few-Step` and `PeRFlow Few-Step`."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from modules import sd_samplers
from modules.sd_samplers_common import SamplerData
from modules.sd_samplers_kdiffusion import KDiffusionSampler

from ..core.perflow import sample_perflow
from ..core.profiles import DDIM_EPS
from ..core.samplers import sample_lcm, sample_tcd
from ..core.schedules import LCM_ORIGINAL_STEPS, sigmas_at, timesteps_for
from . import settings
from .hosts import Job
from .state import plan_of
from .timesteps import pass_of

NAMES = {"LCM Few-Step": sample_lcm, "TCD Few-Step": sample_tcd, "PeRFlow Few-Step": sample_perflow}
_OPTIONS = {"uses_ensd": True}  # they draw noise at every step, so that the option's value belongs into the infotext
DEFAULT_GAMMA = 0.3  # diffusers' TCDScheduler.step


class FewStepSampler(KDiffusionSampler):
    """The host's k-diffusion sampler around one of ours: its noise, the plan's numbers, the methods' timesteps as schedule Automatic."""

    def initialize(self, p: Any) -> dict[str, Any]:
        arguments = super().initialize(p)
        # p.rng is what the hosts put under k-diffusion's randn_like: seeded an image, so that a batch equals its images made alone
        arguments["noise_sampler"] = lambda sigma, sigma_next: p.rng.next()
        plan = plan_of(p)
        if self.func is sample_tcd:
            arguments["gamma"] = DEFAULT_GAMMA if plan is None or plan.gamma is None else plan.gamma
        if self.func is sample_perflow:
            arguments["prediction"] = DDIM_EPS if plan is None or not plan.prediction else plan.prediction
        noise = plan and pass_of(plan, p).noise_timesteps
        if self.func is sample_lcm and noise:
            arguments["noise_sigmas"] = sigmas_at(noise, self.model_wrap.sigmas)
        return arguments

    def sample(self, p: Job, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """txt2img. The methods' own pipelines start at variance 1 + sigma²; the hosts at sigma², unless an option says so."""
        if not settings.opts().sgm_noise_multiplier:
            sigma = self.get_sigmas(p, kwargs.get("steps") or p.steps)[0].to(x)
            x = x * (1 + sigma**-2).sqrt()
        return super().sample(p, x, *args, **kwargs)

    def get_sigmas(self, p: Job, steps: int) -> torch.Tensor:
        """Chosen by hand with the schedule Automatic, the sampler visits the timesteps that its methods were trained for."""
        schedule = (p.hr_scheduler if getattr(p, "is_hr_pass", False) else p.scheduler) or "Automatic"
        if p.sampler_noise_scheduler_override or schedule != "Automatic":
            return super().get_sigmas(p, steps)
        rule = "perflow" if self.func is sample_perflow else "lcm" if steps <= LCM_ORIGINAL_STEPS else "trailing"
        return sigmas_at(timesteps_for(rule, steps), self.model_wrap.sigmas).cpu()


def register() -> None:
    """Puts our samplers into the host's lists, in place of same-named ones: safe to call again, as Reload UI does."""
    kept = [data for data in sd_samplers.all_samplers if data.name not in NAMES]
    ours = [SamplerData(name, _constructor(function), [name.lower().replace(" ", "_")], _OPTIONS) for name, function in NAMES.items()]
    _publish([*kept, *ours])


def unregister() -> None:
    """Takes our samplers out again."""
    _publish([data for data in sd_samplers.all_samplers if data.name not in NAMES])


def _constructor(function: Callable[..., torch.Tensor]) -> Callable[[Any], FewStepSampler]:
    return lambda model: FewStepSampler(function, model)


def _publish(samplers: list[Any]) -> None:
    sd_samplers.all_samplers[:] = samplers
    sd_samplers.all_samplers_map = {data.name: data for data in samplers}
    sd_samplers.set_samplers()
    sd_samplers.get_sampler_and_scheduler.cache_clear()  # it remembers names that it did not know
