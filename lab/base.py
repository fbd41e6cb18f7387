"""The base model: text encoder and UNet, trained together to predict noise (Ho et al., 2006.11239)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from demo.ldm import load_text_encoder, load_unet
from demo.scenes import random_caption

from .autoencoder import encode, load_autoencoder
from .devices import here
from .diffusion import TIMESTEPS, add_noise
from .drawing import sample_pictures
from .files import save_tensors
from .networks import new_unet, use_bfloat16_linears
from .settings import Training
from .text import TextEncoder
from .training import train

_NO_CAPTION = 0.1
"""Share of the captions left empty, so that classifier-free guidance works (Ho & Salimans, 2207.12598)."""


class BaseModel(nn.Module):
    """Text encoder and UNet, saved together."""

    def __init__(self, tokenizer_folder: Path) -> None:
        super().__init__()
        self.text = TextEncoder(tokenizer_folder)
        self.unet = new_unet()

    def predict_noise(self, sample: Tensor, timestep: Tensor, text: Tensor) -> Tensor:
        """x_t [n, 4, 8, 8], int64 [n], [n, 77, 64] -> eps [n, 4, 8, 8]."""
        return predict_noise(self.unet, sample, timestep, text)


@dataclass(frozen=True)
class Latents:
    """The training set: scaled latents float32 [n, 4, 8, 8] and the scenes int64 [n, 5] they show."""

    values: Tensor
    scenes: NDArray[np.int64]

    def batch(self, chosen: NDArray[np.int64]) -> Tensor:
        return self.values[here(torch.from_numpy(chosen))].contiguous(memory_format=torch.channels_last)

    def captions(self, chosen: NDArray[np.int64], rng: np.random.Generator) -> list[str]:
        return [random_caption(scene, rng) for scene in self.scenes[chosen]]


def predict_noise(unet: UNet2DConditionModel, sample: Tensor, timestep: Tensor, text: Tensor) -> Tensor:
    """x_t [n, 4, 8, 8], int64 [n], [n, 77, 64] -> eps [n, 4, 8, 8]."""
    sample = sample.contiguous(memory_format=torch.channels_last)
    return unet(sample, timestep, encoder_hidden_states=text).sample


def encode_distinct(text: TextEncoder, captions: Sequence[str]) -> Tensor:
    """Encode captions, each different one once -> [n, 77, 64]."""
    distinct, places = np.unique(captions, return_inverse=True)
    return text(distinct.tolist())[here(torch.from_numpy(places))]


def make_latents(count: int, autoencoder_path: Path, target: Path) -> None:
    """Draw and encode the training set of the base model and of the distillation."""
    autoencoder = load_autoencoder(autoencoder_path)
    rng = np.random.default_rng(11)
    scenes, values = [], []
    for start in range(0, count, 64):
        batch_scenes, pictures = sample_pictures(min(64, count - start), rng)
        scenes.append(batch_scenes)
        values.append(encode(autoencoder, pictures))
    save_tensors({"values": torch.cat(values), "scenes": torch.from_numpy(np.concatenate(scenes))}, target)


def load_latents(path: Path) -> Latents:
    """What `make_latents` wrote."""
    tensors = load_file(path)
    return Latents(here(tensors["values"]), tensors["scenes"].numpy())


def train_base(training: Training, latents_path: Path, tokenizer: Path, checkpoint: Path, target: Path) -> None:
    """Train and write the base model; names start with `text.` or `unet.`."""
    latents = load_latents(latents_path)
    torch.manual_seed(training.seed)
    model = BaseModel(tokenizer)
    use_bfloat16_linears(model)

    def loss(rng: np.random.Generator, _progress: float) -> Tensor:
        chosen = rng.integers(0, len(latents.values), training.batch)
        dropped = rng.random(training.batch) < _NO_CAPTION
        captions = latents.captions(chosen, rng)
        text = encode_distinct(
            model.text, ["" if drop else caption for caption, drop in zip(captions, dropped, strict=True)]
        )
        # One random offset for evenly spread timesteps: the loss varies less from batch to batch.
        spread = torch.arange(training.batch) / training.batch
        timestep = ((spread + torch.rand(1)) % 1 * TIMESTEPS).long()
        clean = latents.batch(chosen)
        noise = torch.randn_like(clean)
        return functional.mse_loss(model.predict_noise(add_noise(clean, noise, timestep), timestep, text), noise)

    train(model, loss, training, checkpoint)
    save_tensors(model.state_dict(), target)


def load_base(path: Path, tokenizer: Path) -> BaseModel:
    """What `train_base` wrote, frozen, in float32."""
    model = BaseModel(tokenizer)
    model.load_state_dict(load_file(path))
    return model.eval().requires_grad_(False)


def load_shipped_base(checkpoint: Path, tokenizer: Path) -> BaseModel:
    """The text encoder and UNet of an LDM file with this tokenizer's captions, frozen, in float32."""
    model = BaseModel(tokenizer)
    model.unet.load_state_dict(load_unet(checkpoint).state_dict())
    model.text.load_full_state(load_text_encoder(checkpoint).state_dict())
    return model.eval().requires_grad_(False)
