"""Noise: one generator per image, so that an image does not depend on its neighbours in the batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from modules import devices, shared
from torch import Tensor


def slerp(amount: float, low: Tensor, high: Tensor) -> Tensor:
    """From noise `low` (amount 0) to noise `high` (1) along the sphere; tensors [c, h, w], one angle per row."""
    low_unit = low / torch.norm(low, dim=1, keepdim=True)
    high_unit = high / torch.norm(high, dim=1, keepdim=True)
    cosine = (low_unit * high_unit).sum(1)
    if cosine.mean() > 0.9995:
        return low * (1 - amount) + high * amount
    angle = torch.acos(cosine)
    share_low = torch.sin((1 - amount) * angle) / torch.sin(angle)
    share_high = torch.sin(amount * angle) / torch.sin(angle)
    return share_low.unsqueeze(1) * low + share_high.unsqueeze(1) * high


class ImageRNG:
    """Draws standard normal noise [n, c, h, w]; `shape` is (c, h, w), one seed per image."""

    def __init__(
        self,
        shape: Sequence[int],
        seeds: Sequence[int],
        subseeds: Sequence[int] | None = None,
        subseed_strength: float = 0.0,
        seed_resize_from_h: int = 0,
        seed_resize_from_w: int = 0,
    ) -> None:
        self.shape = tuple(int(size) for size in shape)
        self.seeds, self.subseeds, self.subseed_strength = list(seeds), subseeds, subseed_strength
        self.generators = [self._generator(seed) for seed in seeds]
        self.is_first = True

    def next(self) -> Tensor:
        """The next noise: first the starting noise, then what samplers add."""
        noises = [torch.randn(self.shape, generator=generator) for generator in self.generators]
        if self.is_first:
            self.is_first = False
            noises = self._first(noises)
        return torch.stack(noises).to(devices.device)

    def _first(self, noises: list[Tensor]) -> list[Tensor]:
        if self.subseeds is not None and self.subseed_strength != 0:
            variations = [torch.randn(self.shape, generator=self._generator(seed)) for seed in self.subseeds]
            noises = [slerp(self.subseed_strength, *pair) for pair in zip(noises, variations, strict=True)]
        delta = shared.opts.eta_noise_seed_delta
        if delta:
            self.generators = [self._generator(seed + delta) for seed in self.seeds]
        return noises

    @staticmethod
    def _generator(seed: int) -> torch.Generator:
        return torch.Generator(devices.cpu).manual_seed(int(seed))
