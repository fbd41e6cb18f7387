"""The autoencoder (Kingma & Welling, 1312.6114; Rombach et al., 2112.10752): pictures <-> latents an eighth the size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from demo.judge import PICTURE_SIZE, Judge, load_judge, to_tensor
from demo.ldm import LATENT_SCALE

from .devices import here
from .drawing import sample_pictures
from .files import save_tensors
from .networks import new_autoencoder, use_bfloat16_convolutions
from .settings import Training
from .training import train

# First a plain autoencoder on crops, four times cheaper per picture, then whole pictures and a smooth latent space.
_CROP_SHARE, _CROP, _CROPS_PER_PICTURE, _PLACES = 0.6, 32, 2, 6
_DIVERGENCE_WEIGHT, _DIVERGENCE_WEIGHT_CROPS = 2e-4, 1e-5
_SQUARED_WEIGHT, _GRADIENT_WEIGHT, _LIKENESS_WEIGHT = 2.0, 1.0, 0.1


def train_autoencoder(training: Training, reader_path: Path, checkpoint: Path, target: Path) -> None:
    """Train and write an autoencoder, under diffusers' names, whose scaled latents have mean 0 and deviation 1."""
    torch.manual_seed(training.seed)
    autoencoder, reader = new_autoencoder(), load_judge(reader_path)
    use_bfloat16_convolutions(autoencoder)

    def loss(rng: np.random.Generator, progress: float) -> Tensor:
        _, pictures = sample_pictures(training.batch, rng)
        if progress < _CROP_SHARE:
            return reconstruction_loss(autoencoder, here(to_tensor(varied_crops(pictures, rng))), reader, False)
        return reconstruction_loss(autoencoder, here(to_tensor(pictures)), reader, True)

    train(autoencoder, loss, training, checkpoint)
    _, pictures = sample_pictures(1024, np.random.default_rng(training.seed + 1))
    normalise_latents(autoencoder, here(to_tensor(pictures)))
    save_tensors(autoencoder.state_dict(), target)


def load_autoencoder(path: Path) -> AutoencoderKL:
    """What `train_autoencoder` wrote, frozen."""
    autoencoder = new_autoencoder()
    autoencoder.load_state_dict(load_file(path))
    return autoencoder.eval().requires_grad_(False)


@torch.no_grad()
def encode(autoencoder: AutoencoderKL, pictures: NDArray[np.uint8], batch: int = 64) -> Tensor:
    """uint8 [n, 64, 64, 3] -> scaled latents float32 [n, 4, 8, 8], the means of the posterior."""
    means = [posterior_mean(autoencoder, images) for images in here(to_tensor(pictures)).split(batch)]
    return torch.cat(means) * LATENT_SCALE


@torch.no_grad()
def decode(autoencoder: AutoencoderKL, latents: Tensor, batch: int = 64) -> NDArray[np.uint8]:
    """Scaled latents [n, 4, 8, 8] -> pictures uint8 [n, 64, 64, 3]."""
    # Diverged samples (too high a guidance scale, say) must still give a picture that can be judged.
    latents = latents.nan_to_num().clamp(-30, 30) / LATENT_SCALE
    batches = latents.contiguous(memory_format=torch.channels_last).split(batch)
    images = torch.cat([decode_images(autoencoder, part) for part in batches])
    return ((images.permute(0, 2, 3, 1) + 1) * 127.5 + 0.5).clamp(0, 255).byte().cpu().numpy()


def posterior_mean(autoencoder: AutoencoderKL, images: Tensor) -> Tensor:
    """Images [n, 3, h, w] in -1..1 -> unscaled latents [n, 4, h/8, w/8], without the posterior's noise."""
    moments = _moments(autoencoder, images)
    return moments.chunk(2, dim=1)[0]


def decode_images(autoencoder: AutoencoderKL, latents: Tensor) -> Tensor:
    """Unscaled latents [n, 4, h, w] -> images [n, 3, 8h, 8w], about -1..1."""
    return autoencoder.decoder(autoencoder.get_submodule("post_quant_conv")(latents))


def varied_crops(pictures: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Of a few random places of every picture the two where most is to be seen -> uint8 [2 * n, 32, 32, 3]."""
    corners = rng.integers(0, PICTURE_SIZE - _CROP + 1, (_PLACES, 2))
    crops = np.stack([pictures[:, top : top + _CROP, left : left + _CROP] for top, left in corners], 1)
    variety = crops.std((2, 3)).sum(-1)
    chosen = np.argsort(-variety, axis=1)[:, :_CROPS_PER_PICTURE]
    return np.take_along_axis(crops, chosen[..., None, None, None], 1).reshape(-1, _CROP, _CROP, 3)


def reconstruction_loss(autoencoder: AutoencoderKL, images: Tensor, reader: Judge, sample: bool) -> Tensor:
    """Absolute, squared and gradient error plus the divergence from a unit normal; images [n, 3, h, w] in -1..1.

    They must look alike to the reader, too. `sample`: latents are drawn from the posterior.
    """
    moments = _moments(autoencoder, images)
    mean, log_variance = moments.chunk(2, dim=1)
    log_variance = log_variance.clamp(-20, 4)
    latents = mean + torch.randn_like(mean) * (0.5 * log_variance).exp() if sample else mean
    decoded = decode_images(autoencoder, latents)
    error = decoded - images
    gradients = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
    reconstruction = error.abs().mean() + _SQUARED_WEIGHT * error.square().mean() + _GRADIENT_WEIGHT * gradients
    likeness = _LIKENESS_WEIGHT * unlikeness(reader, decoded, images)
    return reconstruction + likeness + (_DIVERGENCE_WEIGHT if sample else _DIVERGENCE_WEIGHT_CROPS) * divergence


def unlikeness(reader: Judge, pictures: Tensor, originals: Tensor) -> Tensor:
    """Mean squared distance of what the reader's layers answer, each scaled to unit length (after Zhang et al., 1801.03924)."""
    distance = torch.zeros(())
    with torch.no_grad():
        wanted = _answers(reader, originals)
    for answer, goal in zip(_answers(reader, pictures), wanted, strict=True):
        distance = distance + (answer - goal).square().sum(1).mean()
    return distance


def _answers(reader: Judge, images: Tensor) -> list[Tensor]:
    answers = []
    for layer in reader.body:
        images = layer(images)
        answers.append(functional.normalize(images, dim=1))
    return answers


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
