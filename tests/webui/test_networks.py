"""Networks that take or give something else than the host believes, in numbers: by what went into the UNet and came out of it."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from . import hosts
from .checkpoints import Tensors, chosen
from .client import WebUI
from .conftest import Pool
from .latents import ABAR, SIGMA, Step, last_result, last_steps, noise_in
from .test_checkpoints import without_negative_prompt
from .test_generation import EULER_METHOD, hires_fields, same

UNET = "model.diffusion_model."
GUIDED = {"sd15": "LCM_Dreamshaper_v7_4k", "sdxl": "lcm-sdxl"}
"""What a full LCM is called."""
LCM_BY_HAND = {"steps": 4, "cfg_scale": 1, "sampler_name": "LCM Few-Step", "scheduler": "Automatic"}
EXACT, ROUNDED = 1e-3, 2e-2
"""Largest differences of a latent's values: copied through the sampler, and worked back from what the UNet answered."""

# ----------------------------------------------------------------------------------------------------- guidance as an input


def guidance_embedding(scale: float) -> np.ndarray:
    """256 sines and cosines of 1000 * (scale - 1), by the formula of diffusers' pipeline for LCM, which computes in single precision."""
    angles = np.float32(1000 * (scale - 1)) * np.exp(np.arange(128, dtype=np.float32) * np.float32(-np.log(10000) / 127))
    return np.concatenate([np.sin(angles), np.cos(angles)])


def projection(channels: int) -> np.ndarray:
    return (np.random.default_rng(3).standard_normal((channels, 256)) * 0.1).astype(np.float16)


def guided(tensors: Tensors) -> None:
    """A full LCM's own layer, in the name of its file."""
    channels = tensors[f"{UNET}time_embed.0.weight"].shape[1]
    tensors[f"{UNET}time_embedding.cond_proj.weight"] = projection(channels)


def baked(scale: float) -> Callable[[Tensors], None]:
    """The same guidance for good: time_embed.0 is linear, so what is added to its input may as well be added to its bias."""

    def change(tensors: Tensors) -> None:
        weight, bias = f"{UNET}time_embed.0.weight", f"{UNET}time_embed.0.bias"
        entry = tensors[weight].astype(np.float64)
        added = entry @ (projection(entry.shape[1]).astype(np.float64) @ guidance_embedding(scale))
        tensors[bias] = (tensors[bias] + added).astype(np.float32)

    return change


def test_guidance_is_fed_into_a_full_lcm(webui: WebUI) -> None:
    twice = {**hires_fields(webui), "denoising_strength": 0.5}
    with chosen(webui, GUIDED[webui.family], guided):
        made = {scale: webui.txt2img({"guidance": scale}) for scale in (3.0, 8.0)}
        hires = webui.txt2img({"guidance": 3}, **twice)
        without = webui.txt2img({"method": "lcm", "lora": "none"})
        assert webui.txt2img({}).files == made[8.0].files, "the recommended guidance is 8"
        read = webui.restored(made[3.0].files[0])
        again = webui.txt2img({"method": read["Accelerator"], "lora": read["Accelerator LoRA"], "guidance": read["Accelerator guidance"]})
    assert again.files == made[3.0].files and again.infotext == made[3.0].infotext
    assert "Accelerator: lcm-full" in made[8.0].infotext and "guidance" not in made[8.0].infotext + made[8.0].comments
    assert "Accelerator guidance: 3" in made[3.0].infotext
    assert not same(made[3.0].image, made[8.0].image) and not same(made[8.0].image, without.image)
    assert all(result.evaluations == 4 and result.loras == [] for result in made.values())
    if webui.kind in ("forge", "neo"):  # what FLUX takes there
        for result, scale in ((made[3.0], 3), (made[8.0], 8), (hires, 3)):
            assert {each["fields"][name] for each in result.passes for name in ("distilled_cfg_scale", "hr_distilled_cfg")} == {scale}
    for scale, result in made.items():
        with chosen(webui, f"baked-{scale:g}", baked(scale)):
            by_hand = webui.txt2img(**LCM_BY_HAND, **without_negative_prompt(webui))
            assert by_hand.timesteps() == result.timesteps() and same(by_hand.image, result.image)
            if scale == 3:
                assert same(webui.txt2img({"method": "lcm", "lora": "none"}, **twice).image, hires.image)


def test_guidance_without_its_layer_is_told(webui: WebUI) -> None:
    with chosen(webui, GUIDED[webui.family]):
        result = webui.txt2img({"guidance": 5})
        plain = webui.txt2img(**LCM_BY_HAND, **without_negative_prompt(webui))
    assert "file has no guidance embedding; guidance 5 is ignored" in result.comments and same(result.image, plain.image)


# --------------------------------------------------------------------------------------- predicted pictures, shifted models

OWN_ROWS = """
methods:
""" + "".join(f"""
  own-{name}:
    label: "Own {name}"
    families: [sd15, sdxl]
    weights: checkpoint
    steps: {{default: {steps}, min: 1, max: {steps}}}
    cfg: 1
    sampler: LCM Few-Step
    timesteps: {timesteps}
    scheduler: Simple
    negative_prompt: "no"
    {more}
""" for name, steps, timesteps, more in (
    ("eps", 4, "trailing", ""), ("x0", 4, "trailing", "prediction: x0"), ("nitro", 4, "trailing", "shift: 250"),
    ("late", 1, "[399]", ""),
))
NOMINAL, ASKED = [999, 749, 499, 249], [249, 187, 124, 62]
"""Even spacing in 4 steps, and at a shift of 250."""


@pytest.fixture
def own(webui: WebUI, pool: Pool) -> Iterator[WebUI]:
    """The same WebUI with rows of a user's own."""
    host, family = webui.running.host, webui.family
    pool.stop()  # one WebUI at a time
    with hosts.running(host, pool.new_folder(host), user_table=OWN_ROWS) as running:
        started = WebUI(running, family)
        started.load_checkpoint()
        started.txt2img(steps=1)
        yield started


def run(webui: WebUI, method: str, **settings: Any) -> list[Step]:
    result = webui.txt2img({"method": method, "lora": "auto" if method in ("lcm", "tcd") else "none", **settings})
    assert f"Accelerator: {method}" in result.infotext, result.comments
    return last_steps(webui)


def noises(steps: list[Step], pictures: list[np.ndarray], nominal: list[int]) -> list[np.ndarray]:
    """The fresh noise of every step after the first."""
    return [noise_in(step.given, picture, t) for step, picture, t in zip(steps[1:], pictures, nominal[1:], strict=False)]


def test_what_a_network_takes_and_gives(own: WebUI) -> None:
    start, fresh = steps_of_an_ordinary_network(own)
    a_predicted_picture_is_the_picture(own, start, fresh)
    a_predicted_picture_is_the_picture_with_any_sampler(own)
    a_shifted_network_gets_the_noise_of_the_nominal_timestep(own, start, fresh)
    every_method_starts_from_the_same_unit_noise(own, start)


def steps_of_an_ordinary_network(own: WebUI) -> tuple[np.ndarray, list[np.ndarray]]:
    """Its start, and the host's noise for this seed."""
    steps = run(own, "own-eps")
    assert [step.t for step in steps] == NOMINAL
    fresh = noises(steps, [step.picture for step in steps], NOMINAL)
    assert [noise.std() for noise in fresh] == pytest.approx([1, 1, 1], abs=0.2)
    assert np.abs(last_result(own) - steps[-1].picture).max() < ROUNDED
    return steps[0].given, fresh


def a_predicted_picture_is_the_picture(own: WebUI, start: np.ndarray, fresh: list[np.ndarray]) -> None:
    steps = run(own, "own-x0", steps=1)
    assert np.abs(last_result(own) - steps[0].answered).max() < EXACT
    assert np.abs(last_result(own) - steps[0].picture).max() > 1, "it was taken for noise"
    steps = run(own, "own-x0")
    assert [step.t for step in steps] == NOMINAL and np.abs(steps[0].given - start).max() < EXACT
    assert np.abs(last_result(own) - steps[-1].answered).max() < EXACT
    for noise, same_seed in zip(noises(steps, [step.answered for step in steps], NOMINAL), fresh, strict=True):
        assert np.abs(noise - same_seed).max() < ROUNDED


def a_predicted_picture_is_the_picture_with_any_sampler(own: WebUI) -> None:
    """Euler, too, ends at the last predicted picture, in the first pass and in a hires pass of its own."""
    for count in (1, 4):
        steps = run(own, "own-x0", steps=count, sampler="Euler")
        assert len(steps) == count and np.abs(last_result(own) - steps[-1].answered).max() < EXACT
    own.txt2img({"method": "own-x0", "lora": "none"}, **hires_fields(own), hr_sampler_name="Euler")
    now, then = last_steps(own)[-2:]
    given, following = (step.given * np.sqrt(1 + SIGMA[step.t] ** 2) for step in (now, then))
    by_euler = now.answered + (given - now.answered) * SIGMA[then.t] / SIGMA[now.t]
    assert np.abs(by_euler - following).max() < ROUNDED
    left = run(own, "own-eps")[-1]
    assert np.abs(last_result(own) - left.picture).max() < ROUNDED, "no hook may stay"


def a_shifted_network_gets_the_noise_of_the_nominal_timestep(own: WebUI, start: np.ndarray, fresh: list[np.ndarray]) -> None:
    steps = run(own, "own-nitro")
    assert [step.t for step in steps] == ASKED and np.abs(steps[0].given - start).max() < EXACT
    for noise, same_seed in zip(noises(steps, [step.picture for step in steps], NOMINAL), fresh, strict=True):
        assert np.abs(noise - same_seed).max() < ROUNDED
    assert np.abs(last_result(own) - steps[-1].picture).max() < ROUNDED
    kept = own.txt2img({"method": "own-nitro", "lora": "none", "sampler": "Euler"})
    assert kept.timesteps() == ASKED and "works with LCM Few-Step only; sampler Euler is ignored" in kept.comments


def every_method_starts_from_the_same_unit_noise(own: WebUI, start: np.ndarray) -> None:
    """Wherever its first timestep is; but for the host's Euler, which by the host's nature starts at variance sigma^2."""
    assert start.std() == pytest.approx(1, abs=0.15)
    for method in ("lcm", "tcd", "own-late"):
        assert np.abs(run(own, method)[0].given - start).max() < EXACT, method
    own.txt2img({"method": EULER_METHOD[own.family]})
    begun = last_steps(own)[0]
    assert np.abs(begun.given - start * SIGMA[begun.t] / np.sqrt(1 + SIGMA[begun.t] ** 2)).max() < EXACT


# ------------------------------------------------------------------------------------------------------------------ PeRFlow

PERFLOW = {"sd15": ("perflow-sd15-dreamshaper", "diff_eps"), "sdxl": ("perflow-sdxl-dreamshaper", "ddim_eps")}


@pytest.mark.parametrize("count", [4, 6])
def test_perflow_takes_its_authors_steps(webui: WebUI, count: int) -> None:
    """What the UNet is given next, and what comes out, by PeRFlowScheduler's formulas from what the UNet has answered."""
    name, prediction = PERFLOW[webui.family]
    with chosen(webui, name):
        webui.txt2img({"steps": count, "cfg": 1})
        steps, result = last_steps(webui), last_result(webui)
    times = [1000, *(step.t for step in steps[1:]), 0]
    assert times[1:-1] == {4: [750, 500, 250], 6: [875, 750, 625, 500, 250]}[count]
    assert steps[0].given.std() == pytest.approx(1, abs=0.15)
    following = [*(step.given for step in steps[1:]), result]
    for step, now, then, latent in zip(steps, times, times[1:], following, strict=False):
        assert np.abs(perflow_step(step, now, then, prediction) - latent).max() < EXACT


def perflow_step(step: Step, now: int, then: int, prediction: str) -> np.ndarray:
    end = (now - 1) // 250 * 250
    start = end + 250
    abar_start, abar_end = ABAR[start - 1], ABAR[max(end - 1, 0)]
    factor = np.sqrt(abar_end / abar_start)
    of_ddim, of_diff = np.sqrt(1 - abar_end) - factor * np.sqrt(1 - abar_start), -np.sqrt(1 - 1 / factor**2) * factor
    share = {"ddim_eps": of_ddim, "diff_eps": of_diff}[prediction]
    whole = factor * (now - start) + (end - now)
    at_end = factor * (end - start) / whole * step.given + share * (end - now) / whole * step.answered
    return step.given + (then - now) / (end - now) * (at_end - step.given)


# -------------------------------------------------------------------------------------------------------- CFG in some steps


def acted_cfg(steps: list[Step], result: np.ndarray) -> list[float]:
    """The CFG that each step of Euler's acted with: eps = unconditional + CFG * (conditional - unconditional), solved for CFG."""
    sigmas = [SIGMA[step.t] for step in steps]
    latents = [*(step.given[:1] * np.sqrt(1 + sigma**2) for step, sigma in zip(steps, sigmas, strict=True)), result]
    found = []
    for i, (step, sigma) in enumerate(zip(steps, sigmas, strict=True)):
        eps = (latents[i + 1] - latents[i]) / ([*sigmas, 0.0][i + 1] - sigma)
        if len(step.answered) == 1:
            assert np.abs(eps - step.answered).max() < ROUNDED
            found.append(1.0)
            continue
        conditional, unconditional = step.answered[:1], step.answered[1:]
        difference = conditional - unconditional
        cfg = float(((eps - unconditional) * difference).sum() / (difference**2).sum())
        found.append(max(cfg, 1 - cfg))  # the hosts do not agree on which row comes first
    return found


@pytest.mark.parametrize(("cfg_steps", "expected"), [(0, [2, 2, 2, 2]), (1, [2, 1, 1, 1]), (2, [2, 2, 1, 1]), (4, [2, 2, 2, 2])])
def test_cfg_acts_in_the_first_steps_alone(webui: WebUI, cfg_steps: int, expected: list[float]) -> None:
    method = EULER_METHOD[webui.family]
    result = webui.txt2img({"method": method, "cfg": 2, "cfg_steps": cfg_steps, "nag": 0}, negative_prompt="blue square")
    steps = last_steps(webui)
    assert [len(step.given) for step in steps] == expected
    assert acted_cfg(steps, last_result(webui)) == pytest.approx(expected, abs=0.05)
    assert result.evaluations == sum(expected)
