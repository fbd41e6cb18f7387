"""What we use of the hosts' own objects: the part in which AUTOMATIC1111, Forge, reForge and Neo agree. What one of them may lack is asked
for with `getattr` or `hasattr` where it is used.
"""
from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch


class Job(Protocol):
    """`p`, one generation. `prompts` are a batch's, `all_prompts` those of all; what a hook does not have yet is None, or not
    there."""

    sd_model: Any
    prompt: str | list[str]
    all_prompts: list[str]
    all_negative_prompts: list[str]
    prompts: list[str]
    seeds: list[int]
    negative_prompts: list[str]
    batch_size: int
    n_iter: int
    width: int
    height: int
    steps: int
    sampler_name: str
    scheduler: str
    sampler: Any
    sampler_noise_scheduler_override: Callable[[int], torch.Tensor] | None
    extra_generation_params: dict[str, Any]
    scripts: Any
    script_args: Sequence[Any]
    sample: Callable[..., Any]

    # txt2img alone
    is_hr_pass: bool
    hr_second_pass_steps: int
    hr_sampler_name: str | None
    hr_scheduler: str | None
    hr_prompts: list[str]
    hr_negative_prompts: list[str]
    sample_hr_pass: Callable[..., Any]

    # Forge and its kin alone
    hr_cfg: float

    # some hosts alone
    main_prompt: str

    def comment(self, text: str) -> None: ...


class Opts(Protocol):
    """The host's settings. `data` are those that were saved; an attribute stands at its default where it was not."""

    data: dict[str, Any]
    always_discard_next_to_last_sigma: bool
    sgm_noise_multiplier: bool

    def add_option(self, key: str, info: Any) -> None: ...


def skips_uncond() -> bool:
    """Forge and its kin leave the negative prompt out at CFG 1 by themselves."""
    return "modules_forge" in sys.modules
