"""What a negative prompt does at CFG 1: Normalized Attention Guidance beside CFG in the first steps, or in all.

The prompts leave the background open ("a small red star"). The negative prompt is the same sentence with the background that came out
without one. *Kept*: that background is still there (less is better). *Right*: shape and colour are still as asked (more is better).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from demo.judge import recognise
from demo.lora import merge_lora
from demo.scenes import BACKGROUND, COLOUR, COLOURS, LAYOUT, SHAPE, SHAPES, SINGLE, SIZE, SIZES, sample_attributes
from demo.weights import Models
from lib_fewstep.core.nag import Nag, guided

from ..autoencoder import decode
from ..base import predict_noise
from .evaluation import LCM, LIGHTNING, TCD, Evaluation, _encode, scheduler_of

_SCENES_SEED, _BATCH, _REFERENCES = 5, 250, 300


@dataclass(frozen=True)
class Method:
    name: str
    lora: str
    sampler: str
    steps: int
    gamma: float | None = None


@dataclass(frozen=True)
class Way:
    """How the negative prompt acts: by NAG, or by CFG in the first `cfg_steps` steps."""

    name: str
    nag: Nag | None = None
    cfg: float = 1.0
    cfg_steps: int = 0


METHODS = (
    Method("LCM, 4 steps", LCM, "LCM", 4), Method("TCD, 4 steps", TCD, "TCD", 4, 0.3),
    *(Method(f"Lightning, {steps} steps", LIGHTNING[steps], "Euler, trailing", steps) for steps in (2, 4, 8)),
)  # fmt: skip
_ALL = 99
WAYS = (
    Way("no negative prompt"), Way("NAG, alpha 0.5, until sigma 4", Nag(2, 2.5, 0.5, 4)),
    Way("NAG, alpha 0.375, until sigma 4", Nag(2, 2.5, 0.375, 4)), Way("NAG, alpha 0.5, in all steps", Nag(2, 2.5, 0.5, 0)),
    *(Way(f"CFG {cfg:g} in {name}", None, cfg, steps) for cfg in (1.5, 2) for name, steps in
      (("the first step", 1), ("the first 2 steps", 2), ("all steps", _ALL))),
)  # fmt: skip


def scenes(count: int) -> tuple[NDArray[Any], list[str]]:
    """Fixed scenes of one shape: what is wanted, [count, attributes], and the prompts, which leave the background open."""
    drawn = sample_attributes(4 * count, np.random.default_rng(_SCENES_SEED))
    wanted = drawn[drawn[:, LAYOUT] == SINGLE][:count]
    return wanted, [f"a {SIZES[each[SIZE]]} {COLOURS[each[COLOUR]]} {SHAPES[each[SHAPE]]}" for each in wanted]


def against(prompts: list[str], seen: NDArray[Any]) -> list[str]:
    """The negative prompts: each prompt with the background that came out."""
    there = zip(prompts, seen[:, BACKGROUND], strict=True)
    return [f"{prompt} on a {COLOURS[background]} background" for prompt, background in there]


def kept_and_right(seen: NDArray[Any], plain: NDArray[Any], wanted: NDArray[Any]) -> tuple[float, float]:
    """The share of pictures that still have the background that came out without a negative prompt, and of those with shape and colour."""
    kept = seen[:, BACKGROUND] == plain[:, BACKGROUND]
    right = (seen[:, [SHAPE, COLOUR]] == wanted[:, [SHAPE, COLOUR]]).all(1)
    return float(kept.mean()), float(right.mean())


class _CrossAttention:
    """diffusers' processor of a cross-attention, guided while `negative` is there."""

    negative: Tensor | None = None
    by: Nag | None = None

    def __call__(self, attention: Any, hidden_states: Tensor, encoder_hidden_states: Tensor, **_: Any) -> Tensor:
        queries = attention.to_q(hidden_states)
        output = self._attend(attention, queries, encoder_hidden_states)
        if self.negative is not None and self.by is not None:
            output = guided(output, self._attend(attention, queries, self.negative), self.by)
        return attention.to_out[1](attention.to_out[0](output))

    @staticmethod
    def _attend(attention: Any, queries: Tensor, text: Tensor) -> Tensor:
        given = (queries, attention.to_k(text), attention.to_v(text))
        q, k, v = (each.unflatten(-1, (attention.heads, -1)).transpose(1, 2) for each in given)
        return scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class NegativePrompts:
    """Fixed scenes and noise, the same for every method and way."""

    def __init__(self, models: Models, prompts: int) -> None:
        self.models, self.at = models, Evaluation(models, prompts, _REFERENCES)
        self.wanted, self.sentences = scenes(prompts)
        self.text = _encode(self.sentences, models)
        self.noise = self.at.noise[: len(self.wanted)]
        self.cross = _CrossAttention()
        own: Any = self.at.unet.attn_processors
        processors: Any = {name: self.cross if "attn2" in name else each for name, each in own.items()}
        self.at.unet.set_attn_processor(processors)

    def measure(self, method: Method, ways: Collection[Way]) -> Iterator[tuple[Way, float, float]]:
        """(way, kept, right) for each of `ways`, shares 0 to 1; "kept" is of the backgrounds that come out without a negative prompt."""
        self.at.unet.load_state_dict(self.at.base)
        merge_lora(self.at.unet, self.models.loras[method.lora], 1.0)
        plain = self._seen(method, WAYS[0], self.text)
        negative = _encode(against(self.sentences, plain), self.models)
        for way in ways:
            seen = plain if way is WAYS[0] else self._seen(method, way, negative)
            yield way, *kept_and_right(seen, plain, self.wanted)

    def _seen(self, method: Method, way: Way, negative: Tensor) -> NDArray[Any]:
        return recognise(self.at.judge, decode(self.at.vae, self.sample(method, way, negative)))

    @torch.no_grad()
    def sample(self, method: Method, way: Way, negative: Tensor) -> Tensor:
        """The sampling loop -> scaled latents [prompts, 4, 8, 8]."""
        scheduler, step_options = scheduler_of(method.sampler, method.steps, method.gamma)
        sample = self.noise * scheduler.init_noise_sigma
        for step, timestep in enumerate(scheduler.timesteps):
            abar = float(scheduler.alphas_cumprod[int(timestep)])
            given = scheduler.scale_model_input(sample, timestep)
            noise = self._answer(given, timestep, way, negative, step, ((1 - abar) / abar) ** 0.5)
            sample = scheduler.step(noise, timestep, sample, return_dict=False, **step_options)[0]
        return sample

    def _answer(self, given: Tensor, timestep: Tensor, way: Way, negative: Tensor, step: int, sigma: float) -> Tensor:
        parts = []
        for latents, text, against in zip(given.split(_BATCH), self.text.split(_BATCH), negative.split(_BATCH), strict=True):
            with self._guided(way, against, sigma):
                noise = predict_noise(self.at.unet, latents, timestep, text)
            if step < way.cfg_steps:
                free = predict_noise(self.at.unet, latents, timestep, against)
                noise = free + way.cfg * (noise - free)
            parts.append(noise)
        return torch.cat(parts)

    @contextmanager
    def _guided(self, way: Way, negative: Tensor, sigma: float) -> Iterator[None]:
        on = way.nag is not None and sigma >= way.nag.until
        self.cross.negative, self.cross.by = (negative, way.nag) if on else (None, None)
        try:
            yield
        finally:
            self.cross.negative = None

