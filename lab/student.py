"""What all distillations share: one UNet that is the teacher (no LoRA) and the student (with one), and its batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from .base import Latents, encode_distinct, load_latents, load_shipped_base
from .diffusion import TIMESTEPS, add_noise, ddim_step, per_sample
from .files import lora_metadata, save_tensors
from .lora import STUDENT, LoRA
from .networks import use_bfloat16_linears

PREVIOUS, FAKE = "previous", "fake"
"""Adapters beside the student's: the LoRA of the stage before, and the score of what the student draws."""

Teacher = Callable[[Tensor, Tensor, Tensor], Tensor]
"""x_t [n, 4, 8, 8], timesteps int64 [n], text [n, 77, 64] -> eps [n, 4, 8, 8]."""


@dataclass(frozen=True)
class Sources:
    """What a distillation starts from: the checkpoint as it is shipped, other files of earlier stages, and the rank of the LoRA."""

    checkpoint: Path
    reader: Path
    tokenizer: Path
    latents: Path
    rank: int


@dataclass(frozen=True)
class Batch:
    """Clean latents [n, 4, 8, 8], the scenes int64 [n, 5] that they show, and their encoded captions [n, 77, 64]."""

    clean: Tensor
    scenes: NDArray[np.int64]
    text: Tensor

    def __len__(self) -> int:
        return len(self.clean)

    def noise(self) -> Tensor:
        return torch.randn_like(self.clean)


class Student:
    """The base model with a LoRA in training, and the batches it learns from."""

    def __init__(self, sources: Sources, seed: int, previous: Path | None = None, others: Sequence[str] = ()) -> None:
        """`previous`: a LoRA to start from, which stays as the frozen adapter `PREVIOUS`. `others`: further adapters."""
        torch.manual_seed(seed)
        self.sources = sources
        self.model = load_shipped_base(sources.checkpoint, sources.tokenizer)
        use_bfloat16_linears(self.model)
        self.unet = self.model.unet
        self.lora = LoRA(self.unet, sources.rank, [STUDENT, *([PREVIOUS] if previous else []), *others])
        if previous is not None:
            state = load_file(previous)
            for adapter in (STUDENT, PREVIOUS):
                self.lora.load(state, adapter)
            self.lora.freeze(PREVIOUS)
        self.latents: Latents = load_latents(sources.latents)
        self.no_text = self.model.text([""])

    @torch.no_grad()
    def batch(self, size: int, rng: np.random.Generator) -> Batch:
        """A random part of the training set."""
        chosen = rng.integers(0, len(self.latents.values), size)
        text = encode_distinct(self.model.text, self.latents.captions(chosen, rng))
        return Batch(self.latents.batch(chosen), self.latents.scenes[chosen], text)

    def predict(self, sample: Tensor, timestep: Tensor, text: Tensor, adapter: str | None = STUDENT) -> Tensor:
        """The eps of the base model with an adapter; see `Teacher` for the shapes."""
        self.lora.use(adapter)
        return self.model.predict_noise(sample, timestep, text)

    @torch.no_grad()
    def teach(self, sample: Tensor, timestep: Tensor, text: Tensor, guidance: Tensor | float) -> Tensor:
        """The base model's eps under classifier-free guidance (Ho & Salimans, 2207.12598), a number or [n]."""
        conditional = self.predict(sample, timestep, text, None)
        if isinstance(guidance, float) and guidance == 1:
            return conditional
        unconditional = self.predict(sample, timestep, self.no_text.expand_as(text), None)
        scale = torch.as_tensor(guidance).view(-1, 1, 1, 1)
        return unconditional + scale * (conditional - unconditional)

    @torch.no_grad()
    def teach_as_before(self, sample: Tensor, timestep: Tensor, text: Tensor) -> Tensor:
        """The eps of the stage before, which needs no guidance any more."""
        return self.predict(sample, timestep, text, PREVIOUS)

    def carry(self, sample: Tensor, timestep: Tensor, target: Tensor, text: Tensor, adapter: str | None = STUDENT) -> Tensor:
        """x_t -> x at a lower level (or at the same one, unchanged), in one step of the probability flow."""
        noise = self.predict(sample, timestep.clamp(min=0), text, adapter)
        return ddim_step(sample, noise, timestep, target)

    def save(self, target: Path, description: str) -> None:
        """Write the LoRA in kohya's layout."""
        save_tensors(self.lora.state(), target, lora_metadata(target.stem, self.lora.rank, description))


def start_noise(clean: Tensor, timestep: Tensor) -> Tensor:
    """x_t of clean latents; at the highest level pure noise, from which sampling starts although x_999 still holds a trace of them."""
    noise = torch.randn_like(clean)
    return torch.where(per_sample(timestep == TIMESTEPS - 1), noise, add_noise(clean, noise, timestep))


def pseudo_huber(prediction: Tensor, target: Tensor, width: float) -> Tensor:
    """Quadratic for errors below `width`, linear above -> scalar."""
    return ((prediction - target).square() + width**2).sqrt().sub(width).mean()
