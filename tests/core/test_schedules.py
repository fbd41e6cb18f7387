"""Which timesteps are visited: against diffusers' schedulers, and against the published tables."""

from __future__ import annotations

import pytest
import torch

from lib_fewstep.core.schedules import lcm_timesteps, max_steps, sigmas_at, sigmas_for, timesteps_for, trailing_timesteps, training_sigmas

CONFIG = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}

PUBLISHED_TRAILING = {
    1: [999], 2: [999, 499], 3: [999, 666, 332], 4: [999, 749, 499, 249], 6: [999, 832, 666, 499, 332, 166],
    8: [999, 874, 749, 624, 499, 374, 249, 124],
}  # fmt: skip
PUBLISHED_LCM = {
    1: [999], 2: [999, 499], 3: [999, 679, 339], 4: [999, 759, 499, 259], 6: [999, 839, 679, 499, 339, 179],
    8: [999, 879, 759, 639, 499, 379, 259, 139],
}  # fmt: skip


@pytest.mark.parametrize("steps", PUBLISHED_TRAILING)
def test_trailing_is_as_published(steps: int) -> None:
    assert trailing_timesteps(steps) == PUBLISHED_TRAILING[steps]


@pytest.mark.parametrize("steps", PUBLISHED_LCM)
def test_the_lcm_grid_is_as_published(steps: int) -> None:
    assert lcm_timesteps(steps) == PUBLISHED_LCM[steps]


@pytest.mark.parametrize("name", ("LCMScheduler", "TCDScheduler"))
def test_the_lcm_grid_is_that_of_diffusers(name: str) -> None:
    scheduler = getattr(pytest.importorskip("diffusers"), name)(**CONFIG)
    for steps in range(1, 51):
        scheduler.set_timesteps(steps)
        assert lcm_timesteps(steps) == scheduler.timesteps.tolist(), steps


@pytest.mark.parametrize("percent", range(10, 100, 10))
def test_the_lcm_grid_at_part_strength_is_that_of_diffusers(percent: int) -> None:
    """As its img2img pipeline for latent consistency models does it: all steps in the part that is left."""
    scheduler = pytest.importorskip("diffusers").LCMScheduler(**CONFIG)
    strength = percent / 100
    points = int(50 * strength)
    for steps in range(1, points + 1):
        scheduler.set_timesteps(steps, strength=strength)
        assert lcm_timesteps(steps, strength) == scheduler.timesteps.tolist(), (steps, strength)
    with pytest.raises(ValueError):
        lcm_timesteps(points + 1, strength)


def test_the_lcm_grid_at_part_strength_is_as_published() -> None:
    assert lcm_timesteps(4, 0.5) == [499, 379, 259, 139]
    assert lcm_timesteps(4, 0.75) == [739, 559, 379, 199]


def test_trailing_is_that_of_diffusers() -> None:
    scheduler = pytest.importorskip("diffusers").EulerDiscreteScheduler(**CONFIG, timestep_spacing="trailing")
    for steps in range(1, 51):
        scheduler.set_timesteps(steps)
        assert trailing_timesteps(steps) == scheduler.timesteps.long().tolist(), steps


def test_trailing_sigmas_are_those_of_diffusers() -> None:
    scheduler = pytest.importorskip("diffusers").EulerDiscreteScheduler(**CONFIG, timestep_spacing="trailing")
    for steps in (n for n in range(1, 51) if 1000 % n == 0):
        scheduler.set_timesteps(steps)
        torch.testing.assert_close(sigmas_at(trailing_timesteps(steps), training_sigmas()), scheduler.sigmas, rtol=1e-4, atol=0)


def test_training_sigmas_are_those_of_diffusers() -> None:
    alphas = pytest.importorskip("diffusers").DDIMScheduler(**CONFIG).alphas_cumprod.double()
    expected = ((1 - alphas) / alphas).sqrt().float()
    torch.testing.assert_close(training_sigmas(), expected, rtol=5e-5, atol=0)  # diffusers' product is in single precision


def test_training_sigmas_are_as_published() -> None:
    sigmas = training_sigmas()
    assert sigmas.shape == (1000,) and bool((sigmas.diff() > 0).all())
    assert sigmas[[0, 19, 999]].tolist() == pytest.approx([0.02916753, 0.13445081, 14.61464662], rel=5e-5)
    assert sigmas[[999, 749, 499, 249]].tolist() == pytest.approx([14.6146, 4.0817, 1.6129, 0.6932], abs=6e-5)


def test_sigmas_at_ends_at_zero_and_keeps_the_models_own_table() -> None:
    table = torch.arange(1000, dtype=torch.float64) + 7
    found = sigmas_at([999, 500, 0], table)
    assert found.tolist() == [1006, 507, 7, 0] and found.dtype == torch.float64


@pytest.mark.parametrize("rule", ("lcm", "trailing"))
@pytest.mark.parametrize("strength", (1.0, 0.9, 0.5, 0.3))
def test_every_schedule_descends_within_the_noise_that_is_left(rule: str, strength: float) -> None:
    for steps in range(1, min(max_steps(rule, strength), 60) + 1):
        visited = timesteps_for(rule, steps, strength)
        assert len(visited) == steps and visited == sorted(set(visited), reverse=True)
        assert visited[0] == int(1000 * strength) - 1 and visited[-1] >= 0


def test_a_list_serves_its_first_entries() -> None:
    turbo = (999, 899, 799, 699)
    assert timesteps_for(turbo, 2) == [999, 899] and timesteps_for(turbo, 4) == list(turbo)
    assert max_steps(turbo) == 4


@pytest.mark.parametrize(
    "rule, steps, value, expected",
    [
        ("lcm", 0, "0 steps", "1 to 50"),
        ("lcm", 51, "51 steps", "1 to 50"),
        ("lcm", -1, "-1 steps", "1 to 50"),
        ("trailing", 1001, "1001 steps", "1 to 1000"),
        ("trailing", 0, "0 steps", "1 to 1000"),
        ((999, 899), 3, "3 steps", "1 to 2"),
        ("leading", 4, "'leading'", "lcm, trailing, perflow, flow, flux, flux2 or a list"),
    ],
)
def test_an_impossible_wish_is_told_with_its_value_and_what_is_possible(rule: str, steps: int, value: str, expected: str) -> None:
    with pytest.raises(ValueError) as error:
        timesteps_for(rule, steps)
    assert value in str(error.value) and expected in str(error.value)


@pytest.mark.parametrize("rule", ("lcm", "trailing", (999, 749, 499, 249)))
def test_max_steps_is_the_most_that_works(rule: str) -> None:
    assert len(timesteps_for(rule, max_steps(rule))) == max_steps(rule)
    with pytest.raises(ValueError):
        timesteps_for(rule, max_steps(rule) + 1)


def test_a_flow_models_noise_levels_are_its_even_steps_whatever_the_hosts_table_says() -> None:
    """FLUX.1-schnell's authors shift nothing; Forge's table does."""
    shifted_by_the_host = torch.linspace(0, 1, 10_000) ** 0.5
    assert sigmas_for("flow", timesteps_for("flow", 4), shifted_by_the_host).tolist() == [1, 0.75, 0.5, 0.25, 0]
    assert sigmas_for("flow", timesteps_for("flow", 4, 0.5), shifted_by_the_host).tolist() == [0.5, 0.375, 0.25, 0.125, 0]
    table = training_sigmas()
    assert torch.equal(sigmas_for("lcm", [999, 19], table), sigmas_at([999, 19], table))
