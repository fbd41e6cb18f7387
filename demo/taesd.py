"""The tiny decoder: latents to pictures at a fraction of the autoencoder's work, a little softer. Made after TAESD (madebyollin, MIT)."""
from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

_WIDTHS = (48, 32, 24)
"""Channels at latent size, and at 2 and 4 times it; the last convolution makes the pixels of 8 times it."""
_BOUND = 3.0
"""Scaled latents beyond this many deviations are bent back, so that a diverged sample does no harm."""


class Block(nn.Module):
    """Two convolutions beside the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


class TinyDecoder(nn.Module):
    """Scaled latents float32 [n, 4, h, w] -> pictures [n, 3, 8h, 8w] in about 0..1."""

    def __init__(self) -> None:
        super().__init__()
        small, middle, large = _WIDTHS
        self.layers = nn.Sequential(
            nn.Conv2d(4, small, 3, padding=1), nn.ReLU(), Block(small), Block(small), Block(small),
            nn.Upsample(scale_factor=2), nn.Conv2d(small, middle, 3, padding=1), nn.ReLU(), Block(middle), Block(middle),
            nn.Upsample(scale_factor=2), nn.Conv2d(middle, large, 3, padding=1), nn.ReLU(), Block(large),
            nn.Conv2d(large, 3 * 4, 3, padding=1), nn.PixelShuffle(2),
        )  # fmt: skip

    def forward(self, latents: Tensor) -> Tensor:
        return self.layers(torch.tanh(latents / _BOUND) * _BOUND)


def load_tiny_decoder(path: Path) -> TinyDecoder:
    """The trained decoder, ready to be asked."""
    decoder = TinyDecoder()
    decoder.load_state_dict({name: weight.float() for name, weight in load_file(path).items()})
    return decoder.eval().requires_grad_(False)
