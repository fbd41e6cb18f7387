"""Stable Diffusion 1's noise schedule, and the deterministic step between two of its levels.

Noise prediction: x_t = alpha_t x_0 + sigma_t eps, with alpha^2 + sigma^2 = 1. Tensors of timesteps are int64 [n].
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

TIMESTEPS = 1000
CLEAN = -1
"""The timestep behind the last one: no noise."""


def alphas_cumprod() -> Tensor:
    """float32 [1000], alpha_t^2 of the "scaled linear" schedule (Rombach et al., 2112.10752)."""
    betas = torch.linspace(0.00085**0.5, 0.0120**0.5, TIMESTEPS, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0).float()


_ALPHA = torch.cat([alphas_cumprod().sqrt(), torch.ones(1)])  # [-1] is CLEAN
_SIGMA = torch.cat([(1 - alphas_cumprod()).sqrt(), torch.zeros(1)])


def _levels(timestep: Tensor) -> tuple[Tensor, Tensor]:
    """alpha_t and sigma_t, float32 [n], where the timesteps are."""
    return _ALPHA.to(timestep.device)[timestep], _SIGMA.to(timestep.device)[timestep]


def per_sample(values: Tensor) -> Tensor:
    """[n] -> [n, 1, 1, 1], to scale latents."""
    return values[:, None, None, None]


def add_noise(clean: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
    """x_0 and eps -> x_t; all but `timestep` [n, 4, 8, 8]."""
    alpha, sigma = _levels(timestep)
    return per_sample(alpha) * clean + per_sample(sigma) * noise


def predict_clean(sample: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
    """x_t and predicted eps -> x_0."""
    alpha, sigma = _levels(timestep)
    return (sample - per_sample(sigma) * noise) / per_sample(alpha)


def ddim_step(sample: Tensor, noise: Tensor, timestep: Tensor, target: Tensor) -> Tensor:
    """x_t and predicted eps -> x at the lower `target` level, which may be `CLEAN` (Song et al., 2010.02502, eta 0)."""
    return add_noise(predict_clean(sample, noise, timestep), noise, target)


def add_more_noise(sample: Tensor, timestep: Tensor, noise: Tensor, target: Tensor) -> Tensor:
    """x_t and fresh noise -> x at the `target` level, for those above t; x_t itself for the others."""
    (alpha, sigma), (goal_alpha, goal_sigma) = _levels(timestep), _levels(target)
    kept = goal_alpha / alpha
    added = (goal_sigma.square() - (kept * sigma).square()).clamp(min=0).sqrt()
    return torch.where(per_sample(target > timestep), per_sample(kept) * sample + per_sample(added) * noise, sample)


def trailing_timesteps(steps: int) -> Tensor:
    """int64 [steps + 1]: 999 first, evenly down, then `CLEAN` (Lin et al., 2305.08891, "trailing")."""
    visited = np.round(np.arange(TIMESTEPS, 0, -TIMESTEPS / steps)).astype(np.int64) - 1
    return torch.tensor([*visited.tolist(), CLEAN])
