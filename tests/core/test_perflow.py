"""PeRFlow's sampler, step by step against the formulas of the authors' PeRFlowScheduler, written anew.

https://github.com/magic-research/piecewise-rectified-flow/blob/87bac76/src/scheduler_perflow.py
"""
from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from lib_fewstep.core.perflow import sample_perflow
from lib_fewstep.core.schedules import perflow_timesteps, sigmas_at, training_sigmas
from tests.core.toy import Denoiser, images, network

SIGMAS = training_sigmas().double()
ABAR = 1 / (1 + SIGMAS**2)
WINDOWS = [(1.0, 0.75), (0.75, 0.5), (0.5, 0.25), (0.25, 0.0)]


def published_timesteps(steps: int) -> list[int]:
    """`set_timesteps`: a linspace a window, the first `steps % 4` of them with one step more; before a host clips 1000 to 999."""
    shares = [steps // 4 + (i < steps % 4) for i in range(4)]
    parts = [np.linspace(start, end, num=n, endpoint=False) for (start, end), n in zip(WINDOWS, shares, strict=True)]
    return (np.concatenate(parts) * 1000).astype(np.int64).tolist()


def published_step(eps: torch.Tensor, t: int, following: int, sample: torch.Tensor, prediction: str) -> torch.Tensor:
    """`step`, for both meanings of eps."""
    t_c = t / 1000
    t_s, t_e = next(window for window in WINDOWS if t_c - 0.0001 > window[1])
    abar_s, abar_e = ABAR[int(t_s * 1000 - 1)], ABAR[max(int(t_e * 1000 - 1), 0)]
    if prediction == "ddim_eps":
        lambda_s = (abar_e / abar_s) ** 0.5
        eta_s = (1 - abar_e) ** 0.5 - (abar_e / abar_s * (1 - abar_s)) ** 0.5
    else:
        gamma = (abar_s / abar_e) ** 0.5
        lambda_s, eta_s = 1 / gamma, -((1 - gamma**2) ** 0.5) / gamma
    whole = lambda_s * (t_c - t_s) + (t_e - t_c)
    window_end = lambda_s * (t_e - t_s) / whole * sample + eta_s * (t_e - t_c) / whole * eps
    velocity = (window_end - sample) / (t_e - t_c)
    return sample + (following - t) / 1000 * velocity


@pytest.mark.parametrize("steps", range(4, 51))
def test_the_timesteps_are_the_authors(steps: int) -> None:
    assert perflow_timesteps(steps) == [min(t, 999) for t in published_timesteps(steps)]


def test_the_timesteps_of_their_examples() -> None:
    assert perflow_timesteps(4) == [999, 750, 500, 250] and perflow_timesteps(6) == [999, 875, 750, 625, 500, 250]
    assert perflow_timesteps(8) == [999, 875, 750, 625, 500, 375, 250, 125]


def test_what_has_no_windows_is_spaced_evenly() -> None:
    assert perflow_timesteps(2) == [999, 499] and perflow_timesteps(4, 0.5) == [499, 374, 249, 124]
    with pytest.raises(ValueError):
        perflow_timesteps(1001)


@pytest.mark.parametrize("prediction", ["ddim_eps", "diff_eps"])
@pytest.mark.parametrize("steps", [4, 5, 6, 7, 8, 16, 50])
def test_every_step_is_the_authors(steps: int, prediction: str) -> None:
    """The network is asked at 999 for 1000 in both, as the hosts can; their formulas have 1000."""
    times, latent = [*published_timesteps(steps), 0], images()
    for t, following in pairwise(times):
        latent = published_step(network(latent, min(t, 999)), t, following, latent, prediction)
    sigmas, model = sigmas_at(perflow_timesteps(steps), SIGMAS), Denoiser(SIGMAS)
    x = images() * (1 + sigmas[0] ** 2).sqrt()
    made = sample_perflow(model, x, sigmas, disable=True, prediction=prediction)
    assert [int(asked[0]) for asked in model.asked] == perflow_timesteps(steps)
    torch.testing.assert_close(made, latent, rtol=1e-6, atol=1e-6)


def test_four_steps_of_ddim_eps_are_eulers() -> None:
    """A window in one step is DDIM, which is Euler in k-diffusion's space; its noise levels are those of one timestep lower."""
    levels, latent = [999, 749, 499, 249, 0], images()
    for level, following, asked in zip(levels, levels[1:], perflow_timesteps(4), strict=False):
        x = latent * (1 + SIGMAS[level] ** 2).sqrt()
        x = x + (SIGMAS[following] - SIGMAS[level]) * network(latent, asked)
        latent = x / (1 + SIGMAS[following] ** 2).sqrt()
    sigmas = sigmas_at(perflow_timesteps(4), SIGMAS)
    made = sample_perflow(Denoiser(SIGMAS), images() * (1 + sigmas[0] ** 2).sqrt(), sigmas, disable=True)
    torch.testing.assert_close(made, latent, rtol=1e-6, atol=1e-6)


def test_an_image_does_not_depend_on_its_batch_and_steps_are_reported() -> None:
    sigmas, seen = sigmas_at(perflow_timesteps(6), SIGMAS), []
    x = images() * (1 + sigmas[0] ** 2).sqrt()
    before = x.clone()
    both = sample_perflow(Denoiser(SIGMAS), x, sigmas, disable=True, callback=lambda step: seen.append((step["i"], float(step["sigma"]))))
    alone = [sample_perflow(Denoiser(SIGMAS), part, sigmas, disable=True) for part in x.split(1)]
    torch.testing.assert_close(both, torch.cat(alone))
    assert seen == [(i, float(sigma)) for i, sigma in enumerate(sigmas[:-1])] and torch.equal(x, before)
