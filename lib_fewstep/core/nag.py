"""Normalized Attention Guidance: the negative prompt where CFG is 1, inside the cross-attention and without another evaluation.

Source: Chen et al., arXiv 2505.21179, equations 7 to 10; names are the paper's. Published code takes `nag_scale` instead, which is phi + 1.
"""
from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from .schedules import training_sigmas

COST = 0.25
"""How much longer an evaluation takes in which it acts: SDXL on an A100, paper, tables 4 and 9. On a CPU it is less; see docs/costs.md."""
_PAPERS_ALPHA = {"sd15": 0.375, "sd21": 0.375, "sdxl": 0.5, "ssd1b": 0.5, "vega": 0.5}


@dataclass(frozen=True)
class Nag:
    """How far it goes (`phi`; 0 is off), how long its result may grow (`tau`), how much of that is mixed in (`alpha`, 0 to 1), and down to
    which noise level (`until`, a sigma).
    """

    phi: float
    tau: float
    alpha: float
    until: float


@dataclass(frozen=True)
class NagRow:
    """What a method's row says: as `Nag`, with `alpha` by family. Where a row says nothing, it is off, and the paper's numbers stand by."""

    phi: float = 0.0
    tau: float = 2.5
    alpha: Mapping[str, float] = field(default_factory=lambda: _PAPERS_ALPHA)
    until: float = 4.0

    def of(self, family: str | None) -> Nag:
        """For a family; the gentlest alpha where it is not known."""
        return Nag(self.phi, self.tau, self.alpha.get(family or "", min(self.alpha.values())), self.until)


NO_NAG = NagRow()


def guided(positive: torch.Tensor, negative: torch.Tensor, by: Nag) -> torch.Tensor:
    """What goes to the layer's output projection instead of `positive`, its attention's output for the prompt; `negative` is that for the
    negative prompt, with the same queries. All have shape (rows, tokens, channels), heads side by side.

    In float32: half precision sums up thousands of channels badly.
    """
    z, z_negative = positive.float(), negative.float()
    extrapolated = z + by.phi * (z - z_negative)
    length, grown = z.abs().sum(-1, keepdim=True), extrapolated.abs().sum(-1, keepdim=True)
    shortened = extrapolated * (by.tau * length / grown.clamp(min=torch.finfo(torch.float32).tiny)).clamp(max=1)
    return torch.lerp(z, shortened, by.alpha).to(positive.dtype)


def acts(sigma: float, first: float, step: int, steps: int, until: float) -> bool:
    """Whether it acts in a pass' `step` (from 0) of `steps`, at the noise level `sigma`; the pass began at `first`: down to `until`.

    A pass that begins below that (img2img, hires) is guided in its first half, as a picture of four steps is: the paper finds a quarter,
    half and all of the steps about equally good (table 9).
    """
    return sigma >= until if first >= until else step < math.ceil(steps / 2)


def guided_share(timesteps: Sequence[float], until: float) -> float:
    """The share of a pass' steps in which it acts, 0 to 1."""
    if not timesteps:
        return 0.0
    levels = training_sigmas()
    sigmas = [float(levels[int(t)]) for t in timesteps]
    return sum(acts(sigma, sigmas[0], i, len(sigmas), until) for i, sigma in enumerate(sigmas)) / len(sigmas)
