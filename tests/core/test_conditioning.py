"""What distilled networks take and give, against diffusers' pipeline and schedulers."""
from __future__ import annotations

import pytest
import torch

from lib_fewstep.core.conditioning import eps_from_x0, guidance_embedding
from lib_fewstep.core.samplers import sample_lcm
from lib_fewstep.core.schedules import shifted, sigmas_at, training_sigmas
from tests.core.toy import images

diffusers = pytest.importorskip("diffusers")

SIGMAS = training_sigmas().double()


@pytest.mark.parametrize("width", [256, 320, 7])
@pytest.mark.parametrize("scale", [1.0, 3.0, 8.0, 13.0])
def test_the_guidance_embedding_is_that_of_diffusers(scale: float, width: int) -> None:
    pipeline = diffusers.LatentConsistencyModelPipeline
    theirs = pipeline.get_guidance_scale_embedding(None, torch.tensor([scale - 1]), embedding_dim=width)
    assert torch.allclose(guidance_embedding(scale, width), theirs, atol=1e-6)


@pytest.mark.parametrize("timestep", [999, 800, 19])
def test_eps_of_a_predicted_picture_leads_back_to_it(timestep: int) -> None:
    x0, noise = images(), images(seed=7)
    sigma = SIGMAS[timestep].expand(2)
    scaled = (x0 + SIGMAS[timestep] * noise) / (1 + SIGMAS[timestep] ** 2).sqrt()
    eps = eps_from_x0(scaled, x0, sigma)
    assert torch.allclose(eps, noise, atol=1e-4)


def test_a_predicted_picture_is_what_euler_of_diffusers_makes_of_it_in_one_step() -> None:
    """SDXL-Lightning's 1-step UNet: EulerDiscrete, trailing, prediction_type sample."""
    scheduler = diffusers.EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="trailing", prediction_type="sample"
    )
    scheduler.set_timesteps(1)
    x, picture = images(seed=3) * SIGMAS[999], images()
    scaled = scheduler.scale_model_input(x, scheduler.timesteps[0])
    theirs = scheduler.step(picture, scheduler.timesteps[0], x, return_dict=False)[0]
    denoised = x - SIGMAS[999] * eps_from_x0(scaled, picture, SIGMAS[999].expand(2))
    assert torch.allclose(denoised, theirs.to(denoised), atol=1e-4)


@pytest.mark.parametrize("shift, expected", [(250, [249, 187, 124, 62]), (500, [499, 374, 249, 124]), (None, [999, 749, 499, 249])])
def test_shifted_timesteps_are_those_that_nitrofusion_publishes(shift: int | None, expected: list[int]) -> None:
    assert shifted([999, 749, 499, 249], shift) == expected


@pytest.mark.parametrize("shift", [250, 500])
def test_a_shifted_model_gets_the_variance_preserving_latent_of_the_nominal_timestep(shift: int) -> None:
    """Written in variance-preserving terms: the latent has the noise of t, the network is asked at t's shifted timestep."""
    nominal = [999, 749, 499, 249]
    asked = shifted(nominal, shift)
    start, draws = images(seed=11), [images(seed=seed) for seed in (21, 22, 23)]

    def network(sample: torch.Tensor, t: int) -> torch.Tensor:
        return torch.tanh(sample) * (0.5 + t / 2000)

    abar = 1 / (1 + SIGMAS**2)
    expected = start
    for i, t_shifted in enumerate(map(int, asked)):
        x0 = (expected - (1 - abar[t_shifted]).sqrt() * network(expected, t_shifted)) / abar[t_shifted].sqrt()
        last = i == len(nominal) - 1
        expected = x0 if last else abar[nominal[i + 1]].sqrt() * x0 + (1 - abar[nominal[i + 1]]).sqrt() * draws[i]

    def model(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        t = int((SIGMAS - sigma[0]).abs().argmin())
        return x - sigma[0] * network(x / (1 + sigma[0] ** 2).sqrt(), t)

    sigmas, noise = sigmas_at(asked, SIGMAS), iter(draws)
    found = sample_lcm(
        model, start * (1 + sigmas[0] ** 2).sqrt(), sigmas, disable=True, noise_sampler=lambda *_: next(noise),
        noise_sigmas=sigmas_at(nominal, SIGMAS),
    )
    assert torch.allclose(found, expected, rtol=1e-5, atol=1e-5 * float(expected.abs().max()))
