"""PeRFlow sampling in k-diffusion's call shape: see samplers.py for what the samplers have in common.

Proof: tests/core/test_perflow.py compares every step with the formulas of the authors' PeRFlowScheduler.
"""
from __future__ import annotations

from typing import Any

import torch
from tqdm.auto import trange

from .profiles import DDIM_EPS
from .samplers import Denoiser, NoiseSampler, StepCallback, report, sigmas_of
from .schedules import PERFLOW_WINDOWS, TRAIN_TIMESTEPS

_WINDOW = TRAIN_TIMESTEPS // PERFLOW_WINDOWS


@torch.no_grad()
def sample_perflow(
    model: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    extra_args: dict[str, Any] | None = None,
    callback: StepCallback | None = None,
    disable: bool | None = None,
    noise_sampler: NoiseSampler | None = None,
    prediction: str = DDIM_EPS,
    model_sigmas: torch.Tensor | None = None,
) -> torch.Tensor:
    """Straight lines through four windows of time (Piecewise Rectified Flow, Yan et al. 2024): each answer points to its window's end.

    The latent is the variance-preserving one, and only at the windows' ends as noisy as its timestep; `sigmas` tell at which timesteps the
    model is asked. It ends at timestep 0 and not at noise level 0, as the authors hand it to the VAE. `prediction`: what the eps of the
    model means, `ddim_eps` (their SDXL) or `diff_eps` (their SD 1.5). `model_sigmas` as in `sample_tcd`. No noise is drawn.
    """
    extra_args = extra_args or {}
    table = (sigmas_of(model) if model_sigmas is None else model_sigmas).to(x)
    times = [*(_time_of(sigma, table) for sigma in sigmas[:-1]), 0]
    batch = x.new_ones([x.shape[0]])
    latent = x / (1 + sigmas[0] ** 2).sqrt()
    for i in trange(len(sigmas) - 1, disable=disable):
        x = latent * (1 + sigmas[i] ** 2).sqrt()
        denoised = model(x, sigmas[i] * batch, **extra_args)
        report(callback, i, x, sigmas[i], denoised)
        end, reached = _window_end(latent, (x - denoised) / sigmas[i], times[i], prediction, table)
        latent = latent + (reached - latent) * ((times[i + 1] - times[i]) / (end - times[i]))
    return latent


def _window_end(
    latent: torch.Tensor, eps: torch.Tensor, time: int, prediction: str, table: torch.Tensor
) -> tuple[int, torch.Tensor]:
    """When the window of `time` ends, and the latent there: on the line from its start through `latent`, for an eps of the start."""
    start = -(-time // _WINDOW) * _WINDOW
    end = start - _WINDOW
    abar_start, abar_end = (1 / (1 + table[max(t - 1, 0)] ** 2) for t in (start, end))
    growth = (abar_end / abar_start).sqrt()
    of_ddim, of_diff = (1 - abar_end).sqrt() - growth * (1 - abar_start).sqrt(), -(growth**2 - 1).sqrt()
    share = of_ddim if prediction == DDIM_EPS else of_diff
    whole = growth * (time - start) + (end - time)
    return end, (growth * (end - start) * latent + share * (end - time) * eps) / whole


def _time_of(sigma: torch.Tensor, table: torch.Tensor) -> int:
    """1 to 1000, by the nearest noise level. A host that is asked for the model's last timestep, 999, means PeRFlow's 1000."""
    index = int((table.log() - sigma.to(table).log()).abs().argmin())
    return TRAIN_TIMESTEPS if index == len(table) - 1 else max(index, 1)
