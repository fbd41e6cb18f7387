"""Schedules, statistics, and the lab's own sampling loop beside diffusers'."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from safetensors.torch import save_file

from demo.judge import Judge
from demo.scenes import CLASS_COUNTS
from demo.weights import Models
from lab import cells
from lab.measuring import Laboratory
from lab.report import Report
from lab.sampling import EULER, LCM_SAMPLER, Sampler, Setting
from lab.schedules import HOST, SIGMAS, sigma_at, sigmas_of, timestep_at
from lab.settings import LCM, LIGHTNING
from lab.statistics import kernel_distance, share, z_of_difference
from lab.tasks import spread
from lib_fewstep.core.nag import Nag

# What a real WebUI visits in four steps, as its probe reported it.
VISITED = {
    "Automatic": [999, 666, 333, 0],
    "Karras": [999, 687.15, 145.94, 0],
    "Exponential": [999, 538.07, 52.38, 0],
    "SGM Uniform": [999, 749.25, 499.5, 249.75],
    "Simple": [999, 749, 499, 249],
    "Normal": [999, 666, 333, 0],
    "DDIM": [751, 501, 251, 1],
    "Beta": [999, 943.93, 746.94, 0],
    "KL Optimal": [999, 581.98, 342.17, 133.87, 0],
    "Align Your Steps": [999, 612.94, 267.67, 0],
    "LCM Automatic": [999, 679, 339, 19],
}


@pytest.mark.parametrize("schedule", HOST)
def test_the_hosts_schedules_visit_what_the_hosts_visit(schedule: str):
    sigmas = sigmas_of(schedule, 4)
    asked = sigmas if schedule == "KL Optimal" else sigmas[:-1]
    assert [float(timestep_at(sigma)) for sigma in asked] == pytest.approx(VISITED[schedule], abs=0.01)
    assert schedule == "KL Optimal" or sigmas[-1] == 0


def test_timesteps_and_sigmas_are_inverse():
    for timestep in (0.0, 0.5, 19.0, 499.25, 998.5, 999.0):
        assert float(timestep_at(sigma_at(torch.tensor([timestep]))[0])) == pytest.approx(timestep, abs=1e-2)
    torch.testing.assert_close(sigma_at(torch.arange(1000).float()), SIGMAS)


def test_a_share_has_wilsons_interval():
    """Eight of ten: 0.490 to 0.943, the textbook's example; none of ten stays above 0."""
    estimate = share(np.arange(10) < 8)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((0.8, 0.490, 0.943), abs=1e-3)
    assert share(np.zeros(10, bool)).low == 0


def test_paired_differences_see_what_unpaired_ones_do_not():
    rng = np.random.default_rng(0)
    difficulty = rng.normal(0, 10, 400)
    easier = difficulty + 0.3 + rng.normal(0, 1, 400)
    assert 4 < z_of_difference(easier, difficulty) < 8
    assert z_of_difference(difficulty, difficulty) == 0


def test_the_kernel_distance_is_the_unbiased_estimate_of_its_definition():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(6, 3)), rng.normal(1, 1, size=(5, 3))

    def pairs(a: np.ndarray, b: np.ndarray, same: bool) -> float:
        values = [(x @ y / 3 + 1) ** 3 for i, x in enumerate(a) for j, y in enumerate(b) if not (same and i == j)]
        return float(np.mean(values))

    expected = pairs(first, first, True) + pairs(second, second, True) - 2 * pairs(first, second, False)
    assert kernel_distance(first, second).value == pytest.approx(expected)


def test_the_kernel_distances_interval_holds_the_truth():
    rng = np.random.default_rng(2)
    reference = rng.normal(size=(800, 4))
    near = [kernel_distance(rng.normal(size=(200, 4)), reference) for _ in range(20)]
    assert sum(each.low <= 0.05 and each.high >= -0.05 for each in near) >= 18
    assert kernel_distance(rng.normal(0.7, 1, size=(200, 4)), reference).low > max(each.value for each in near)


@pytest.fixture(scope="module")
def sampler(models: Models) -> Sampler:
    return Sampler(models)


def test_euler_on_trailing_timesteps_is_diffusers(sampler: Sampler):
    text = sampler.encode(["a large fox in the snow", "a cat left of a rocket at night"])
    setting = Setting(((LIGHTNING[4], 1.0),), EULER, "trailing", 4)
    found = sampler.sample(setting, text, text)

    scheduler = EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="trailing")
    scheduler.set_timesteps(4)
    sample = sampler._noise[:2] * scheduler.init_noise_sigma
    for timestep in scheduler.timesteps:
        with torch.no_grad():
            eps = sampler.unet(scheduler.scale_model_input(sample, timestep), timestep, encoder_hidden_states=text).sample
        sample = scheduler.step(eps, timestep, sample, return_dict=False)[0]
    torch.testing.assert_close(found, sample, rtol=1e-3, atol=1e-3)


def test_guidance_and_nag_act_in_their_steps_only(sampler: Sampler):
    text, other = sampler.encode(["a large fox in the snow"]), sampler.encode(["a cat left of a rocket at night"])
    plain = sampler.sample(Setting(((LCM, 1.0),), LCM_SAMPLER, "lcm", 4), text, other)

    def far(**changed: object) -> float:
        setting = Setting(((LCM, 1.0),), LCM_SAMPLER, "lcm", 4, **changed)  # pyright: ignore[reportArgumentType]
        return float((sampler.sample(setting, text, other) - plain).abs().max())

    assert far(cfg=2.0, guided_steps=0) == 0 and far(nag=Nag(2, 2.5, 0.5, 99)) == 0
    assert far(cfg=2.0, guided_steps=1) > 0.01 and far(nag=Nag(2, 2.5, 0.5, 4)) > 0.01


def test_variety_changes_the_text_of_the_first_quarter_of_the_steps(sampler: Sampler, monkeypatch: pytest.MonkeyPatch):
    text = sampler.encode(["a large fox in the snow"])
    seen: list[torch.Tensor] = []
    predict = sampler.predict

    def note(setting: Setting, sample: torch.Tensor, sigma: torch.Tensor, given: torch.Tensor, *others: Any) -> torch.Tensor:
        seen.append(given)
        return predict(setting, sample, sigma, given, *others)

    monkeypatch.setattr(sampler, "predict", note)
    sampler.sample(Setting(((LIGHTNING[4], 1.0),), steps=8, variety=1.0), text, text)
    assert [torch.equal(given, text) for given in seen] == [False] * 2 + [True] * 6
    first = sampler.sample(Setting(steps=1, variety=0.5), text, text)
    assert torch.equal(first, sampler.sample(Setting(steps=1, variety=0.5), text, text)), "the same noise every time"


def test_spread_is_the_mean_distance_to_the_other_seeds_of_a_prompt():
    """Of four seeds three draw the same and the fourth is 6 away from each; another prompt's pictures do not count."""
    latents = torch.zeros(8, 4, 2, 2)
    latents[3, 0, 0, 0] = 6
    latents[4:] = 100
    assert spread(latents, 4).tolist() == pytest.approx([2, 2, 2, 6, 0, 0, 0, 0])


def test_img2img_makes_the_hosts_share_or_all_steps():
    def visited(strength: float, way: str) -> list[int]:
        setting = Setting(steps=4, schedule="lcm", strength=strength, img2img=way)
        return [round(float(timestep_at(sigma))) for sigma in setting.sigmas()[:-1]]

    assert visited(0.5, "host") == [759, 499, 259] and visited(0.5, "all") == [499, 379, 259, 139]


@pytest.fixture
def untrained(models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Models:
    """The shipped models with an untrained judge of the emoji scenes, and few cells: numbers without meaning."""
    torch.manual_seed(0)
    judge = tmp_path / "judge.safetensors"
    save_file(Judge(CLASS_COUNTS).state_dict(), judge)
    own = cells.OWN["Lightning"][4]
    monkeypatch.setattr(cells, "METHODS", [cells.Method("Lightning", {4: own}, keeps=True)])
    monkeypatch.setattr(cells, "BASE", {1: Setting(steps=1, cfg=4.0), 30: Setting(steps=2, cfg=4.0)})
    monkeypatch.setattr(cells, "NEGATIVE_ROWS", {"Lightning": "tiny-lightning-4"})
    monkeypatch.setattr(cells, "_VARIETY_METHODS", ("Lightning",))
    monkeypatch.setattr(cells, "_IMG2IMG_METHODS", ("Lightning",))
    monkeypatch.setattr(cells, "_STRENGTHS", (0.5,))
    monkeypatch.setattr(cells, "_NEIGHBOURHOODS", {"Lightning": (4,)})
    monkeypatch.setattr("lab.hosts._METHODS", [("Lightning", 4, "tiny-lightning-4")])
    monkeypatch.setattr(cells, "_STACKED", (("LCM-LoRA", LCM),))
    monkeypatch.setattr(cells, "neighbours", lambda own: [("CFG 2", replace(own, cfg=2.0)), ("Karras", replace(own, schedule="Karras"))])
    monkeypatch.setattr("lab.measuring.TEACHER", Setting(steps=2, cfg=4.0))
    return replace(models, judge=judge)


def test_what_was_measured_is_not_measured_again(untrained: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    text = Report(Laboratory(untrained, 5, 20, tmp_path / "cells")).text()
    again = Laboratory(untrained, 5, 20, tmp_path / "cells")
    monkeypatch.setattr(again.sampler, "sample", None)
    assert Report(again).text() == text
    Report(again).fill_from_the_end()
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert len(headings) == 1 + 11 + 1 and "### Lightning, 4 steps" in headings
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.count("|") == before.count("|") for before, line in pairwise(tables) if line.startswith("|---"))


def test_other_weights_are_measured_anew(untrained: Models, tmp_path: Path):
    """A LoRA that was trained again has the same name; what was measured of the old one must not stand for it."""
    lora = tmp_path / "lora.safetensors"
    lora.write_bytes(untrained.loras[LCM].read_bytes())
    setting = Setting(((LCM, 1.0),), LCM_SAMPLER, "lcm", 1)
    copied = replace(untrained, loras={LCM: lora})
    first = Laboratory(copied, 3, 20, tmp_path / "cells").measure(setting)
    lora.write_bytes(untrained.loras[LIGHTNING[4]].read_bytes())
    second = Laboratory(copied, 3, 20, tmp_path / "cells").measure(setting)
    assert not np.allclose(first.paired, second.paired)
