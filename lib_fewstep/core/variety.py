"""Variety: pictures that differ more from seed to seed, because a pass' first steps see less of the prompt.

Distilled models draw nearly the same picture for every seed: their first step, from pure noise, answers the text more than the noise. The
nearer its text is to the empty prompt's, the more it leaves to the seed; the later steps see the whole prompt and mend what is wrong.
Noise on that text sends every seed elsewhere also where a model heeds its own noise little: SeedVarianceEnhancer for Z-Image
(github.com/ChangeTheConstants/SeedVarianceEnhancer), as in InvokeAI's pull request 8753. Measured in docs/variety.md.
"""
from __future__ import annotations

import math

import torch

MOST = 0.5
"""The share of the prompt that the largest variety takes away. More of it brings no more variety."""


def varied(text: torch.Tensor, empty: torch.Tensor, noise: torch.Tensor, variety: float) -> torch.Tensor:
    """`text` on its way to the `empty` prompt's by `MOST` of `variety` (0 to 1), and as much of its own size in noise.

    Text and standard normal noise have shape (rows, tokens, channels), the empty prompt's has one row; with fewer tokens it is repeated,
    as hosts lengthen it. A text's size is the median over its tokens of their standard deviation: some encoders make single tokens hundreds
    of times larger.
    """
    share, whole = MOST * variety, text.float()
    rest = empty.repeat(1, math.ceil(text.shape[1] / empty.shape[1]), 1)[:, : text.shape[1]].to(whole)
    size = whole.std(-1, keepdim=True).median(1, keepdim=True).values
    return (torch.lerp(whole, rest, share) + share * size * noise.to(whole)).to(text.dtype)


def without(vector: torch.Tensor, empty: torch.Tensor, variety: float) -> torch.Tensor:
    """The same for what sums up a whole prompt, shape (rows, channels) and (1, channels), without noise: it says a picture's size too."""
    return torch.lerp(vector.float(), empty.to(vector.device).float(), MOST * variety).to(vector.dtype)


def acts(step: int, steps: int) -> bool:
    """Whether it acts in a pass' evaluation `step` (from 0) of `steps`: in the first quarter of them, at least in the first."""
    return 4 * step < max(steps, 1)
