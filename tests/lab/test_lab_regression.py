"""Every method of the tables draws what it is asked for on the tiny models, and visibly less with settings it was not made for.

Picture by picture, from the same noise: so a few dozen prompts suffice. A change of a sampler, a schedule or a row of the tables that
makes pictures worse turns one of these red.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from demo.judge import is_right, load_judge, recognise
from demo.scenes import demo_prompts
from demo.weights import Models
from lab.autoencoder import decode
from lab.cells import recommended
from lab.sampling import DPM, EULER, Sampler, Setting
from lab.settings import LCM, LIGHTNING, TCD
from lab.statistics import z_of_difference

pytestmark = pytest.mark.slow

PROMPTS = 60
TEACHER = Setting(sampler=EULER, schedule="trailing", steps=30, cfg=4.0)
SIGNIFICANT = 2.6
"""Standard errors of a paired difference. At 4 steps "Automatic" timesteps need some 200 prompts to stand out, so they are not here."""

OWN = {
    "LCM, 4 steps": recommended("lcm", LCM, 4),
    "TCD, 4 steps": recommended("tcd", TCD, 4),
    **{f"Lightning, {n} steps": recommended(f"tiny-lightning-{n}", LIGHTNING[n], n) for n in (8, 4, 2)},
}
FLOORS = {"LCM, 4 steps": 0.5, "TCD, 4 steps": 0.5, "Lightning, 8 steps": 0.6, "Lightning, 4 steps": 0.6, "Lightning, 2 steps": 0.5}
"""Right pictures, three standard errors below what 500 prompts gave."""


@dataclass
class Drawn:
    """Per picture: right or not, and the squared distance of its latents to the teacher's."""

    right: np.ndarray
    distance: np.ndarray


class Bench:
    """The shipped models, the first prompts of the demo, and what was drawn already."""

    def __init__(self, models: Models) -> None:
        self.sampler, self.judge = Sampler(models), load_judge(models.judge)
        prompts = demo_prompts(PROMPTS)
        self.wanted = np.array([prompt.attributes for prompt in prompts])
        self.text = self.sampler.encode([prompt.text for prompt in prompts])
        self.no_text = self.sampler.encode([""]).expand_as(self.text)
        self.teacher = self._latents(TEACHER)
        self._drawn: dict[Setting, Drawn] = {}

    def draw(self, setting: Setting) -> Drawn:
        if setting not in self._drawn:
            latents = self._latents(setting)
            right = is_right(recognise(self.judge, decode(self.sampler.vae, latents)), self.wanted).all(1)
            distance = (latents - self.teacher).square().mean((1, 2, 3))
            self._drawn[setting] = Drawn(right, distance.double().numpy())
        return self._drawn[setting]

    def _latents(self, setting: Setting) -> Tensor:
        with torch.no_grad():
            return self.sampler.sample(setting, self.text, self.no_text)


@pytest.fixture(scope="module")
def bench(models: Models) -> Bench:
    return Bench(models)


@pytest.mark.parametrize("name", OWN)
def test_a_method_draws_what_it_is_asked_for(bench: Bench, name: str):
    assert bench.draw(OWN[name]).right.mean() >= FLOORS[name]


def changed(name: str, weight: float | None = None, **fields: object) -> tuple[str, Setting]:
    own = OWN[name]
    loras = own.loras if weight is None else ((own.loras[0][0], weight),)
    return name, replace(own, loras=loras, **fields)  # pyright: ignore[reportArgumentType]


FARTHER = {
    "timesteps of the host's Automatic, 2 steps": changed("Lightning, 2 steps", schedule="Automatic"),
    "leading timesteps": changed("Lightning, 4 steps", schedule="DDIM"),
    "Karras": changed("Lightning, 4 steps", schedule="Karras"),
    "CFG 2": changed("Lightning, 4 steps", cfg=2.0),
    "half the weight": changed("Lightning, 4 steps", weight=0.5),
    "another sampler": changed("Lightning, 4 steps", sampler=DPM, schedule="Karras"),
    "gamma 1": changed("TCD, 4 steps", gamma=1.0),
}


@pytest.mark.parametrize("wrong", FARTHER)
def test_a_wrong_setting_is_farther_from_the_teacher(bench: Bench, wrong: str):
    name, setting = FARTHER[wrong]
    assert z_of_difference(bench.draw(setting).distance, bench.draw(OWN[name]).distance) > SIGNIFICANT


WORSE = {
    "LCM at CFG 7": changed("LCM, 4 steps", cfg=7.0),
    "TCD at CFG 7": changed("TCD, 4 steps", cfg=7.0),
    "Lightning at CFG 7": changed("Lightning, 4 steps", cfg=7.0),
    "another sampler": changed("Lightning, 4 steps", sampler=DPM, schedule="Karras"),
    "Lightning, 2 steps, Automatic": changed("Lightning, 2 steps", schedule="Automatic"),
    "no LoRA": changed("Lightning, 2 steps", weight=0.0),
}


@pytest.mark.parametrize("wrong", WORSE)
def test_a_wrong_setting_draws_less_of_what_it_is_asked_for(bench: Bench, wrong: str):
    name, setting = WORSE[wrong]
    assert z_of_difference(bench.draw(OWN[name]).right.astype(float), bench.draw(setting).right.astype(float)) > SIGNIFICANT
