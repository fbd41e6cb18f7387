"""How different a prompt's pictures are from seed to seed, and what makes few-step methods draw more different ones.

The prompts leave background and place open ("a small red star"). *Spread*: the mean distance between the latents of two seeds of one
prompt; in tables in percent of the undistilled model's in 30 steps. *Right*: the share of pictures with shape, colour and size as asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from demo.judge import recognise
from demo.lora import merge_lora
from demo.scenes import COLOUR, SHAPE, SIZE
from demo.weights import Models
from lib_fewstep.core.variety import acts, varied

from ..autoencoder import decode
from ..base import predict_noise
from .evaluation import LCM, LIGHTNING, TCD, Evaluation, _encode, scheduler_of
from .negative import _BATCH, Method, scenes

SEEDS = 4
_NOISE_SEED, _TEXT_SEED, _REFERENCES = 7, 8, 300
BASE, _BASE_CFG = Method("undistilled, 30 steps at CFG 4", "", "DPM++ 2M Karras", 30), 4.0
METHODS = (
    Method("LCM, 4 steps", LCM, "LCM", 4), Method("TCD, 4 steps", TCD, "TCD", 4, 0.3),
    Method("Lightning, 4 steps", LIGHTNING[4], "Euler, trailing", 4),
)  # fmt: skip
Change = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(text, standard normal noise, text of the empty prompt), each [pictures, tokens, channels] -> the text of the first step."""


@dataclass(frozen=True)
class Way:
    """A remedy: another text in the first quarter of the steps, or a first noise `louder` times as large."""

    name: str
    text: Change | None = None
    louder: float = 1.0


def towards_empty(share: float) -> Change:
    return lambda text, noise, empty: torch.lerp(text, empty, share)


def with_noise(amount: float) -> Change:
    """SeedVarianceEnhancer's way: noise of its own for every value, `amount` times as large as the text (near 1 in every token here)."""
    return lambda text, noise, empty: text + amount * text.std() * noise


def shipped(variety: float) -> Change:
    return lambda text, noise, empty: varied(text, empty[:1], noise, variety)


PLAIN = Way("as it is")
WAYS = (
    PLAIN, Way("Variety 0.5", shipped(0.5)), Way("Variety 1", shipped(1)), Way("first step half without the prompt", towards_empty(0.5)),
    Way("first step without the prompt", towards_empty(1)), Way("noise on the text of the first step", with_noise(1)),
    Way("first noise 1.25 times as large", louder=1.25),
)  # fmt: skip


class Variety:
    """Fixed prompts, seeds and noise, the same for every method and way."""

    def __init__(self, models: Models, prompts: int) -> None:
        self.models, self.at = models, Evaluation(models, 1, _REFERENCES)
        wanted, sentences = scenes(prompts)
        self.wanted = wanted.repeat(SEEDS, 0)
        self.text = _encode(sentences, models).repeat_interleave(SEEDS, 0)
        self.empty = self.at.no_text.expand_as(self.text)
        self.noise = torch.randn(len(self.text), 4, 8, 8, generator=torch.Generator().manual_seed(_NOISE_SEED))
        self.on_text = torch.randn(self.text.shape, generator=torch.Generator().manual_seed(_TEXT_SEED))

    def measure(self, method: Method, way: Way) -> tuple[float, float]:
        """Spread (a distance) and share right (0 to 1)."""
        self.at.unet.load_state_dict(self.at.base)
        if method.lora:
            merge_lora(self.at.unet, self.models.loras[method.lora], 1.0)
        latents = self.sample(method, way)
        return spread(latents), right(recognise(self.at.judge, decode(self.at.vae, latents)), self.wanted)

    @torch.no_grad()
    def sample(self, method: Method, way: Way) -> Tensor:
        """The sampling loop -> scaled latents [prompts * SEEDS, 4, 8, 8]."""
        scheduler, step_options = scheduler_of(method.sampler, method.steps, method.gamma)
        sample = self.noise * scheduler.init_noise_sigma * way.louder
        changed = self.text if way.text is None else way.text(self.text, self.on_text, self.empty)
        for step, timestep in enumerate(scheduler.timesteps):
            text = changed if acts(step, method.steps) else self.text
            noise = self._answer(scheduler.scale_model_input(sample, timestep), timestep, text, 1.0 if method.lora else _BASE_CFG)
            sample = scheduler.step(noise, timestep, sample, return_dict=False, **step_options)[0]
        return sample

    def _answer(self, given: Tensor, timestep: Tensor, texts: Tensor, cfg: float) -> Tensor:
        parts = []
        for latents, text, empty in zip(given.split(_BATCH), texts.split(_BATCH), self.empty.split(_BATCH), strict=True):
            noise = predict_noise(self.at.unet, latents, timestep, text)
            if cfg != 1:
                free = predict_noise(self.at.unet, latents, timestep, empty)
                noise = free + cfg * (noise - free)
            parts.append(noise)
        return torch.cat(parts)


def spread(latents: Tensor) -> float:
    """The mean distance between two seeds of one prompt; a prompt's seeds stand one after another."""
    each = latents.flatten(1).unflatten(0, (-1, SEEDS))
    return float(torch.cdist(each, each).sum((1, 2)).mean() / (SEEDS * (SEEDS - 1)))


def right(seen: NDArray[Any], wanted: NDArray[Any]) -> float:
    """The share of pictures in which everything that the prompt names is as asked."""
    named = [SHAPE, COLOUR, SIZE]
    return float((seen[:, named] == wanted[:, named]).all(1).mean())
