"""What all samplers have in common: their table row, their noise, their parameters, their interruption."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import k_diffusion.sampling
import torch
from modules import shared
from modules.shared import opts, state
from torch import Tensor

if TYPE_CHECKING:
    from modules.processing import StableDiffusionProcessing


class SamplerData(NamedTuple):
    """A row of the sampler table; `constructor(model)` makes a `Sampler`."""

    name: str
    constructor: Callable[[Any], Sampler]
    aliases: list[str]
    options: Mapping[str, Any]

    def total_steps(self, steps: int) -> int:
        """How often the model is asked in `steps` steps."""
        return steps * 2 if self.options.get("second_order", False) else steps


class InterruptedException(BaseException):
    """The user asked to stop. Not an Exception, so that samplers do not swallow it."""


class TorchHijack:
    """Stands in for `torch` inside k-diffusion's sampling module: `randn_like` draws from the job's own generators."""

    def __init__(self, p: StableDiffusionProcessing) -> None:
        self.rng = p.rng

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)

    def randn_like(self, x: Tensor) -> Tensor:
        """The next noise of each image; the argument only stands for the shape."""
        return self.rng.next()


def setup_img2img_steps(p: StableDiffusionProcessing, steps: int | None = None) -> tuple[int, int]:
    """(steps of the whole schedule, index of the step to start at, counted from the end).

    Plain img2img runs the last part of a schedule of p.steps. With explicit `steps` (hires fix) or the setting
    "img2img_fix_steps", exactly that many steps run, on a correspondingly longer schedule.
    """
    denoising = min(p.denoising_strength, 0.999)
    if not (opts.img2img_fix_steps or steps is not None):
        return p.steps, int(denoising * p.steps)
    wanted = steps or p.steps
    return (int(wanted / denoising) if p.denoising_strength > 0 else 0), wanted - 1


def images_tensor_to_samples(image: Tensor, approximation: int | None = None, model: Any = None) -> Tensor:
    """Pictures [n, 3, H, W] in 0..1 -> latents."""
    model = model or shared.sd_model
    return model.get_first_stage_encoding(model.encode_first_stage(image * 2 - 1))


def is_sampler_using_eta_noise_seed_delta(p: StableDiffusionProcessing) -> bool:
    """Whether the job's sampler adds noise, so that the setting "eta noise seed delta" changes the picture."""
    from modules import sd_samplers

    config = sd_samplers.find_sampler_config(p.sampler_name)
    eta = p.eta if p.eta is not None or p.sampler is None else p.sampler.eta
    return config is not None and eta != 0 and config.options.get("uses_ensd", False)


def store_latent(latent: Tensor) -> None:
    """Keep the current picture for previews."""
    state.current_latent = latent


class Sampler:
    """One pass of sampling: made by `create_sampler`, used once."""

    def __init__(self, funcname: str | Callable[..., Tensor]) -> None:
        self.funcname = funcname
        self.func: Callable[..., Tensor] = funcname  # type: ignore
        self.extra_params: list[str] = []
        self.config: SamplerData = None  # type: ignore - set by create_sampler
        self.last_latent: Tensor | None = None
        self.stop_at: int | None = None
        self.eta: float | None = None
        self.s_min_uncond = 0.0
        self.s_churn, self.s_tmin, self.s_tmax, self.s_noise = 0.0, 0.0, float("inf"), 1.0
        self.eta_option_field, self.eta_infotext_field, self.eta_default = "eta_ancestral", "Eta", 1.0
        self.conditioning_key = shared.sd_model.model.conditioning_key
        self.p: Any = None
        self.model_wrap_cfg: Any = None
        self.sampler_extra_args: dict[str, Any] = {}
        self.options: dict[str, Any] = {}

    def callback_state(self, step: dict[str, Any]) -> None:
        """What k-diffusion calls after every step with {x, i, sigma, sigma_hat, denoised}."""
        if self.stop_at is not None and step["i"] > self.stop_at:
            raise InterruptedException
        state.sampling_step = step["i"]
        shared.total_tqdm.update()

    def launch_sampling(self, steps: int, func: Callable[[], Tensor]) -> Tensor:
        """Run `func`; on interruption answer the last latent instead."""
        self.model_wrap_cfg.steps = steps
        self.model_wrap_cfg.total_steps = self.config.total_steps(steps)
        state.sampling_steps, state.sampling_step = steps, 0
        try:
            return func()
        except InterruptedException:
            assert self.last_latent is not None
            return self.last_latent

    def initialize(self, p: StableDiffusionProcessing) -> dict[str, Any]:
        """Prepare for the job `p` -> keyword arguments that the sampling function accepts and the user can set."""
        self.p = self.model_wrap_cfg.p = p
        self.model_wrap_cfg.mask, self.model_wrap_cfg.nmask = getattr(p, "mask", None), getattr(p, "nmask", None)
        self.model_wrap_cfg.step = 0
        self.model_wrap_cfg.image_cfg_scale = getattr(p, "image_cfg_scale", None)
        self.eta = p.eta if p.eta is not None else getattr(opts, self.eta_option_field, 0.0)
        self.s_min_uncond = getattr(p, "s_min_uncond", 0.0)
        k_diffusion.sampling.torch = TorchHijack(p)  # type: ignore

        accepted = inspect.signature(self.func).parameters
        arguments = {name: getattr(p, name) for name in self.extra_params if hasattr(p, name) and name in accepted}
        if "eta" in accepted:
            if self.eta != self.eta_default:
                p.extra_generation_params[self.eta_infotext_field] = self.eta
            arguments["eta"] = self.eta
        for name in set(arguments) & {"s_churn", "s_tmin", "s_tmax", "s_noise"}:
            chosen = getattr(opts, name) or (self.s_tmax if name == "s_tmax" else getattr(opts, name))
            if chosen != getattr(self, name):
                arguments[name] = chosen
                setattr(p, name, chosen)
                p.extra_generation_params[f"Sigma {name.removeprefix('s_')}"] = chosen
        return arguments

    def create_noise_sampler(self, x: Tensor, sigmas: Tensor, p: StableDiffusionProcessing) -> Any:
        """Noise for the SDE samplers that does not depend on the batch, nor on the steps."""
        if opts.no_dpmpp_sde_batch_determinism:
            return None
        first = p.iteration * p.batch_size
        seeds = p.all_seeds[first : first + p.batch_size]
        lowest = sigmas[sigmas > 0].min()
        return k_diffusion.sampling.BrownianTreeNoiseSampler(x, lowest, sigmas.max(), seed=seeds)

    def sample(self, p: Any, x: Tensor, conditioning: Any, unconditional_conditioning: Any, steps: int | None = None,
               image_conditioning: Tensor | None = None) -> Tensor:  # fmt: skip
        """Noise [n, 4, h, w] -> latent."""
        raise NotImplementedError

    def sample_img2img(self, p: Any, x: Tensor, noise: Tensor, conditioning: Any, unconditional_conditioning: Any,
                       steps: int | None = None, image_conditioning: Tensor | None = None) -> Tensor:  # fmt: skip
        """Latent and noise [n, 4, h, w] -> changed latent."""
        raise NotImplementedError
