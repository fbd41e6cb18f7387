"""A small deterministic network in place of a U-Net, seen from both sides: as k-diffusion sees one, and as diffusers does."""

from __future__ import annotations

from collections.abc import Callable

import torch

Noise = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def network(sample: torch.Tensor, timestep: torch.Tensor | int) -> torch.Tensor:
    """Any smooth function of the variance-preserving sample and the timestep, each image by itself."""
    phase = torch.as_tensor(timestep, dtype=sample.dtype).reshape(-1, 1, 1, 1) / 1000
    return 0.7 * sample + 0.3 * (sample.roll(1, -1) * 2 + phase * 5).sin() + 0.2 * sample.mean((1, 2, 3), keepdim=True) * phase


class Denoiser:
    """`network` as k-diffusion's samplers see it: (x, sigma) -> x0, for a network that predicts eps or v."""

    def __init__(self, sigmas: torch.Tensor, prediction: str = "epsilon", net: Callable[..., torch.Tensor] = network):
        self.sigmas, self.prediction, self.net = sigmas, prediction, net
        self.asked: list[torch.Tensor] = []

    def __call__(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        timestep = (self.sigmas.log().to(sigma) - sigma.log()[:, None]).abs().argmin(1)
        self.asked.append(timestep)
        sigma = sigma.reshape(-1, 1, 1, 1)
        scale = (1 + sigma**2).sqrt()
        output = self.net(x / scale, timestep)
        if self.prediction == "epsilon":
            return x - sigma * output
        return x / scale**2 - sigma / scale * output  # v


def images(count: int = 2, seed: int = 0, size: int = 8) -> torch.Tensor:
    """Starting noise of variance 1, as diffusers' pipelines make it."""
    return torch.randn(count, 4, size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def noise_like(x: torch.Tensor, seed: int = 0) -> Noise:
    """A noise sampler that draws as diffusers' schedulers do from a generator of this seed."""
    generator = torch.Generator().manual_seed(seed)
    return lambda sigma, sigma_next: torch.randn(x.shape, generator=generator, dtype=x.dtype)
