"""The noise levels of flow models: even times from 1 to 0, each shifted towards the noise.

A flow model's sample is (1 - level) * picture + level * noise. Our timesteps are its noise levels times 1000.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

_PIXELS_PER_TOKEN = 16
"""The side of the square that a token stands for: 8 pixels of the autoencoder, 2 of the transformer's patches."""


def flow_levels(steps: int, strength: float = 1.0, shift: float = 1.0) -> list[float]:
    """The noise levels of `steps` even times from `strength` down, without the 0 at the end; 4 steps at shift 3: 1, 0.9, 0.75, 0.5.

    Source: diffusers `FlowMatchEulerDiscreteScheduler` with `shift`; at shift 1 FLUX.1-schnell's `get_schedule` in src/flux/sampling.py.
    """
    return [shifted_level(strength * (1 - i / steps), shift) for i in range(steps)]


def shifted_level(time: float, shift: float) -> float:
    """The noise level at `time` (0 to 1) of a schedule with this shift."""
    return shift * time / (1 + (shift - 1) * time)


def flux_mu(steps: int, width: int, height: int) -> float:
    """FLUX.1-dev's: a line through 0.5 at 256 tokens and 1.15 at 4096, for a picture of so many pixels.

    Source: diffusers `FluxPipeline` (`calculate_shift`); `get_lin_function` in src/flux/sampling.py.
    """
    return 0.5 + (1.15 - 0.5) * (_tokens(width, height) - 256) / (4096 - 256)


def flux2_mu(steps: int, width: int, height: int) -> float:
    """FLUX.2's: lines that were measured at 10 and at 200 steps, and between them; from 4300 tokens on that of 200 steps alone.

    Source: diffusers `Flux2Pipeline` and `Flux2KleinPipeline` (`compute_empirical_mu`).
    """
    tokens = _tokens(width, height)
    at_200 = 0.00016927 * tokens + 0.45666666
    if tokens > 4300:
        return at_200
    at_10 = 8.73809524e-05 * tokens + 1.89833333
    return at_200 + (at_10 - at_200) * (200 - steps) / 190


BY_SIZE: Mapping[str, Callable[[int, int, int], float]] = {"flux": flux_mu, "flux2": flux2_mu}
"""Rules whose shift is exp(mu), by steps and the picture's size."""
USUAL_SIDE = 1024
"""Of a picture whose size is not known."""


def shift_for(rule: object, own: float | None, steps: int, width: int, height: int) -> float:
    """The shift of a pass over a picture of `width` x `height` pixels: by its size, or the method's `own`; without either it is 1."""
    mu = BY_SIZE.get(rule) if isinstance(rule, str) else None
    if mu is None:
        return 1.0 if own is None else own
    return math.exp(mu(steps, width or USUAL_SIDE, height or USUAL_SIDE))


def is_levels(rule: object) -> bool:
    """Whether `rule` lists noise levels, and not timesteps."""
    return isinstance(rule, Sequence) and not isinstance(rule, str) and any(isinstance(each, float) for each in rule)  # pyright: ignore


def _tokens(width: int, height: int) -> int:
    return (width // _PIXELS_PER_TOKEN) * (height // _PIXELS_PER_TOKEN)
