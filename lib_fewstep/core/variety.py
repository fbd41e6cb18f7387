"""Variety: pictures that differ more from seed to seed, by noise on the text that a pass' first steps see.

Distilled models draw nearly the same picture for every seed: their first step, from pure noise, answers the text more than the noise. A
text that is a little off, differently for every seed, sends it elsewhere; the later steps see the text as it is and mend what is wrong.
Source of the idea: SeedVarianceEnhancer (github.com/ChangeTheConstants/SeedVarianceEnhancer), as in InvokeAI's pull request 8753. How
much helps how much is measured in docs/variety.md.
"""
from __future__ import annotations

import torch


def varied(text: torch.Tensor, noise: torch.Tensor, variety: float) -> torch.Tensor:
    """`text` with noise of `variety` times its own size. Text and standard normal noise have shape (rows, tokens, channels).

    A text's size is the median over its tokens of their standard deviation: some encoders make single tokens hundreds of times larger.
    """
    size = text.float().std(-1, keepdim=True).median(1, keepdim=True).values
    return (text + variety * size * noise.to(text.device)).to(text.dtype)


def acts(step: int, steps: int) -> bool:
    """Whether it acts in a pass' evaluation `step` (from 0) of `steps`: in the first quarter of them, at least in the first."""
    return 4 * step < max(steps, 1)
