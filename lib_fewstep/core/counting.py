"""What this host makes of the steps that are asked of it, and what a pass costs there."""
from __future__ import annotations

from dataclasses import replace

from .facts import Facts
from .passes import Counting, Pass
from .prompts import prompt_parts
from .request import Request
from .schedules import TRAIN_TIMESTEPS, host_share


def counting(request: Request, facts: Facts, skips_uncond: bool) -> Counting:
    return Counting(facts.calls_per_step, len(prompt_parts(request.prompt)), skips_uncond, facts.keeps_uncond, facts.skips_uncond)


def share(steps: int, strength: float, facts: Facts) -> int:
    """How many of `steps` the host makes by itself."""
    return steps if facts.host_img2img_exact_steps else host_share(steps, strength)


def self_timed_steps(one: Pass, steps: int, full: bool, facts: Facts) -> Pass:
    """`one` as a sampler makes it that chooses its timesteps itself, of `steps` that were asked for: in `full` they divide the training's
    timesteps without remainder, else the host leaves one out. Source: the WebUIs' `sd_samplers_timesteps.py`.
    """
    if one.sampler not in facts.self_timed:
        return one
    timesteps = len(range(0, TRAIN_TIMESTEPS, TRAIN_TIMESTEPS // steps)) if full else one.steps - 1
    return replace(one, steps=max(timesteps - facts.self_timed[one.sampler], 0))
