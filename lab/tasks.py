"""What is measured beside plain prompts: negative prompts, variety from seed to seed, and pictures to start from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from demo.scenes import ABSENT, GROUND, GROUNDS, LAYOUT, SINGLE, SIZE, SIZES, SUBJECT, SUBJECTS

from .autoencoder import decode, encode
from .drawing import render
from .measuring import Laboratory, Measured
from .sampling import Setting

_START_SEED = 77


class NegativePrompts:
    """Prompts that leave the ground open ("a small cat"). The negative prompt names the ground that came out without one."""

    def __init__(self, laboratory: Laboratory) -> None:
        self.laboratory = laboratory
        self.wanted, self.sentences = open_prompts(laboratory.wanted)
        self.text = laboratory.sampler.encode(self.sentences)

    def measure(self, setting: Setting, grounds: NDArray[np.int64] | None) -> Measured:
        """Right: subject and size are as asked, whatever the ground. `grounds` [n]: those to be avoided, None for the first way."""
        return self.laboratory.kept(f"negative, {setting.key}", setting.loras, lambda: self._measure(setting, grounds))

    def _measure(self, setting: Setting, grounds: NDArray[np.int64] | None) -> Measured:
        negative = self.text if grounds is None else self._negative(grounds)
        latents = self.laboratory.sampler.sample(setting, self.text, negative)
        return self.laboratory.judged(decode(self.laboratory.sampler.vae, latents), self.wanted, np.zeros(len(latents)), 0.0)

    def _negative(self, grounds: NDArray[np.int64]) -> Tensor:
        return self.laboratory.sampler.encode(against(self.sentences, grounds))

    @staticmethod
    def kept_ground(measured: Measured, grounds: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Per picture, whether the ground to be avoided is there still; less is better."""
        return measured.seen[:, GROUND] == grounds


def against(sentences: Sequence[str], grounds: NDArray[np.int64]) -> list[str]:
    """The negative prompts: the same sentences, with the ground that came out."""
    return [f"{sentence} {GROUNDS[ground]}" for sentence, ground in zip(sentences, grounds, strict=True)]


class Variety:
    """The same prompts, the first of them with `SEEDS` seeds each."""

    SEEDS = 4
    _SHARE = 5
    """One in so many of the prompts is drawn."""

    def __init__(self, laboratory: Laboratory) -> None:
        self.laboratory = laboratory
        wanted, sentences = open_prompts(laboratory.wanted)
        count = -(-len(wanted) // self._SHARE)
        self.wanted = wanted[:count].repeat(self.SEEDS, 0)
        self.text = laboratory.sampler.encode(sentences[:count]).repeat_interleave(self.SEEDS, 0)

    def measure(self, setting: Setting) -> Measured:
        """Right: subject and size are as asked. `paired` [n]: the mean distance of the latents to those of the prompt's other seeds."""
        return self.laboratory.kept(f"seeds, {setting.key}", setting.loras, lambda: self._measure(setting))

    def _measure(self, setting: Setting) -> Measured:
        sampler = self.laboratory.sampler
        latents = sampler.sample(setting, self.text, sampler.encode([""]).expand_as(self.text))
        apart = spread(latents, self.SEEDS).double().numpy()
        return self.laboratory.judged(decode(sampler.vae, latents), self.wanted, apart, 0.0)


def spread(latents: Tensor, seeds: int) -> Tensor:
    """Latents [prompts * seeds, ...], a prompt's seeds one after another -> [prompts * seeds], the mean distance to the other seeds."""
    each = latents.flatten(1).unflatten(0, (-1, seeds))
    return (torch.cdist(each, each).sum(-1) / (seeds - 1)).flatten()


def open_prompts(wanted: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[str]]:
    """Of scenes [n, 5] those of one subject, with the ground left open ("a small cat"): their attributes, and the sentences."""
    scenes = wanted[wanted[:, LAYOUT] == SINGLE]
    named = np.full_like(scenes, ABSENT)
    named[:, [SUBJECT, SIZE]] = scenes[:, [SUBJECT, SIZE]]
    return named, [f"a {SIZES[scene[SIZE]]} {SUBJECTS[scene[SUBJECT]]}" for scene in scenes]


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
