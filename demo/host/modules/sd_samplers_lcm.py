"""The WebUI's own LCM sampler: it sees the model only at 50 of its 1000 timesteps (19, 39 ... 999)."""

from __future__ import annotations

import itertools
from typing import Any

import k_diffusion.external
import k_diffusion.sampling
import k_diffusion.utils
import torch
from modules import sd_samplers_common, shared
from modules.sd_samplers_cfg_denoiser import CFGDenoiser
from modules.sd_samplers_kdiffusion import KDiffusionSampler
from torch import Tensor

GRID = 50
SKIP = 1000 // GRID
SIGMA_DATA = 0.5
TIMESTEP_SCALING = 10.0


class LCMCompVisDenoiser(k_diffusion.external.DiscreteEpsDDPMDenoiser):
    """A noise-predicting model on the grid; timesteps are those of the full model, rounded to the grid."""

    log_sigmas: Tensor

    def __init__(self, model: Any) -> None:
        super().__init__(model, model.alphas_cumprod[SKIP - 1 :: SKIP], quantize=None)

    def get_sigmas(self, n: int) -> Tensor:
        """n noise levels at equal distances in time, both ends of the grid included, then 0."""
        ends = self.sigma_to_t(self.sigma_max), self.sigma_to_t(self.sigma_min)
        return k_diffusion.sampling.append_zero(self.t_to_sigma(torch.linspace(float(ends[0]), float(ends[1]), n)))

    def sigma_to_t(self, sigma: Tensor, quantize: bool | None = None) -> Tensor:
        """The grid timestep whose noise level is nearest."""
        nearest = (sigma.log() - self.log_sigmas[:, None]).abs().argmin(dim=0)
        return nearest.view(sigma.shape) * SKIP + SKIP - 1

    def t_to_sigma(self, t: Tensor) -> Tensor:
        """The noise level at a timestep, interpolated between grid points."""
        return super().t_to_sigma(((t - (SKIP - 1)) / SKIP).float().clamp(0, GRID - 1))

    def get_eps(self, *args: Any, **kwargs: Any) -> Tensor:
        """The model's prediction of the noise."""
        return self.inner_model.apply_model(*args, **kwargs)

    def forward(self, input: Tensor, sigma: Tensor, **kwargs: Any) -> Tensor:
        """Denoise, then apply the boundary condition of consistency models (Luo et al., 2310.04378, eq. 9)."""
        denoised = super().forward(input, sigma, **kwargs)
        time = k_diffusion.utils.append_dims(self.sigma_to_t(sigma), input.ndim) * TIMESTEP_SCALING
        c_skip = SIGMA_DATA**2 / (time**2 + SIGMA_DATA**2)
        c_out = time / (time**2 + SIGMA_DATA**2) ** 0.5
        return c_out * denoised + c_skip * input


class CFGDenoiserLCM(CFGDenoiser):
    """Guidance around the grid model."""

    @property
    def inner_model(self) -> Any:
        if self.model_wrap is None:
            self.model_wrap = LCMCompVisDenoiser(shared.sd_model)
        return self.model_wrap


class LCMSampler(KDiffusionSampler):
    """A k-diffusion sampler over the grid model."""

    def __init__(self, funcname: Any, sd_model: Any, options: dict[str, Any] | None = None) -> None:
        super().__init__(funcname, sd_model, options)
        self.model_wrap_cfg = CFGDenoiserLCM(self)
        self.model_wrap = self.model_wrap_cfg.inner_model


def sample_lcm(
    model: Any,
    x: Tensor,
    sigmas: Tensor,
    extra_args: dict[str, Any] | None = None,
    callback: Any = None,
    disable: bool | None = None,
    noise_sampler: Any = None,
) -> Tensor:
    """Denoise fully, then noise again to the next level. x [n, 4, h, w], sigmas [steps + 1]."""
    noise_sampler = noise_sampler or k_diffusion.sampling.default_noise_sampler(x)
    for i, (sigma, next_sigma) in enumerate(itertools.pairwise(sigmas)):
        denoised = model(x, sigma * x.new_ones([x.shape[0]]), **(extra_args or {}))
        if callback is not None:
            callback({"x": x, "i": i, "sigma": sigma, "sigma_hat": sigma, "denoised": denoised})
        x = denoised + next_sigma * noise_sampler(sigma, next_sigma) if next_sigma > 0 else denoised
    return x


samplers_data_lcm = [
    sd_samplers_common.SamplerData("LCM", lambda model: LCMSampler(sample_lcm, model), ["k_lcm"], {}),
]
