"""Which timesteps a sampler visits: the product's rules, and what the WebUIs' schedules make of the same number of steps.

Timesteps are floats 0 ... 999, sigmas k-diffusion's noise levels; between two timesteps log(sigma) is linear, as in the WebUIs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from lib_fewstep.core.schedules import LCM_ORIGINAL_STEPS, RULES, TRAIN_TIMESTEPS, timesteps_for, training_sigmas

SIGMAS = training_sigmas()
_LOW, _HIGH = float(SIGMAS[0]), float(SIGMAS[-1])
_AYS = (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029)
"""Align Your Steps for SD 1.5 (Sabour et al., 2404.14507), as published for ten steps."""


def sigma_at(timesteps: Tensor) -> Tensor:
    """The noise levels of timesteps, float [n]."""
    low = timesteps.floor().long()
    share = timesteps - low
    logs = SIGMAS.log()
    return ((1 - share) * logs[low] + share * logs[(low + 1).clamp(max=TRAIN_TIMESTEPS - 1)]).exp()


def timestep_at(sigma: Tensor) -> Tensor:
    """The inverse of `sigma_at` for one noise level; levels outside the table count as its ends."""
    logs = SIGMAS.log()
    low = int((torch.searchsorted(logs, sigma.log(), right=True) - 1).clamp(0, TRAIN_TIMESTEPS - 2))
    share = (sigma.log() - logs[low]) / (logs[low + 1] - logs[low])
    return (low + share).clamp(0, TRAIN_TIMESTEPS - 1)


def sigmas_of(schedule: str | Sequence[int], steps: int) -> Tensor:
    """The noise levels that are visited, then 0 ("KL Optimal" ends above it).

    `schedule`: a name in `HOST`, a rule of the product, or the timesteps themselves.

    Raises KeyError for an unknown name.
    """
    if not isinstance(schedule, str) or schedule in RULES:
        return _closed(sigma_at(torch.tensor(timesteps_for(schedule, steps), dtype=torch.float32)))
    return HOST[schedule](steps) if schedule == "KL Optimal" else _closed(HOST[schedule](steps))


def _closed(sigmas: Tensor) -> Tensor:
    return torch.cat([sigmas.float(), torch.zeros(1)])


def _even(steps: int) -> Tensor:
    return sigma_at(torch.linspace(TRAIN_TIMESTEPS - 1, 0, steps))


def _sgm_uniform(steps: int) -> Tensor:
    return sigma_at(torch.linspace(TRAIN_TIMESTEPS - 1, 0, steps + 1)[:-1])


def _simple(steps: int) -> Tensor:
    return SIGMAS[[TRAIN_TIMESTEPS - 1 - int(i * TRAIN_TIMESTEPS / steps) for i in range(steps)]]


def _ddim(steps: int) -> Tensor:
    return SIGMAS[list(reversed(range(1, TRAIN_TIMESTEPS, TRAIN_TIMESTEPS // steps)))]


def _karras(steps: int) -> Tensor:
    share = torch.linspace(0, 1, steps)
    return (_HIGH ** (1 / 7) + share * (_LOW ** (1 / 7) - _HIGH ** (1 / 7))) ** 7


def _exponential(steps: int) -> Tensor:
    return torch.linspace(np.log(_HIGH), np.log(_LOW), steps).exp()


def _kl_optimal(steps: int) -> Tensor:
    share = torch.arange(steps + 1) / steps
    return torch.tan(share * np.arctan(_LOW) + (1 - share) * np.arctan(_HIGH))


def _beta(steps: int) -> Tensor:
    quantiles = stats.beta.ppf(1 - np.linspace(0, 1, steps), 0.6, 0.6)
    return torch.from_numpy(_LOW + quantiles * (_HIGH - _LOW))


def _align_your_steps(steps: int) -> Tensor:
    places = np.linspace(0, len(_AYS) - 1, steps)
    return torch.from_numpy(np.exp(np.interp(places, np.arange(len(_AYS)), np.log(_AYS))))


def _lcm_automatic(steps: int) -> Tensor:
    """What the WebUIs' own LCM sampler visits with "Automatic": even steps on its grid of fifty, both ends included."""
    stride = TRAIN_TIMESTEPS // LCM_ORIGINAL_STEPS
    even = torch.linspace(TRAIN_TIMESTEPS - 1, stride - 1, steps)
    return SIGMAS[((even + 1) / stride).round().long() * stride - 1]


HOST: dict[str, Callable[[int], Tensor]] = {
    "Automatic": _even,
    "Karras": _karras,
    "Exponential": _exponential,
    "SGM Uniform": _sgm_uniform,
    "Simple": _simple,
    "Normal": _even,
    "DDIM": _ddim,
    "Beta": _beta,
    "KL Optimal": _kl_optimal,
    "Align Your Steps": _align_your_steps,
    "LCM Automatic": _lcm_automatic,
}
"""The schedules of the WebUIs; "Automatic" is "Uniform" and, for one model, "Normal"."""
