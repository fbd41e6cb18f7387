"""Few-step LoRAs, each by its own method in miniature. One UNet is the teacher (LoRA off) and the student (LoRA on).

LCM: latent consistency distillation (Luo et al., 2310.04378 and 2311.05556).
TCD: trajectory consistency distillation (Zheng et al., 2402.19159).
Lightning: progressive distillation on trailing timesteps (Salimans & Ho, 2202.00512; Lin et al., 2402.13929, without
its adversarial part).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from demo.lora import merge_lora

from .base import encode_distinct, load_base, load_latents, predict_noise
from .diffusion import TIMESTEPS, add_noise, ddim_step, per_sample, predict_clean, trailing_timesteps
from .files import lora_metadata, save_tensors
from .lora import LoRA
from .networks import use_bfloat16_linears
from .settings import Training
from .training import Loss, train

_SOLVER_STEPS = 50
_SOLVER_STRIDE = TIMESTEPS // _SOLVER_STEPS
_GUIDANCE_RANGE = (2.5, 5.0)
_LIGHTNING_GUIDANCE = 4.0
_TEACHER_STEPS = 32

Teacher = Callable[[Tensor, Tensor, Tensor], Tensor]
"""x_t, timesteps, text -> eps."""


@dataclass(frozen=True)
class Sources:
    """What a distillation starts from: files of earlier stages, and the rank of the LoRA."""

    base: Path
    tokenizer: Path
    latents: Path
    rank: int


class Student:
    """The base model with a LoRA in training, and the batches it learns from."""

    def __init__(self, sources: Sources, seed: int) -> None:
        torch.manual_seed(seed)
        self.sources = sources
        self.model = load_base(sources.base, sources.tokenizer)
        use_bfloat16_linears(self.model)
        self.lora = LoRA(self.model.unet, sources.rank)
        self.latents = load_latents(sources.latents)
        self.no_text = self.model.text([""])

    def batch(self, size: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Random clean latents [n, 4, 8, 8] and their encoded captions [n, 77, 64]."""
        chosen = rng.integers(0, len(self.latents.values), size)
        with torch.no_grad():
            text = encode_distinct(self.model.text, self.latents.captions(chosen, rng))
        return self.latents.batch(chosen), text

    def predict(self, sample: Tensor, timestep: Tensor, text: Tensor) -> Tensor:
        """The student's eps."""
        self.lora.enable(True)
        return self.model.predict_noise(sample, timestep, text)

    @torch.no_grad()
    def teach(self, sample: Tensor, timestep: Tensor, text: Tensor, guidance: Tensor) -> Tensor:
        """The frozen base model's eps under classifier-free guidance; `guidance` [n] or one number."""
        self.lora.enable(False)
        conditional = self.model.predict_noise(sample, timestep, text)
        unconditional = self.model.predict_noise(sample, timestep, self.no_text.expand_as(text))
        return unconditional + guidance.view(-1, 1, 1, 1) * (conditional - unconditional)

    def freeze(self) -> Teacher:
        """The student as it is now, as a teacher that does not change; it needs no guidance any more."""
        unet = load_base(self.sources.base, self.sources.tokenizer).unet
        merge_lora(unet, self.lora.state())
        use_bfloat16_linears(unet)

        @torch.no_grad()
        def teach(sample: Tensor, timestep: Tensor, text: Tensor) -> Tensor:
            return predict_noise(unet, sample, timestep, text)

        return teach


def distil_consistency(method: str, sources: Sources, training: Training, checkpoint: Path, target: Path) -> None:
    """Train and write the LoRA of "lcm" or "tcd"."""
    make_loss, description = {
        "lcm": (lcm_loss, "latent consistency distillation"),
        "tcd": (tcd_loss, "trajectory consistency distillation"),
    }[method]
    student = Student(sources, training.seed)
    train(student.model.unet, make_loss(student, training.batch), training, checkpoint)
    save_lora(student, target, description)


def distil_lightning(
    steps: int, previous: Path | None, sources: Sources, training: Training, checkpoint: Path, target: Path
) -> None:
    """Train and write the LoRA of one progressive stage; `previous` is the LoRA of the stage with twice the steps.

    Without one, the teacher is the base model under guidance.
    """
    student = Student(sources, training.seed)
    if previous is None:
        guidance = torch.tensor(_LIGHTNING_GUIDANCE)
        loss = progressive_loss(
            student,
            training.batch,
            steps,
            _TEACHER_STEPS // steps,
            lambda sample, timestep, text: student.teach(sample, timestep, text, guidance),
        )
    else:
        student.lora.load(load_file(previous))
        loss = progressive_loss(student, training.batch, steps, 2, student.freeze())
    train(student.model.unet, loss, training, checkpoint)
    save_lora(student, target, f"progressive distillation to {steps} steps")


def save_lora(student: Student, target: Path, description: str) -> None:
    """Write the student's LoRA in kohya's layout."""
    save_tensors(student.lora.state(), target, lora_metadata(target.stem, student.lora.rank, description))


def pseudo_huber(prediction: Tensor, target: Tensor, width: float) -> Tensor:
    """Quadratic for errors below `width`, linear above."""
    return ((prediction - target).square() + width**2).sqrt().sub(width).mean()


def solver_step(student: Student, clean: Tensor, text: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One guided DDIM step of the teacher from a random level -> x_t, t, x_s, s with s one solver step below t."""
    count = len(clean)
    timestep = torch.randint(1, _SOLVER_STEPS + 1, (count,)) * _SOLVER_STRIDE - 1
    lower = (timestep - _SOLVER_STRIDE).clamp(min=0)
    low, high = _GUIDANCE_RANGE
    guidance = low + (high - low) * torch.rand(count)
    sample = add_noise(clean, torch.randn_like(clean), timestep)
    noise = student.teach(sample, timestep, text, guidance)
    return sample, timestep, ddim_step(sample, noise, timestep, lower), lower


def boundary_scalings(timestep: Tensor, data_deviation: float = 0.5, scaling: float = 10.0) -> tuple[Tensor, Tensor]:
    """LCM's c_skip and c_out [n, 1, 1, 1], which make the student the identity at timestep 0."""
    scaled = timestep.float() * scaling
    variance = scaled.square() + data_deviation**2
    return per_sample(data_deviation**2 / variance), per_sample(scaled / variance.sqrt())


def lcm_loss(student: Student, batch: int) -> Loss:
    """The student's x_0 must agree at both ends of the teacher's step."""

    def consistent(sample: Tensor, timestep: Tensor, text: Tensor) -> Tensor:
        skip, out = boundary_scalings(timestep)
        return skip * sample + out * predict_clean(sample, student.predict(sample, timestep, text), timestep)

    def loss(rng: np.random.Generator, _progress: float) -> Tensor:
        clean, text = student.batch(batch, rng)
        upper_sample, upper, lower_sample, lower = solver_step(student, clean, text)
        with torch.no_grad():
            target = consistent(lower_sample, lower, text)
        return pseudo_huber(consistent(upper_sample, upper, text), target, 1e-3)

    return loss


def tcd_loss(student: Student, batch: int) -> Loss:
    """The same for a random level below both ends instead of x_0."""

    def carried(sample: Tensor, timestep: Tensor, goal: Tensor, text: Tensor) -> Tensor:
        return ddim_step(sample, student.predict(sample, timestep, text), timestep, goal)

    def loss(rng: np.random.Generator, _progress: float) -> Tensor:
        clean, text = student.batch(batch, rng)
        upper_sample, upper, lower_sample, lower = solver_step(student, clean, text)
        goal = torch.minimum((torch.rand(batch) * (lower + 1)).long(), lower)
        with torch.no_grad():
            target = carried(lower_sample, lower, goal, text)
        return pseudo_huber(carried(upper_sample, upper, goal, text), target, 1e-3)

    return loss


def progressive_loss(student: Student, batch: int, steps: int, teacher_steps: int, teach: Teacher) -> Loss:
    """One student step on the trailing grid of `steps` must arrive where `teacher_steps` of the teacher arrive."""
    coarse, fine = trailing_timesteps(steps), trailing_timesteps(steps * teacher_steps)

    def loss(rng: np.random.Generator, _progress: float) -> Tensor:
        clean, text = student.batch(batch, rng)
        interval = torch.randint(0, steps, (batch,))
        start, end = coarse[interval], coarse[interval + 1]
        noise = torch.randn_like(clean)
        # Sampling starts from pure noise, although x_999 still holds a trace of the picture.
        sample = torch.where(per_sample(interval == 0), noise, add_noise(clean, noise, start))
        target = sample
        for step in range(teacher_steps):
            current, following = fine[interval * teacher_steps + step], fine[interval * teacher_steps + step + 1]
            target = ddim_step(target, teach(target, current, text), current, following)
        arrived = ddim_step(sample, student.predict(sample, start, text), start, end)
        return pseudo_huber(arrived, target, 0.01)

    return loss
