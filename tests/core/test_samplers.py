"""The samplers, step by step against diffusers' schedulers under equal noise, and against what the theory says of any schedule."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from lib_fewstep.core.samplers import sample_lcm, sample_tcd
from lib_fewstep.core.schedules import lcm_timesteps, sigmas_at, trailing_timesteps, training_sigmas
from tests.core.toy import Denoiser, images, network, noise_like

diffusers = pytest.importorskip("diffusers")

SIGMAS = training_sigmas().double()
CONFIG = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
STEPS = (1, 2, 3, 4, 6, 8, 12)
PREDICTIONS = ("epsilon", "v_prediction")
TOLERANCE = 1e-5


def gap(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    """The largest difference, relative to the largest value."""
    return float((ours - theirs).abs().max() / theirs.abs().max())


def diffusers_run(
    scheduler: Any, steps: int, sample: torch.Tensor, net: Callable[..., torch.Tensor] = network, **step: Any
) -> list[torch.Tensor]:
    """The samples before each step and after the last, as a diffusers pipeline makes them: variance-preserving."""
    scheduler.set_timesteps(steps)
    seen = [sample]
    for timestep in scheduler.timesteps:
        output = net(scheduler.scale_model_input(seen[-1], timestep), timestep)
        seen.append(scheduler.step(output, timestep, seen[-1], return_dict=False, **step)[0])
    return seen


def our_run(
    sampler: Callable[..., torch.Tensor], timesteps: list[int], sample: torch.Tensor, model: Denoiser, **extra: Any
) -> list[torch.Tensor]:
    """The same in k-diffusion's space, and told in the variance-preserving one."""
    sigmas = sigmas_at(timesteps, SIGMAS).to(sample)
    seen: list[torch.Tensor] = []
    result = sampler(
        model,
        sample * (1 + sigmas[0] ** 2).sqrt(),
        sigmas,
        disable=True,
        callback=lambda d: seen.append(d["x"] / (1 + d["sigma"] ** 2).sqrt()),
        **extra,
    )
    return [*seen, result]


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("steps", STEPS)
def test_lcm_is_that_of_diffusers_at_every_step(steps: int, prediction: str) -> None:
    x = images()
    scheduler = diffusers.LCMScheduler(**CONFIG, prediction_type=prediction)
    theirs = diffusers_run(scheduler, steps, x, generator=torch.Generator().manual_seed(3))
    ours = our_run(sample_lcm, lcm_timesteps(steps), x, Denoiser(SIGMAS, prediction), noise_sampler=noise_like(x, 3))
    assert len(ours) == steps + 1
    assert [gap(a, b) < TOLERANCE for a, b in zip(ours, theirs, strict=True)] == [True] * (steps + 1)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("gamma", (0.0, 0.3, 0.5, 0.7, 1.0))
@pytest.mark.parametrize("steps", STEPS)
def test_tcd_is_that_of_diffusers_at_every_step(steps: int, gamma: float, prediction: str) -> None:
    x = images()
    scheduler = diffusers.TCDScheduler(**CONFIG, prediction_type=prediction)
    theirs = diffusers_run(scheduler, steps, x, eta=gamma, generator=torch.Generator().manual_seed(3))
    ours = our_run(sample_tcd, lcm_timesteps(steps), x, Denoiser(SIGMAS, prediction), gamma=gamma, noise_sampler=noise_like(x, 3))
    assert len(ours) == steps + 1
    assert [gap(a, b) < TOLERANCE for a, b in zip(ours, theirs, strict=True)] == [True] * (steps + 1)


@pytest.mark.parametrize("steps", (4, 8))
def test_tcd_on_trailing_timesteps_is_that_of_diffusers(steps: int) -> None:
    """TDD runs so. diffusers gets there through an argument of its set_timesteps."""
    x = images()
    scheduler = diffusers.TCDScheduler(**CONFIG)
    scheduler.set_timesteps(steps, original_inference_steps=1000)
    assert scheduler.timesteps.tolist() == trailing_timesteps(steps)
    generator = torch.Generator().manual_seed(3)
    sample = x
    for timestep in scheduler.timesteps:
        sample = scheduler.step(network(sample, timestep), timestep, sample, eta=0.2, generator=generator, return_dict=False)[0]
    ours = our_run(sample_tcd, trailing_timesteps(steps), x, Denoiser(SIGMAS), gamma=0.2, noise_sampler=noise_like(x, 3))
    assert gap(ours[-1], sample) < TOLERANCE


def test_lcm_on_trailing_timesteps_is_that_of_diffusers() -> None:
    """DMD2 runs so: diffusers gets the timesteps as a list."""
    x = images()
    scheduler = diffusers.LCMScheduler(**CONFIG)
    scheduler.set_timesteps(timesteps=[999, 749, 499, 249])
    generator, sample = torch.Generator().manual_seed(3), x
    for timestep in scheduler.timesteps:
        sample = scheduler.step(network(sample, timestep), timestep, sample, generator=generator, return_dict=False)[0]
    ours = our_run(sample_lcm, trailing_timesteps(4), x, Denoiser(SIGMAS), noise_sampler=noise_like(x, 3))
    assert gap(ours[-1], sample) < TOLERANCE


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("steps", [n for n in range(1, 51) if 1000 % n == 0])
def test_euler_on_our_trailing_sigmas_is_euler_trailing_of_diffusers(steps: int, prediction: str) -> None:
    scheduler = diffusers.EulerDiscreteScheduler(**CONFIG, prediction_type=prediction, timestep_spacing="trailing")
    scheduler.set_timesteps(steps)
    start = images() * scheduler.init_noise_sigma
    theirs = diffusers_run(scheduler, steps, start)[-1]
    ours, sigmas, model = start, sigmas_at(trailing_timesteps(steps), SIGMAS), Denoiser(SIGMAS, prediction)
    for sigma, sigma_next in itertools.pairwise(sigmas):
        derivative = (ours - model(ours, sigma.expand(len(ours)))) / sigma
        ours = ours + derivative * (sigma_next - sigma)
    assert gap(ours, theirs) < TOLERANCE


@pytest.mark.parametrize(
    "sampler, steps, expected",
    [(sample_lcm, 1, 18.7097), (sample_lcm, 10, 197.7616), (sample_tcd, 1, 29.8715), (sample_tcd, 10, 181.2040)],
    ids=["lcm-1", "lcm-10", "tcd-1", "tcd-10"],
)
def test_the_sums_that_diffusers_publishes(sampler: Callable[..., torch.Tensor], steps: int, expected: float) -> None:
    """From diffusers' test_scheduler_lcm.py and test_scheduler_tcd.py, whose network and sample these are. TCD there has eta 0."""
    sample = (torch.arange(4 * 3 * 8 * 8).reshape(3, 8, 8, 4) / (4 * 3 * 8 * 8)).permute(3, 0, 1, 2)
    model = Denoiser(SIGMAS, net=lambda x, t: x * t.reshape(-1, 1, 1, 1) / (t.reshape(-1, 1, 1, 1) + 1))
    generator = torch.manual_seed(0)
    extra = {"gamma": 0.0} if sampler is sample_tcd else {}
    noise = lambda sigma, sigma_next: torch.randn(sample.shape, generator=generator)  # noqa: E731
    result = our_run(sampler, lcm_timesteps(steps), sample, model, noise_sampler=noise, **extra)[-1]
    assert float(result.abs().sum()) == pytest.approx(expected, abs=1e-3)
    assert float(result.abs().mean()) == pytest.approx(expected / sample.numel(), abs=1e-3)


def test_gamma_splits_the_noise_as_published() -> None:
    """4 steps, gamma 0.3: down to 1.796, 0.984, 0.527, 0.029, and 3.863, 1.278, 0.490 and nothing added."""
    one = torch.ones(1, 1, 1, 1, dtype=torch.float64)

    def after_a_step(sigma: torch.Tensor, sigma_next: torch.Tensor, noise: float) -> float:
        """From x = sigma, with a network that says x0 = 0, so that eps is 1: sigma_down + sigma_up * noise."""
        pair = torch.stack([sigma, sigma_next])
        return float(
            sample_tcd(
                lambda x, s: 0 * x, sigma * one, pair, disable=True, gamma=0.3, model_sigmas=SIGMAS, noise_sampler=lambda a, b: noise * one
            )
        )

    steps = list(itertools.pairwise(sigmas_at(lcm_timesteps(4), SIGMAS)))
    down = [after_a_step(*pair, noise=0.0) for pair in steps]
    up = [after_a_step(*pair, noise=1.0) - low for pair, low in zip(steps, down, strict=True)]
    assert down == pytest.approx([1.796, 0.984, 0.527, 0.029], abs=6e-4)
    assert up == pytest.approx([3.863, 1.278, 0.490, 0], abs=6e-4)


# ---------------------------------------------------------------------------------------------- what holds for every schedule


def karras(steps: int) -> torch.Tensor:
    low, high = float(SIGMAS[0]) ** (1 / 7), float(SIGMAS[-1]) ** (1 / 7)
    return torch.cat([(high + torch.linspace(0, 1, steps, dtype=torch.float64) * (low - high)) ** 7, torch.zeros(1)])


def exponential(steps: int) -> torch.Tensor:
    return torch.cat([torch.linspace(math.log(SIGMAS[-1]), math.log(SIGMAS[0]), steps, dtype=torch.float64).exp(), torch.zeros(1)])


def between(steps: int) -> torch.Tensor:
    """Levels half-way between two timesteps, as the hosts' SGM Uniform makes them."""
    near = torch.tensor(trailing_timesteps(steps))
    return torch.cat([(SIGMAS[near] * SIGMAS[(near - 1).clamp(min=0)]).sqrt(), torch.zeros(1)])


def low(steps: int) -> torch.Tensor:
    """Ends below the first timestep's noise level, as some hosts' schedules may."""
    return torch.cat([karras(steps - 1)[:-1], torch.tensor([0.01, 0.0], dtype=torch.float64)])


SCHEDULES = {
    "low": low,
    "karras": karras,
    "exponential": exponential,
    "between": between,
    "trailing": lambda n: sigmas_at(trailing_timesteps(n), SIGMAS),
}
SAMPLERS = {
    "lcm": (sample_lcm, {}),
    **{f"tcd {gamma}": (sample_tcd, {"gamma": gamma, "model_sigmas": SIGMAS}) for gamma in (0.0, 0.3, 0.7, 1.0)},
}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("steps", (2, 3, 5, 9))
def test_each_step_starts_at_the_noise_level_that_the_schedule_says(name: str, schedule: str, steps: int) -> None:
    """With a network that knows the picture, what is left of x is noise of exactly this standard deviation, on any schedule."""
    sampler, extra = SAMPLERS[name]
    picture = images(1, seed=8, size=64)
    sigmas, levels = SCHEDULES[schedule](steps), []
    x = picture + sigmas[0] * images(1, seed=9, size=64)
    result = sampler(
        lambda x, sigma: picture,
        x,
        sigmas,
        disable=True,
        noise_sampler=noise_like(x),
        callback=lambda d: levels.append(float((d["x"] - picture).std() / d["sigma"])),
        **extra,
    )
    if name == "tcd 0.0":  # no fresh noise: exactly the noise it began with, between two timesteps too
        assert levels == pytest.approx([levels[0]] * steps, rel=1e-9)
    assert levels == pytest.approx([1.0] * steps, abs=0.03)  # 16384 values: three standard errors are 0.017
    assert torch.isfinite(result).all()
    assert float((result - picture).abs().max()) < 0.2  # TCD ends at timestep 0, noise level 0.029


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_schedule_that_does_not_end_at_zero_gives_finite_values(name: str) -> None:
    """The hosts' KL Optimal is one."""
    sampler, extra = SAMPLERS[name]
    x = images() * SIGMAS[-1]
    assert torch.isfinite(sampler(Denoiser(SIGMAS), x, karras(5)[:-1], disable=True, noise_sampler=noise_like(x), **extra)).all()


# ----------------------------------------------------------------------------------------------------------- the call's contract


def run(name: str, x: torch.Tensor, steps: int = 4, **more: Any) -> torch.Tensor:
    sampler, extra = SAMPLERS[name]
    sigmas = sigmas_at(lcm_timesteps(steps), SIGMAS).to(x)
    return sampler(Denoiser(SIGMAS), x * sigmas[0], sigmas, disable=True, **{"noise_sampler": noise_like(x), **extra, **more})


@pytest.mark.parametrize("name", SAMPLERS)
def test_nothing_handed_in_is_changed(name: str) -> None:
    sampler, extra = SAMPLERS[name]
    x, sigmas, table = images() * SIGMAS[-1], sigmas_at(lcm_timesteps(4), SIGMAS), SIGMAS.clone()
    denoised: list[tuple[torch.Tensor, torch.Tensor]] = []
    noises: list[tuple[torch.Tensor, torch.Tensor]] = []
    extra_args = {"cond": torch.ones(1)}

    def model(x: torch.Tensor, sigma: torch.Tensor, cond: torch.Tensor) -> torch.Tensor:
        answer = Denoiser(SIGMAS)(x, sigma)
        denoised.append((answer, answer.clone()))
        return answer

    def noise(sigma: torch.Tensor, sigma_next: torch.Tensor) -> torch.Tensor:
        made = torch.ones_like(x)
        noises.append((made, made.clone()))
        return made

    before = x.clone(), sigmas.clone()
    sampler(model, x, sigmas, extra_args, disable=True, noise_sampler=noise, **{**extra, **({"model_sigmas": table} if extra else {})})
    for now, then in [(x, before[0]), (sigmas, before[1]), (table, SIGMAS), *denoised, *noises]:
        assert torch.equal(now, then)
    assert list(extra_args) == ["cond"] and torch.equal(extra_args["cond"], torch.ones(1))
    assert len(denoised) == 4


@pytest.mark.parametrize("name", SAMPLERS)
def test_an_image_is_the_same_alone_and_in_a_batch(name: str) -> None:
    x = images(3)
    alone = [images(3, seed) for seed in (20, 21, 22)]  # the noise of three steps, image by image

    def noise_of(index: slice) -> Callable[..., torch.Tensor]:
        draws = iter(alone)
        return lambda sigma, sigma_next: next(draws)[index]

    together = run(name, x, noise_sampler=noise_of(slice(0, 3)))
    for i in range(3):
        single = run(name, x[i : i + 1], noise_sampler=noise_of(slice(i, i + 1)))
        torch.testing.assert_close(together[i : i + 1], single, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_callback_is_told_each_step_before_it_is_made(name: str) -> None:
    told: list[dict[str, Any]] = []
    x = images()
    run(name, x, steps=4, callback=told.append)
    assert [d["i"] for d in told] == [0, 1, 2, 3]
    assert all({"x", "i", "sigma", "sigma_hat", "denoised"} <= set(d) for d in told)
    assert [float(d["sigma"]) for d in told] == [float(s) for s in SIGMAS[[999, 759, 499, 259]]]
    assert torch.equal(told[0]["x"], x * SIGMAS[999])
    assert all(torch.equal(d["denoised"], Denoiser(SIGMAS)(d["x"], d["sigma"].expand(2))) for d in told)


@pytest.mark.parametrize("name, steps, draws", [("lcm", 1, 0), ("lcm", 4, 3), ("tcd 0.0", 4, 0), ("tcd 0.3", 4, 3), ("tcd 1.0", 1, 0)])
def test_noise_is_asked_for_only_where_it_is_used(name: str, steps: int, draws: int) -> None:
    asked: list[tuple[float, float]] = []
    x = images()
    run(name, x, steps, noise_sampler=lambda a, b: asked.append((float(a), float(b))) or torch.zeros_like(x))
    levels = [float(s) for s in SIGMAS[lcm_timesteps(steps)]]
    assert asked == list(itertools.pairwise(levels))[:draws]


@pytest.mark.parametrize("name", ("lcm", "tcd 0.3"))
def test_noise_that_nobody_gave_is_an_error_and_not_drawn(name: str) -> None:
    """Noise of our own would be another one in a batch, and at another seed."""
    with pytest.raises(ValueError, match="noise_sampler"):
        run(name, images(), noise_sampler=None)
    assert torch.isfinite(run("tcd 0.0", images(), noise_sampler=None)).all()
    assert torch.isfinite(run(name, images(), steps=1, noise_sampler=None)).all()


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("dtype", (torch.float32, torch.float16, torch.bfloat16))
def test_the_latent_keeps_its_type(name: str, dtype: torch.dtype) -> None:
    result = run(name, images().to(dtype))
    assert result.dtype == dtype and torch.isfinite(result).all()


@pytest.mark.parametrize("gamma", (-0.1, 1.1, math.nan, math.inf))
def test_gamma_outside_0_to_1_is_refused_by_name(gamma: float) -> None:
    with pytest.raises(ValueError) as error:
        sample_tcd(Denoiser(SIGMAS), images(), sigmas_at([999], SIGMAS), gamma=gamma)
    assert f"gamma is {gamma}" in str(error.value) and "expected 0" in str(error.value) and "to 1" in str(error.value)


def test_tcd_finds_the_noise_levels_in_the_wrapped_model() -> None:
    class Guidance:
        def __init__(self, inner: Denoiser):
            self.inner_model = inner

        def __call__(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
            return self.inner_model(x, sigma)

    x, sigmas = images(), sigmas_at(lcm_timesteps(4), SIGMAS)
    direct = sample_tcd(Denoiser(SIGMAS), x, sigmas, disable=True, noise_sampler=noise_like(x), model_sigmas=SIGMAS)
    wrapped = sample_tcd(Guidance(Denoiser(SIGMAS)), x, sigmas, disable=True, noise_sampler=noise_like(x))
    assert torch.equal(direct, wrapped)


def test_tcd_without_noise_levels_says_what_to_pass() -> None:
    with pytest.raises(ValueError, match="model_sigmas"):
        sample_tcd(lambda x, sigma: x, images(), sigmas_at([999], SIGMAS), disable=True)
