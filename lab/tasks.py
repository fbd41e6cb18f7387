"""What is measured beside plain prompts: negative prompts, and pictures to start from."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .autoencoder import decode, encode
from .drawing import render
from .measuring import Laboratory, Measured
from .sampling import Setting
from .scenes import ABSENT, GROUND, GROUNDS, LAYOUT, SINGLE, SIZE, SIZES, SUBJECT, SUBJECTS

_START_SEED = 77


class NegativePrompts:
    """Prompts that leave the ground open ("a small cat"). The negative prompt names the ground that came out without one."""

    def __init__(self, laboratory: Laboratory) -> None:
        self.laboratory = laboratory
        self.wanted = laboratory.wanted[laboratory.wanted[:, LAYOUT] == SINGLE]
        self.sentences = [f"a {SIZES[scene[SIZE]]} {SUBJECTS[scene[SUBJECT]]}" for scene in self.wanted]
        self.text = laboratory.sampler.encode(self.sentences)

    def measure(self, setting: Setting, grounds: NDArray[np.int64] | None) -> Measured:
        """Right: subject and size are as asked, whatever the ground. `grounds` [n]: those to be avoided, None for the first way."""
        return self.laboratory.kept(f"negative, {setting.key}", setting.loras, lambda: self._measure(setting, grounds))

    def _measure(self, setting: Setting, grounds: NDArray[np.int64] | None) -> Measured:
        negative = self.text if grounds is None else self._negative(grounds)
        latents = self.laboratory.sampler.sample(setting, self.text, negative)
        asked = np.full_like(self.wanted, ABSENT)
        asked[:, [SUBJECT, SIZE]] = self.wanted[:, [SUBJECT, SIZE]]
        return self.laboratory.judged(decode(self.laboratory.sampler.vae, latents), asked, np.zeros(len(latents)), 0.0)

    def _negative(self, grounds: NDArray[np.int64]) -> Tensor:
        pairs = zip(self.sentences, grounds, strict=True)
        return self.laboratory.sampler.encode([f"{sentence} {GROUNDS[ground]}" for sentence, ground in pairs])

    @staticmethod
    def kept_ground(measured: Measured, grounds: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Per picture, whether the ground to be avoided is there still; less is better."""
        return measured.seen[:, GROUND] == grounds


class Img2Img:
    """Two tasks. *keep*: the start already shows what the prompt says. *change*: it shows the scene on another ground."""

    TASKS = ("keep", "change")

    def __init__(self, laboratory: Laboratory) -> None:
        self.laboratory = laboratory
        self._starts: dict[str, Tensor] = {}

    def measure(self, task: str, setting: Setting) -> Measured:
        return self.laboratory.kept(f"{task}, {setting.key}", setting.loras, lambda: self._measure(task, setting))

    def _measure(self, task: str, setting: Setting) -> Measured:
        latents = self.laboratory.sample(setting, start=self._start(task))
        return self.laboratory.look(decode(self.laboratory.sampler.vae, latents), np.zeros(len(latents)), 0.0)

    @torch.no_grad()
    def _start(self, task: str) -> Tensor:
        """Latents [prompts, 4, 8, 8] of pictures to start from."""
        if task not in self._starts:
            rng = np.random.default_rng(_START_SEED)
            scenes = self.laboratory.wanted.copy()
            if task == "change":
                scenes[:, GROUND] = (scenes[:, GROUND] + rng.integers(1, len(GROUNDS), len(scenes))) % len(GROUNDS)
            self._starts[task] = encode(self.laboratory.sampler.vae, render(scenes, rng))
        return self._starts[task]
