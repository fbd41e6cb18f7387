"""Variety: the texts of a pass' first evaluations, each with noise from its own picture's seed."""
from __future__ import annotations

from copy import copy
from typing import Any

import torch

from ..core.plan import Plan
from ..core.variety import acts, varied
from .hosts import Job

_SALT = int.from_bytes(b"variety", "big")
"""Makes other noise of a seed than what its picture begins with, which the hosts draw from the same kind of generator."""


def vary(p: Job, plan: Plan, params: Any) -> None:
    """Before an evaluation: gives it other texts, and leaves alone those that the host keeps, so that there is nothing to take back.

    Not in hires: there the picture is decided, and another text would only harm its details.
    """
    denoiser, cond = params.denoiser, params.text_cond
    if not plan.variety or getattr(p, "is_hr_pass", False) or not acts(denoiser.step, denoiser.total_steps or 1):
        return
    text: torch.Tensor = cond["crossattn"] if isinstance(cond, dict) else cond
    parts = denoiser.sampler.sampler_extra_args["cond"].batch
    seeds = [int(seed) for seed, of_picture in zip(p.seeds, parts, strict=False) for _ in of_picture]
    if len(seeds) != len(text):  # another extension has made rows of its own
        return
    changed = varied(text, torch.stack([_noise(seed, text.shape[1:]) for seed in seeds]), plan.variety)
    if isinstance(cond, dict):
        params.text_cond = copy(cond)  # of its own type: SDXL's is a dictionary that has a shape
        params.text_cond["crossattn"] = changed
    else:
        params.text_cond = changed


def _noise(seed: int, shape: torch.Size) -> torch.Tensor:
    """Standard normal, the same on every machine: drawn on the CPU, whatever the host's option for its own."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed ^ _SALT))
