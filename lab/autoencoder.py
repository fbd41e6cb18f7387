"""The autoencoder (Kingma & Welling, 1312.6114; Rombach et al., 2112.10752): pictures <-> latents an eighth the size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from demo.judge import PICTURE_SIZE, to_tensor
from demo.ldm import LATENT_SCALE

from .files import save_tensors
from .networks import new_autoencoder
from .pictures import sample_pictures
from .settings import Training
from .training import train

# First a plain autoencoder on crops, four times cheaper per picture, then whole pictures and a smooth latent space.
_CROP_SHARE, _CROP, _CROPS_PER_PICTURE = 0.6, 32, 2
_DIVERGENCE_WEIGHT, _DIVERGENCE_WEIGHT_CROPS = 2e-4, 1e-5
_SQUARED_WEIGHT, _GRADIENT_WEIGHT = 2.0, 0.5


def train_autoencoder(training: Training, checkpoint: Path, target: Path) -> None:
    """Train and write an autoencoder, under diffusers' names, whose scaled latents have mean 0 and deviation 1."""
    torch.manual_seed(training.seed)
    autoencoder = new_autoencoder()

    def loss(rng: np.random.Generator, progress: float) -> Tensor:
        _, pictures = sample_pictures(training.batch, rng)
        if progress < _CROP_SHARE:
            return reconstruction_loss(autoencoder, to_tensor(random_crops(pictures, rng)), False)
        return reconstruction_loss(autoencoder, to_tensor(pictures), True)

    train(autoencoder, loss, training, checkpoint)
    _, pictures = sample_pictures(1024, np.random.default_rng(training.seed + 1))
    normalise_latents(autoencoder, to_tensor(pictures))
    save_tensors(autoencoder.state_dict(), target)


def load_autoencoder(path: Path) -> AutoencoderKL:
    """What `train_autoencoder` wrote, frozen."""
    autoencoder = new_autoencoder()
    autoencoder.load_state_dict(load_file(path))
    return autoencoder.eval().requires_grad_(False)


@torch.no_grad()
def encode(autoencoder: AutoencoderKL, pictures: NDArray[np.uint8], batch: int = 64) -> Tensor:
    """uint8 [n, 64, 64, 3] -> scaled latents float32 [n, 4, 8, 8], the means of the posterior."""
    means = [posterior_mean(autoencoder, images) for images in to_tensor(pictures).split(batch)]
    return torch.cat(means) * LATENT_SCALE


@torch.no_grad()
def decode(autoencoder: AutoencoderKL, latents: Tensor, batch: int = 64) -> NDArray[np.uint8]:
    """Scaled latents [n, 4, 8, 8] -> pictures uint8 [n, 64, 64, 3]."""
    # Diverged samples (too high a guidance scale, say) must still give a picture that can be judged.
    latents = latents.nan_to_num().clamp(-30, 30) / LATENT_SCALE
    batches = latents.contiguous(memory_format=torch.channels_last).split(batch)
    images = torch.cat([decode_images(autoencoder, part) for part in batches])
    return ((images.permute(0, 2, 3, 1) + 1) * 127.5 + 0.5).clamp(0, 255).byte().numpy()


def posterior_mean(autoencoder: AutoencoderKL, images: Tensor) -> Tensor:
    """Images [n, 3, h, w] in -1..1 -> unscaled latents [n, 4, h/8, w/8], without the posterior's noise."""
    moments = _moments(autoencoder, images)
    return moments.chunk(2, dim=1)[0]


def decode_images(autoencoder: AutoencoderKL, latents: Tensor) -> Tensor:
    """Unscaled latents [n, 4, h, w] -> images [n, 3, 8h, 8w], about -1..1."""
    return autoencoder.decoder(autoencoder.get_submodule("post_quant_conv")(latents))


def random_crops(pictures: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Cut every picture at the same few random places -> uint8 [places * n, 32, 32, 3]."""
    corners = rng.integers(0, PICTURE_SIZE - _CROP + 1, (_CROPS_PER_PICTURE, 2))
    return np.concatenate([pictures[:, top : top + _CROP, left : left + _CROP] for top, left in corners])


def reconstruction_loss(autoencoder: AutoencoderKL, images: Tensor, sample: bool) -> Tensor:
    """Absolute, squared and gradient error plus the divergence from a unit normal; images [n, 3, h, w] in -1..1."""
    moments = _moments(autoencoder, images)
    mean, log_variance = moments.chunk(2, dim=1)
    log_variance = log_variance.clamp(-20, 4)
    latents = mean + torch.randn_like(mean) * (0.5 * log_variance).exp() if sample else mean
    error = decode_images(autoencoder, latents) - images
    gradients = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
    reconstruction = error.abs().mean() + _SQUARED_WEIGHT * error.square().mean() + _GRADIENT_WEIGHT * gradients
    return reconstruction + (_DIVERGENCE_WEIGHT if sample else _DIVERGENCE_WEIGHT_CROPS) * divergence


@torch.no_grad()
def normalise_latents(autoencoder: AutoencoderKL, images: Tensor) -> None:
    """Fold every latent channel's mean and deviation into the two 1x1 convolutions around it.

    Scaled by `LATENT_SCALE`, as every SD 1 host does it, the latents of `images` then have mean 0 and deviation 1.
    """
    means = torch.cat([posterior_mean(autoencoder, part) for part in images.split(64)])
    shift, deviation = means.mean((0, 2, 3)), means.std((0, 2, 3))
    gain = 1 / (LATENT_SCALE * deviation)
    channels = len(gain)

    weight, bias = (autoencoder.get_parameter(f"post_quant_conv.{name}") for name in ("weight", "bias"))
    bias += weight[:, :, 0, 0] @ shift
    weight /= gain[None, :, None, None]

    weight, bias = (autoencoder.get_parameter(f"quant_conv.{name}") for name in ("weight", "bias"))
    weight[:channels] *= gain[:, None, None, None]
    bias[:channels] = (bias[:channels] - shift) * gain
    bias[channels:] += 2 * gain.log()  # the log variance


def _moments(autoencoder: AutoencoderKL, images: Tensor) -> Tensor:
    """The posterior's mean and log variance, stacked: [n, 8, h/8, w/8]."""
    return autoencoder.get_submodule("quant_conv")(autoencoder.encoder(images))
