"""Distils the autoencoder's decoder into the tiny one: the same latents, and the pictures that the full decoder makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from demo.judge import to_tensor
from demo.ldm import load_vae
from demo.taesd import TinyDecoder, load_tiny_decoder

from .autoencoder import decode, encode
from .devices import here
from .drawing import sample_pictures
from .files import save_tensors
from .settings import Training
from .training import train

_GRADIENT_WEIGHT = 0.5
_NOISE = 0.02
"""What sampling leaves in a latent, in deviations."""


def train_tiny_decoder(training: Training, models_checkpoint: Path, pictures: int, checkpoint: Path, target: Path) -> None:
    """Train and write the decoder for the autoencoder in `models_checkpoint`, with so many pictures."""
    autoencoder = load_vae(models_checkpoint)
    _, drawn = sample_pictures(pictures, np.random.default_rng(training.seed))
    latents = encode(autoencoder, drawn)
    wanted = (here(to_tensor(decode(autoencoder, latents))) + 1) / 2
    torch.manual_seed(training.seed)
    decoder = TinyDecoder().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] (torch's stubs forget it)

    def loss(rng: np.random.Generator, progress: float) -> Tensor:
        chosen = torch.from_numpy(rng.integers(0, len(latents), training.batch))
        given = latents[chosen] + _NOISE * torch.randn_like(latents[chosen])
        error = decoder(given) - wanted[chosen]
        gradients = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
        return error.abs().mean() + _GRADIENT_WEIGHT * gradients

    train(decoder, loss, training, checkpoint)
    save_tensors(decoder.state_dict(), target)


@torch.no_grad()
def draft(path: Path, latents: Tensor) -> np.ndarray:
    """Scaled latents [n, 4, 8, 8] -> pictures uint8 [n, 64, 64, 3], by the tiny decoder."""
    images = load_tiny_decoder(path)(latents)
    return (images.permute(0, 2, 3, 1) * 255 + 0.5).clamp(0, 255).byte().cpu().numpy()

