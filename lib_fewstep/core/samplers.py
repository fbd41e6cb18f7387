"""LCM and TCD sampling in k-diffusion's call shape.

Common to all: `model(x, sigma, **extra_args)` returns the denoised latent; `x` has shape (batch, channels, height, width)
and the standard deviation of sigmas[0]; `sigmas` has shape (steps + 1,), descending, its last entry 0. Latents live in
k-diffusion's space, x = x0 + sigma * noise, in which both methods lose the alpha factors of their papers. Because the model
returns x0 whatever it predicts, eps- and v-checkpoints are the same here. No input is changed in place.
`callback` receives i, x, sigma, sigma_hat and denoised before each step. `noise_sampler(sigma, sigma_next)` returns standard
normal noise of x's shape; where noise is needed it has to be given, because noise made here would not be the host's.

Proof: tests/core/test_samplers.py compares every step with diffusers' LCMScheduler and TCDScheduler.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from tqdm.auto import trange

Denoiser = Callable[..., torch.Tensor]
NoiseSampler = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
StepCallback = Callable[[dict[str, Any]], None]


@torch.no_grad()
def sample_lcm(
    model: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    extra_args: dict[str, Any] | None = None,
    callback: StepCallback | None = None,
    disable: bool | None = None,
    noise_sampler: NoiseSampler | None = None,
    noise_sigmas: torch.Tensor | None = None,
) -> torch.Tensor:
    """Multistep consistency sampling (Latent Consistency Models, Luo et al. 2023, algorithm 3): denoise, add fresh noise, repeat.

    `noise_sigmas` (shape of `sigmas`) are the levels to which the noise is renewed where they are not those at which the model is asked,
    as for NitroFusion, which was distilled with shifted timesteps; the variance-preserving latent is the same in both.

    The boundary factors c_skip and c_out are left out: at every timestep of the grid (19 or higher) they change the result
    by less than 2e-6.
    """
    extra_args = extra_args or {}
    noise_sampler = noise_sampler or _no_noise
    batch = x.new_ones([x.shape[0]])
    for i in trange(len(sigmas) - 1, disable=disable):
        denoised = model(x, sigmas[i] * batch, **extra_args)
        report(callback, i, x, sigmas[i], denoised)
        x = denoised
        if sigmas[i + 1] > 0:
            level = sigmas[i + 1] if noise_sigmas is None else noise_sigmas[i + 1]
            x = denoised + level * noise_sampler(sigmas[i], sigmas[i + 1])
            if noise_sigmas is not None:
                x = x * ((1 + sigmas[i + 1] ** 2) / (1 + level**2)).sqrt()
    return x


@torch.no_grad()
def sample_tcd(
    model: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    extra_args: dict[str, Any] | None = None,
    callback: StepCallback | None = None,
    disable: bool | None = None,
    noise_sampler: NoiseSampler | None = None,
    gamma: float = 0.3,
    model_sigmas: torch.Tensor | None = None,
) -> torch.Tensor:
    """Strategic stochastic sampling (Trajectory Consistency Distillation, Zheng et al. 2024, algorithm 4).

    Each step jumps along the trajectory to timestep s = floor((1 - gamma) * t_next) and adds noise back up to t_next: gamma 0
    is deterministic, gamma 1 is LCM's full renewal of the noise. `model_sigmas` (shape (timesteps,), index = timestep, ascending)
    is the table that turns s into a noise level; left out, it is taken from the model that `model` wraps.

    The last step ends at timestep 0 rather than at noise level 0, and returns the variance-preserving latent there: that is
    how diffusers' TCDScheduler hands it to the VAE.
    `gamma` is not called `eta`, because the WebUIs overwrite any sampler parameter of that name.
    """
    if not 0.0 <= gamma <= 1.0:
        raise ValueError(f"gamma is {gamma}; expected 0 (deterministic) to 1 (fresh noise at every step)")
    extra_args = extra_args or {}
    noise_sampler = noise_sampler or _no_noise
    table = (sigmas_of(model) if model_sigmas is None else model_sigmas).to(x.device)
    batch = x.new_ones([x.shape[0]])
    for i in trange(len(sigmas) - 1, disable=disable):
        sigma, sigma_next = sigmas[i], sigmas[i + 1]
        denoised = model(x, sigma * batch, **extra_args)
        report(callback, i, x, sigma, denoised)
        eps = (x - denoised) / sigma
        if sigma_next > 0:
            sigma_s = _sigma_below(sigma_next, gamma, table)
            x = denoised + sigma_s * eps
            if gamma > 0:
                x = x + (sigma_next**2 - sigma_s**2).clamp(min=0).sqrt() * noise_sampler(sigma, sigma_next)
        else:
            x = (denoised + table[0] * eps) / (1 + table[0] ** 2).sqrt()
    return x


def _sigma_below(sigma_next: torch.Tensor, gamma: float, table: torch.Tensor) -> torch.Tensor:
    """The noise level at timestep floor((1 - gamma) * t_next); never above `sigma_next`.

    t_next is looked up by the nearest entry, in the log domain where the table is close to linear. gamma 0 needs no look-up,
    which keeps a noise level between two timesteps exact.
    """
    if gamma == 0:
        return sigma_next
    t_next = (table.log() - sigma_next.to(table).log()).abs().argmin()
    t_s = int((1 - gamma) * int(t_next))
    return torch.minimum(table[t_s].to(sigma_next), sigma_next)


def sigmas_of(model: Any) -> torch.Tensor:
    """The noise-level table of the innermost k-diffusion wrapper around the network.

    Searched outermost first through `.inner_model`, as guidance wrappers nest in it.
    """
    seen = model
    while seen is not None:
        table = getattr(seen, "sigmas", None)
        if isinstance(table, torch.Tensor):
            return table
        seen = getattr(seen, "inner_model", None)
    raise ValueError("the model has no table of noise levels (`sigmas`); pass model_sigmas")


def report(callback: StepCallback | None, i: int, x: torch.Tensor, sigma: torch.Tensor, denoised: torch.Tensor) -> None:
    if callback is not None:
        callback({"x": x, "i": i, "sigma": sigma, "sigma_hat": sigma, "denoised": denoised})


def _no_noise(sigma: torch.Tensor, sigma_next: torch.Tensor) -> torch.Tensor:
    raise ValueError(f"fresh noise is needed at noise level {float(sigma_next):g}; pass noise_sampler")
