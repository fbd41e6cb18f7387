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
from demo.scenes import fixed_prompts
from demo.weights import Models
from lab.autoencoder import decode
from lab.cells import OWN
from lab.measuring import TEACHER
from lab.sampling import ANCESTRAL, EULER, Sampler, Setting
from lab.statistics import z_of_difference

PROMPTS = 100
SIGNIFICANT = 2.6
"""Standard errors of a paired difference."""

FLOORS = {
    ("LCM-LoRA", 4): 0.92,
    ("LCM-LoRA", 2): 0.81,
    ("TCD", 4): 0.96,
    ("TCD", 2): 0.87,
    ("Lightning", 4): 0.96,
    ("Lightning", 2): 0.89,
    ("Lightning", 1): 0.61,
    ("Hyper-SD", 4): 0.96,
    ("Hyper-SD", 2): 0.89,
    ("Hyper-SD", 1): 0.58,
    ("Turbo (ADD)", 1): 0.60,
    ("DMD2", 1): 0.76,
}
"""Method and steps -> share of right pictures, three standard errors below what lab/REPORT.md has."""


@dataclass
class Drawn:
    """Per picture: right or not, and the squared distance of its latents to the teacher's."""

    right: np.ndarray
    distance: np.ndarray


class Bench:
    """The shipped models, prompts that the report does not have, and what was drawn already."""

    def __init__(self, models: Models) -> None:
        self.sampler, self.judge = Sampler(models), load_judge(models.judge)
        prompts = fixed_prompts(PROMPTS, skip=500)  # not those of the report
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


@pytest.mark.parametrize(("method", "steps"), FLOORS)
def test_a_method_draws_what_it_is_asked_for(bench: Bench, method: str, steps: int):
    assert bench.draw(OWN[method][steps]).right.mean() >= FLOORS[method, steps]


def changed(method: str, steps: int, weight: float | None = None, **fields: object) -> tuple[Setting, Setting]:
    """The method's own setting, and the same with something wrong."""
    own = OWN[method][steps]
    loras = own.loras if weight is None else ((own.loras[0][0], weight),)
    return own, replace(own, loras=loras, **fields)  # pyright: ignore[reportArgumentType]


FARTHER = {
    "Lightning, 4 steps on the WebUI's Automatic": changed("Lightning", 4, schedule="Automatic"),
    "Lightning, 2 steps on the WebUI's Automatic": changed("Lightning", 2, schedule="Automatic"),
    "Hyper-SD, 2 steps on the WebUI's Automatic": changed("Hyper-SD", 2, schedule="Automatic"),
    "leading timesteps": changed("Lightning", 4, schedule="DDIM"),
    "Karras": changed("Hyper-SD", 4, schedule="Karras"),
    "CFG 2": changed("Lightning", 4, cfg=2.0),
    "weight 1.2": changed("Lightning", 2, weight=1.2),
    "another sampler": changed("Lightning", 4, sampler=ANCESTRAL),
    "gamma 1": changed("TCD", 4, gamma=1.0),
}

@pytest.mark.parametrize("wrong", FARTHER)
def test_a_wrong_setting_is_farther_from_the_teacher(bench: Bench, wrong: str):
    own, setting = FARTHER[wrong]
    assert z_of_difference(bench.draw(setting).distance, bench.draw(own).distance) > SIGNIFICANT


WORSE = {
    "LCM at CFG 7": changed("LCM-LoRA", 4, cfg=7.0),
    "TCD at CFG 7": changed("TCD", 4, cfg=7.0),
    "Lightning at CFG 7": changed("Lightning", 4, cfg=7.0),
    "Hyper-SD at CFG 7": changed("Hyper-SD", 4, cfg=7.0),
    "LCM, 2 steps by hand": changed("LCM-LoRA", 2, sampler=EULER, schedule="Automatic"),
    "LCM, 2 steps on the WebUI's Automatic": changed("LCM-LoRA", 2, schedule="LCM Automatic"),
    "TCD, 2 steps by hand": changed("TCD", 2, sampler=EULER, schedule="Automatic", gamma=None),
    "Lightning, 2 steps on the WebUI's Automatic": changed("Lightning", 2, schedule="Automatic"),
    "Hyper-SD, 2 steps on the WebUI's Automatic": changed("Hyper-SD", 2, schedule="Automatic"),
    "Hyper-SD, half the weight": changed("Hyper-SD", 1, weight=0.5),
    "Turbo, half the weight": changed("Turbo (ADD)", 1, weight=0.5),
    "DMD2 from 999": changed("DMD2", 1, schedule=(999,)),
    "no LoRA": changed("Lightning", 2, weight=0.0),
}

@pytest.mark.parametrize("wrong", WORSE)
def test_a_wrong_setting_draws_less_of_what_it_is_asked_for(bench: Bench, wrong: str):
    own, setting = WORSE[wrong]
    assert z_of_difference(bench.draw(own).right.astype(float), bench.draw(setting).right.astype(float)) > SIGNIFICANT
