"""Which timesteps a method visits, and their noise levels.

Timesteps are the integers 0 … 999 of the 1000-step training schedule, noisiest first. A noise level (sigma) is
k-diffusion's: x = x0 + sigma * noise, sigma = sqrt((1 - abar) / abar). A flow model's are in flow.py.
"""
from __future__ import annotations

from collections.abc import Sequence

import torch

from .flow import BY_SIZE, flow_levels, is_levels

TRAIN_TIMESTEPS = 1000
LCM_ORIGINAL_STEPS = 50
PERFLOW_WINDOWS = 4
MAX_STEPS = 150
"""The most steps that the WebUIs' own controls allow."""

Rule = str | Sequence[int] | Sequence[float]
"""A name in `RULES` or `FLOW_RULES`, the explicit timesteps themselves, or a flow model's explicit noise levels, all at most 1."""


def lcm_timesteps(steps: int, strength: float = 1.0) -> list[int]:
    """The grid of LCM and TCD: every `floor(i * 50 / steps)`-th of 999, 979, … 19; 4 steps: 999 759 499 259.

    `strength` below 1 (img2img, hires) keeps the last part of the fifty points and makes all steps in it; 4 steps at 0.5: 499 379 259 139.

    Source: diffusers `LCMScheduler.set_timesteps` with original_inference_steps 50 (LCM paper, sec. 4.3: skipping-step k = 20).
    Raises ValueError where the grid has fewer points than `steps`.
    """
    points = _part_of(LCM_ORIGINAL_STEPS, strength)
    _check_steps(steps, points)
    stride = TRAIN_TIMESTEPS // LCM_ORIGINAL_STEPS
    return [stride * (points - int(i * (points / steps))) - 1 for i in range(steps)]  # rounded as numpy.linspace rounds


def trailing_timesteps(steps: int, strength: float = 1.0) -> list[int]:
    """Evenly spaced from the end: 4 steps: 999 749 499 249; at strength 0.5: 499 374 249 124.

    Source: diffusers `timestep_spacing="trailing"`; "Common Diffusion Noise Schedules and Sample Steps are Flawed", table 2.
    Raises ValueError where there are fewer timesteps than `steps`.
    """
    points = _part_of(TRAIN_TIMESTEPS, strength)
    _check_steps(steps, points)
    stride = points - (points - points / steps)  # rounded as numpy.arange rounds: it decides halves, such as 937.5 of 48 steps
    return [round(points - i * stride) - 1 for i in range(steps)]


def perflow_timesteps(steps: int, strength: float = 1.0) -> list[int]:
    """PeRFlow's: four windows of 250 timesteps from their starts 1000, 750, 500, 250, each divided evenly, the first ones having a step
    more where it does not come out even; 6 steps: 999 875 750 625 500 250. The hosts cannot ask at 1000.

    With fewer steps than windows, or below full noise, for which nothing is published: even spacing.
    Source: PeRFlow's `PeRFlowScheduler.set_timesteps`. Raises ValueError where there are fewer timesteps than `steps`.
    """
    if steps < PERFLOW_WINDOWS or strength < 1:
        return trailing_timesteps(steps, strength)
    _check_steps(steps, TRAIN_TIMESTEPS)
    length = 1 / PERFLOW_WINDOWS
    times: list[float] = []
    for window in range(PERFLOW_WINDOWS):
        share = steps // PERFLOW_WINDOWS + (window < steps % PERFLOW_WINDOWS)
        times += [(1 - window * length) - i * (length / share) for i in range(share)]
    return [min(int(time * TRAIN_TIMESTEPS), TRAIN_TIMESTEPS - 1) for time in times]


FLOW = "flow"
FLOW_RULES = (FLOW, *BY_SIZE)
RULES = {"lcm": lcm_timesteps, "trailing": trailing_timesteps, "perflow": perflow_timesteps}


def is_flow(rule: Rule) -> bool:
    """Whether `rule` is for flow models: their noise levels are the timesteps themselves, divided by 1000."""
    return rule in FLOW_RULES if isinstance(rule, str) else is_levels(rule)


def timesteps_for(rule: Rule, steps: int, strength: float = 1.0, shift: float = 1.0) -> Sequence[float]:
    """The timesteps that `rule` visits in `steps` steps, within the part of the noise that `strength` (0 to 1) leaves.

    An explicit list serves its first `steps` entries, as the methods that publish one do (Turbo: 999 899 799 699), and below
    full strength even spacing instead, from no higher than it starts itself: those lists are for pure noise. `shift` is for the rules of
    flow models alone. Raises ValueError for an unknown rule, or one that has no room for so many steps.
    """
    if isinstance(rule, str) and rule in RULES:
        return RULES[rule](steps, strength)
    if isinstance(rule, str) and rule not in FLOW_RULES:
        raise ValueError(f"timestep rule {rule!r} is unknown; expected one of {', '.join((*RULES, *FLOW_RULES))} or a list of timesteps")
    _check_steps(steps, max_steps(rule, strength))
    if isinstance(rule, str):
        return _times_1000(flow_levels(steps, strength, shift))
    if is_levels(rule):
        return _times_1000(rule[:steps] if strength >= 1 else flow_levels(steps, min(strength, rule[0])))
    return [int(t) for t in rule[:steps]] if strength >= 1 else trailing_timesteps(steps, min(strength, (rule[0] + 1) / TRAIN_TIMESTEPS))


def _times_1000(levels: Sequence[float]) -> list[float]:
    return [round(TRAIN_TIMESTEPS * level, 6) for level in levels]


def shifted(timesteps: Sequence[float], shift: int | None) -> list[float]:
    """The timesteps at which a model is asked that was distilled with a shift, floor(t * shift / 1000): 249 187 124 62 at 250 in 4 steps.

    Source: NitroFusion's timestep-shifted scheduler.
    """
    return [int(t) * shift // TRAIN_TIMESTEPS for t in timesteps] if shift else list(timesteps)


def max_steps(rule: Rule, strength: float = 1.0) -> int:
    """The largest number of steps that `rule` has room for at `strength`."""
    if not isinstance(rule, str):
        return min(len(rule), _part_of(TRAIN_TIMESTEPS, strength))
    return _part_of(LCM_ORIGINAL_STEPS if rule == "lcm" else TRAIN_TIMESTEPS, strength)


def host_share(steps: int, strength: float) -> int:
    """How many of `steps` steps the hosts make in img2img: `int(strength * steps) + 1`, all of them at full strength."""
    return min(steps, int(min(strength, 0.999) * steps) + 1)


def _part_of(points: int, strength: float) -> int:
    return max(1, int(points * strength))


def training_sigmas() -> torch.Tensor:
    """Noise levels of Stable Diffusion's training schedule, shape (1000,), index = timestep, ascending 0.0292 … 14.6146.

    Scaled-linear betas 0.00085 … 0.012 (the original LDM configuration; SD 1.x, 2.x and SDXL share them).
    """
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, TRAIN_TIMESTEPS, dtype=torch.float64) ** 2
    alphas_cumprod = torch.cumprod(1 - betas, 0)
    return ((1 - alphas_cumprod) / alphas_cumprod).sqrt().float()


def sigmas_for(rule: Rule, timesteps: Sequence[float], model_sigmas: torch.Tensor) -> torch.Tensor:
    """Noise levels of `timesteps` that `rule` gave, then 0: a flow model's are the timesteps themselves, all others' are in its table."""
    if not is_flow(rule):
        return sigmas_at(timesteps, model_sigmas)
    return torch.tensor([*timesteps, 0], dtype=model_sigmas.dtype, device=model_sigmas.device) / TRAIN_TIMESTEPS


def sigmas_at(timesteps: Sequence[float], model_sigmas: torch.Tensor) -> torch.Tensor:
    """Noise levels for a k-diffusion sampler: those at `timesteps`, then 0; shape (len(timesteps) + 1,).

    `model_sigmas` is the loaded model's own table, index = timestep, so that a checkpoint with another schedule keeps it.
    """
    index = torch.as_tensor([int(t) for t in timesteps], dtype=torch.long, device=model_sigmas.device)
    return torch.cat([model_sigmas[index], model_sigmas.new_zeros(1)])


def _check_steps(steps: int, most: int) -> None:
    if not 1 <= steps <= most:
        raise ValueError(f"{steps} steps asked for; expected 1 to {most}")
