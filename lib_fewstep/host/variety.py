"""Variety for the length of a pass: in its first evaluations the texts are less of the prompts, each with noise from its picture's seed."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

import torch
from modules import devices, prompt_parser

from ..core.plan import Plan
from ..core.variety import acts, varied, without
from .hosts import Job
from .state import generation_of, note

_SALT = int.from_bytes(b"variety", "big")
"""Makes other noise of a seed than what its picture begins with, which the hosts draw from the same kind of generator."""


@contextmanager
def more_variety(p: Job, plan: Plan) -> Iterator[None]:
    """Has the plan's variety act in a pass."""
    note(p, variety=Variety(p, plan.variety or 0.0))
    try:
        yield
    finally:
        note(p, variety=None)


def variety_of(p: Job) -> Variety | None:
    """That of the pass that runs now."""
    return generation_of(p).variety


class Variety:
    """One pass' variety. Not in hires: there the picture is decided, and another text would only harm its details."""

    def __init__(self, p: Job, variety: float):
        self._p, self._variety = p, variety
        self._empty: Any = None

    def encode(self) -> None:
        """Before the sampler starts, because later the text encoder may be gone: the empty prompt, once for every picture."""
        if self._empty is None and not getattr(self._p, "is_hr_pass", False):
            prompt = prompt_parser.SdConditioning([""], is_negative_prompt=True, width=self._p.width, height=self._p.height)
            with devices.autocast():
                self._empty = prompt_parser.get_learned_conditioning(self._p.sd_model, prompt, self._p.steps)

    def vary(self, params: Any) -> None:
        """Before an evaluation: gives it other texts. Those that the host keeps are left alone."""
        denoiser, cond = params.denoiser, params.text_cond
        if getattr(self._p, "is_hr_pass", False) or not acts(denoiser.step, denoiser.total_steps or 1):
            return
        parts = denoiser.sampler.sampler_extra_args["cond"].batch
        rows = [image for image, of_image in enumerate(parts) for _ in of_image]
        if len(rows) != len(_tokens(cond)) or len(parts) != len(self._p.seeds):  # another extension has made rows of its own
            return
        self.encode()
        empty: Any = prompt_parser.reconstruct_cond_batch(self._empty, denoiser.step)
        noise = torch.stack([_noise(int(self._p.seeds[image]), _tokens(cond).shape[1:]) for image in rows])
        text = varied(_tokens(cond), _tokens(empty), noise, self._variety)
        if not isinstance(cond, dict):
            params.text_cond = text
            return
        params.text_cond = copy(cond)  # of its own type: SDXL's is a dictionary that has a shape
        params.text_cond["crossattn"] = text
        if "vector" in cond:
            params.text_cond["vector"] = without(cond["vector"], empty["vector"], self._variety)


def _tokens(cond: Any) -> torch.Tensor:
    return cond["crossattn"] if isinstance(cond, dict) else cond


def _noise(seed: int, shape: torch.Size) -> torch.Tensor:
    """Standard normal, the same on every machine: drawn on the CPU, whatever the host's option for its own."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed ^ _SALT))
