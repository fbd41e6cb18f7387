"""What some distilled networks take in or give out differently from the network that the host believes to have loaded."""
from __future__ import annotations

import math

import torch


def guidance_embedding(scale: float, width: int) -> torch.Tensor:
    """The guidance scale as a full LCM takes it, shape (1, width): sines and cosines of 1000 * (scale - 1).

    Source: diffusers `LatentConsistencyModelPipeline.get_guidance_scale_embedding` and its call with `guidance_scale - 1`
    (LCM paper, sec. 4.2: the augmented ODE's w).
    """
    half = width // 2
    frequencies = torch.exp(torch.arange(half, dtype=torch.float32) * -(math.log(10000.0) / (half - 1)))
    angles = (scale - 1) * 1000.0 * frequencies
    embedding = torch.cat([angles.sin(), angles.cos()])
    return torch.nn.functional.pad(embedding, (0, width % 2))[None]


def eps_from_x0(scaled: torch.Tensor, x0: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """What an eps-predicting network would have answered where this one predicted `x0` itself, shape (batch, channels, height, width).

    `scaled` is the network's input, x / sqrt(1 + sigma^2); `sigma` has shape (batch,). From x = x0 + sigma * eps.
    """
    sigma = sigma.to(x0).view(-1, 1, 1, 1)
    return (scaled.to(x0) * (1 + sigma**2).sqrt() - x0) / sigma
