"""Schedules: how many noise levels (sigmas) a sampler visits, and which."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import k_diffusion.sampling
import numpy as np
import torch
from modules import shared
from scipy import stats
from torch import Tensor


@dataclasses.dataclass
class Scheduler:
    """`function(n, sigma_min, sigma_max[, inner_model][, rho], device)` -> n + 1 falling sigmas, the last one 0."""

    name: str
    label: str
    function: Callable[..., Tensor] | None

    default_rho: float = -1
    need_inner_model: bool = False
    aliases: list[str] | None = None


def uniform(n: int, sigma_min: float, sigma_max: float, inner_model: Any, device: torch.device) -> Tensor:
    """The model's own choice: equal distances in time, both ends included."""
    return inner_model.get_sigmas(n).to(device)


def normal_scheduler(n: int, sigma_min: float, sigma_max: float, inner_model: Any, device: torch.device) -> Tensor:
    """Equal distances in time, both ends included."""
    return _sigmas_at(torch.linspace(*_time_range(inner_model, sigma_min, sigma_max), n), inner_model, device)


def sgm_uniform(n: int, sigma_min: float, sigma_max: float, inner_model: Any, device: torch.device) -> Tensor:
    """Equal distances in time, without the low end: the "trailing" spacing."""
    times = torch.linspace(*_time_range(inner_model, sigma_min, sigma_max), n + 1)[:-1]
    return _sigmas_at(times, inner_model, device)


def simple_scheduler(n: int, sigma_min: float, sigma_max: float, inner_model: Any, device: torch.device) -> Tensor:
    """Every (count / n)-th of the model's sigmas, from the highest."""
    count = len(inner_model.sigmas)
    picks = [count - 1 - int(i * count / n) for i in range(n)]
    return _closed([float(inner_model.sigmas[pick]) for pick in picks], device)


def ddim_scheduler(n: int, sigma_min: float, sigma_max: float, inner_model: Any, device: torch.device) -> Tensor:
    """Every (count // n)-th of the model's sigmas, counted from the second lowest: it never starts at full noise."""
    count = len(inner_model.sigmas)
    picks = range(1, count, max(count // n, 1))
    return _closed([float(inner_model.sigmas[pick]) for pick in reversed(picks)], device)


def kl_optimal(n: int, sigma_min: float, sigma_max: float, device: torch.device) -> Tensor:
    """Equal angles arctan(sigma) (Align Your Steps, appendix); ends at sigma_min, not at 0."""
    low, high = np.arctan(sigma_min), np.arctan(sigma_max)
    share = torch.arange(n + 1, device=device) / n
    return torch.tan(share * low + (1.0 - share) * high)


def beta_scheduler(n: int, sigma_min: float, sigma_max: float, inner_model: Any, device: torch.device) -> Tensor:
    """Quantiles of a beta distribution between the two ends (Lee et al., 2407.12173)."""
    quantiles = stats.beta.ppf(1 - np.linspace(0, 1, n), shared.opts.beta_dist_alpha, shared.opts.beta_dist_beta)
    return _closed([sigma_min + float(q) * (sigma_max - sigma_min) for q in quantiles], device)


def _time_range(inner_model: Any, sigma_min: float, sigma_max: float) -> tuple[float, float]:
    return tuple(float(inner_model.sigma_to_t(torch.tensor(sigma))) for sigma in (sigma_max, sigma_min))  # type: ignore


def _sigmas_at(times: Tensor, inner_model: Any, device: torch.device) -> Tensor:
    return _closed([float(inner_model.t_to_sigma(time)) for time in times], device)


def _closed(sigmas: list[float], device: torch.device) -> Tensor:
    return torch.tensor([*sigmas, 0.0], dtype=torch.float32, device=device)


_sampling = k_diffusion.sampling

schedulers = [
    Scheduler("automatic", "Automatic", None),
    Scheduler("uniform", "Uniform", uniform, need_inner_model=True),
    Scheduler("karras", "Karras", _sampling.get_sigmas_karras, default_rho=7.0),
    Scheduler("exponential", "Exponential", _sampling.get_sigmas_exponential),
    Scheduler("polyexponential", "Polyexponential", _sampling.get_sigmas_polyexponential, default_rho=1.0),
    Scheduler("sgm_uniform", "SGM Uniform", sgm_uniform, need_inner_model=True, aliases=["SGMUniform"]),
    Scheduler("kl_optimal", "KL Optimal", kl_optimal),
    Scheduler("simple", "Simple", simple_scheduler, need_inner_model=True),
    Scheduler("normal", "Normal", normal_scheduler, need_inner_model=True),
    Scheduler("ddim", "DDIM", ddim_scheduler, need_inner_model=True),
    Scheduler("beta", "Beta", beta_scheduler, need_inner_model=True),
]

schedulers_map = {key: scheduler for scheduler in schedulers for key in (scheduler.name, scheduler.label)}
