"""k-diffusion's samplers as the host's samplers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import k_diffusion.external
import k_diffusion.sampling
import torch
from modules import devices, sd_samplers_common, sd_schedulers, shared
from modules.sd_samplers_cfg_denoiser import CFGDenoiser
from modules.shared import opts
from torch import Tensor

samplers_k_diffusion: list[tuple[str, str | Callable[..., Tensor], list[str], dict[str, Any]]] = [
    ("DPM++ 2M", "sample_dpmpp_2m", ["k_dpmpp_2m"], {"scheduler": "karras"}),
    (
        "DPM++ SDE",
        "sample_dpmpp_sde",
        ["k_dpmpp_sde"],
        {"scheduler": "karras", "second_order": True, "brownian_noise": True},
    ),
    (
        "DPM++ 2M SDE",
        "sample_dpmpp_2m_sde",
        ["k_dpmpp_2m_sde"],
        {"scheduler": "exponential", "brownian_noise": True},
    ),
    (
        "DPM++ 2M SDE Heun",
        "sample_dpmpp_2m_sde",
        ["k_dpmpp_2m_sde_heun"],
        {"scheduler": "exponential", "brownian_noise": True, "solver_type": "heun"},
    ),
    (
        "DPM++ 2S a",
        "sample_dpmpp_2s_ancestral",
        ["k_dpmpp_2s_a"],
        {"scheduler": "karras", "uses_ensd": True, "second_order": True},
    ),
    (
        "DPM++ 3M SDE",
        "sample_dpmpp_3m_sde",
        ["k_dpmpp_3m_sde"],
        {"scheduler": "exponential", "discard_next_to_last_sigma": True, "brownian_noise": True},
    ),
    ("Euler a", "sample_euler_ancestral", ["k_euler_a", "k_euler_ancestral"], {"uses_ensd": True}),
    ("Euler", "sample_euler", ["k_euler"], {}),
    ("LMS", "sample_lms", ["k_lms"], {}),
    ("Heun", "sample_heun", ["k_heun"], {"second_order": True}),
    (
        "DPM2",
        "sample_dpm_2",
        ["k_dpm_2"],
        {"scheduler": "karras", "discard_next_to_last_sigma": True, "second_order": True},
    ),
    (
        "DPM2 a",
        "sample_dpm_2_ancestral",
        ["k_dpm_2_a"],
        {"scheduler": "karras", "discard_next_to_last_sigma": True, "uses_ensd": True, "second_order": True},
    ),
]

_CHURN = ["s_churn", "s_tmin", "s_tmax", "s_noise"]
sampler_extra_params: dict[Any, list[str]] = {
    "sample_euler": _CHURN,
    "sample_heun": _CHURN,
    "sample_dpm_2": _CHURN,
    "sample_dpm_2_ancestral": ["s_noise"],
    "sample_dpmpp_2s_ancestral": ["s_noise"],
    "sample_dpmpp_sde": ["s_noise"],
    "sample_dpmpp_2m_sde": ["s_noise"],
    "sample_dpmpp_3m_sde": ["s_noise"],
}


class CFGDenoiserKDiffusion(CFGDenoiser):
    """Guidance around k-diffusion's denoiser for models that predict noise."""

    @property
    def inner_model(self) -> Any:
        if self.model_wrap is None:
            self.model_wrap = k_diffusion.external.CompVisDenoiser(shared.sd_model, quantize=opts.enable_quantization)
        return self.model_wrap


class KDiffusionSampler(sd_samplers_common.Sampler):
    """Runs a sampling function: one of k-diffusion's by name, or any callable of the same shape."""

    def __init__(
        self, funcname: str | Callable[..., Tensor], sd_model: Any, options: dict[str, Any] | None = None
    ) -> None:
        super().__init__(funcname)
        self.extra_params = sampler_extra_params.get(funcname, [])
        self.options = options or {}
        self.func = funcname if callable(funcname) else getattr(k_diffusion.sampling, funcname)
        self.model_wrap_cfg = CFGDenoiserKDiffusion(self)
        self.model_wrap = self.model_wrap_cfg.inner_model

    def get_sigmas(self, p: Any, steps: int) -> Tensor:
        """The noise levels to visit: p.sampler_noise_scheduler_override, else the schedule that p names."""
        discard = self.config.options.get("discard_next_to_last_sigma", False)
        if opts.always_discard_next_to_last_sigma and not discard:
            discard = True
            p.extra_generation_params["Discard penultimate sigma"] = True
        steps += 1 if discard else 0

        scheduler = self._scheduler(p)
        if p.sampler_noise_scheduler_override:
            sigmas = p.sampler_noise_scheduler_override(steps)
        elif scheduler is None or scheduler.function is None:
            sigmas = self.model_wrap.get_sigmas(steps)
        else:
            arguments = self._scheduler_arguments(p, scheduler)
            sigmas = scheduler.function(n=steps, **arguments, device=devices.cpu)
        if discard:
            sigmas = torch.cat([sigmas[:-2], sigmas[-1:]])
        return sigmas.cpu()

    def _scheduler(self, p: Any) -> sd_schedulers.Scheduler | None:
        name = (p.hr_scheduler if p.is_hr_pass else p.scheduler) or "Automatic"
        if name == "Automatic":
            name = self.config.options.get("scheduler", None)
        return sd_schedulers.schedulers_map.get(name)

    def _scheduler_arguments(self, p: Any, scheduler: sd_schedulers.Scheduler) -> dict[str, Any]:
        notes = p.extra_generation_params
        if scheduler.label != "Automatic" and not p.is_hr_pass:
            notes["Schedule type"] = scheduler.label
        elif scheduler.label != notes.get("Schedule type"):
            notes["Hires schedule type"] = scheduler.label

        lowest, highest = self.model_wrap.sigmas[0].item(), self.model_wrap.sigmas[-1].item()
        arguments: dict[str, Any] = {"sigma_min": lowest, "sigma_max": highest}
        if opts.use_old_karras_scheduler_sigmas:
            arguments = {"sigma_min": 0.1, "sigma_max": 10.0}
        for name, own in (("sigma_min", lowest), ("sigma_max", highest)):
            chosen = getattr(opts, name)
            if chosen not in (0, own):
                arguments[name] = chosen
                notes[f"Schedule {name.removeprefix('sigma_')} sigma"] = chosen
        if scheduler.default_rho != -1 and opts.rho not in (0, scheduler.default_rho):
            arguments["rho"] = opts.rho
            notes["Schedule rho"] = opts.rho
        if scheduler.need_inner_model:
            arguments["inner_model"] = self.model_wrap
        if scheduler.label == "Beta":
            notes["Beta schedule alpha"], notes["Beta schedule beta"] = opts.beta_dist_alpha, opts.beta_dist_beta
        return arguments

    def sample(
        self,
        p: Any,
        x: Tensor,
        conditioning: Any,
        unconditional_conditioning: Any,
        steps: int | None = None,
        image_conditioning: Tensor | None = None,
    ) -> Tensor:
        step_count: int = steps or p.steps
        sigmas = self.get_sigmas(p, step_count)
        if opts.sgm_noise_multiplier:
            p.extra_generation_params["SGM noise multiplier"] = True
            x = x * torch.sqrt(1.0 + sigmas[0] ** 2.0)
        else:
            x = x * sigmas[0]
        conds = (conditioning, unconditional_conditioning, image_conditioning)
        ends = (self.model_wrap.sigmas[0].item(), self.model_wrap.sigmas[-1].item())
        return self._run(p, x, x, sigmas, sigmas, ends, step_count, conds)

    def sample_img2img(
        self,
        p: Any,
        x: Tensor,
        noise: Tensor,
        conditioning: Any,
        unconditional_conditioning: Any,
        steps: int | None = None,
        image_conditioning: Tensor | None = None,
    ) -> Tensor:
        whole, start = sd_samplers_common.setup_img2img_steps(p, steps)
        sigmas = self.get_sigmas(p, whole)
        visited = sigmas[whole - start - 1 :]
        noised = x + noise * visited[0]
        if opts.img2img_extra_noise > 0:
            p.extra_generation_params["Extra noise"] = opts.img2img_extra_noise
            noised += noise * opts.img2img_extra_noise
        self.model_wrap_cfg.init_latent = x
        conds = (conditioning, unconditional_conditioning, image_conditioning)
        return self._run(p, noised, x, visited, sigmas, (visited[-2:][0], visited[0]), start + 1, conds)

    def _run(
        self,
        p: Any,
        x: Tensor,
        last_latent: Tensor,
        visited: Tensor,
        schedule: Tensor,
        ends: tuple[Any, Any],
        steps: int,
        conds: tuple[Any, Any, Any],
    ) -> Tensor:
        """Call the sampling function with what its signature asks for."""
        arguments = self.initialize(p)
        offered = {"n": len(visited) - 1, "sigma_min": ends[0], "sigma_max": ends[1], "sigmas": visited}
        accepted = inspect.signature(self.func).parameters
        arguments |= {name: value for name, value in offered.items() if name in accepted}
        if self.config.options.get("brownian_noise", False):
            arguments["noise_sampler"] = self.create_noise_sampler(x, schedule, p)
        if self.config.options.get("solver_type", None) == "heun":
            arguments["solver_type"] = "heun"
        self.last_latent = last_latent
        cond, uncond, image_cond = conds
        self.sampler_extra_args = {
            "cond": cond,
            "image_cond": image_cond,
            "uncond": uncond,
            "cond_scale": p.cfg_scale,
            "s_min_uncond": self.s_min_uncond,
        }
        return self.launch_sampling(
            steps,
            lambda: self.func(
                self.model_wrap_cfg,
                x,
                extra_args=self.sampler_extra_args,
                disable=True,
                callback=self.callback_state,
                **arguments,
            ),
        )


def _constructor(funcname: str | Callable[..., Tensor]) -> Callable[[Any], KDiffusionSampler]:
    return lambda model: KDiffusionSampler(funcname, model)


samplers_data_k_diffusion = [
    sd_samplers_common.SamplerData(label, _constructor(funcname), aliases, options)
    for label, funcname, aliases, options in samplers_k_diffusion
]
