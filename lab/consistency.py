"""Consistency distillation: LCM-LoRA and TCD-LoRA.

Both let the teacher make one short step down its trajectory and ask the student to say the same from both ends of it.
LCM (Luo et al., 2310.04378, section 4, and 2311.05556): the same clean latents. TCD (Zheng et al., 2402.19159, section 3,
"trajectory consistency function"): the same place further down, which may be anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .diffusion import TIMESTEPS, add_noise, ddim_step, per_sample, predict_clean
from .settings import Training
from .student import Batch, Sources, Student, pseudo_huber
from .training import Loss, train

_SOLVER_STEPS = 50
_SOLVER_STRIDE = TIMESTEPS // _SOLVER_STEPS
_GUIDANCE_RANGE = (2.5, 5.0)
_HUBER_WIDTH = 1e-3


def distil_lcm(sources: Sources, training: Training, checkpoint: Path, target: Path) -> None:
    """Train and write the LCM-LoRA."""
    _distil(lcm_loss, "latent consistency distillation", sources, training, checkpoint, target)


def distil_tcd(sources: Sources, training: Training, checkpoint: Path, target: Path) -> None:
    """Train and write the TCD-LoRA."""
    _distil(tcd_loss, "trajectory consistency distillation", sources, training, checkpoint, target)


def _distil(
    make_loss: Callable[[Student, int], Loss], description: str, sources: Sources, training: Training, checkpoint: Path, target: Path
) -> None:
    student = Student(sources, training.seed)
    train(student.unet, make_loss(student, training.batch), training, checkpoint)
    student.save(target, description)


def solver_step(student: Student, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One guided DDIM step of the teacher from a random level -> x_t, t, x_s, s with s one solver step below t."""
    count = len(batch)
    timestep = torch.randint(1, _SOLVER_STEPS + 1, (count,)) * _SOLVER_STRIDE - 1
    lower = (timestep - _SOLVER_STRIDE).clamp(min=0)
    low, high = _GUIDANCE_RANGE
    sample = add_noise(batch.clean, batch.noise(), timestep)
    noise = student.teach(sample, timestep, batch.text, low + (high - low) * torch.rand(count))
    return sample, timestep, ddim_step(sample, noise, timestep, lower), lower


def boundary_scalings(timestep: Tensor, data_deviation: float = 0.5, scaling: float = 10.0) -> tuple[Tensor, Tensor]:
    """LCM's c_skip and c_out [n, 1, 1, 1], which make the student the identity at timestep 0."""
    scaled = timestep.float() * scaling
    variance = scaled.square() + data_deviation**2
    return per_sample(data_deviation**2 / variance), per_sample(scaled / variance.sqrt())


def lcm_loss(student: Student, size: int) -> Loss:
    """The student's x_0 must agree at both ends of the teacher's step."""

    def consistent(sample: Tensor, timestep: Tensor, text: Tensor) -> Tensor:
        skip, out = boundary_scalings(timestep)
        return skip * sample + out * predict_clean(sample, student.predict(sample, timestep, text), timestep)

    def loss(rng: np.random.Generator, _progress: float) -> Tensor:
        batch = student.batch(size, rng)
        upper_sample, upper, lower_sample, lower = solver_step(student, batch)
        with torch.no_grad():
            target = consistent(lower_sample, lower, batch.text)
        return pseudo_huber(consistent(upper_sample, upper, batch.text), target, _HUBER_WIDTH)

    return loss


def tcd_loss(student: Student, size: int) -> Loss:
    """The same for a random level below both ends instead of x_0."""

    def loss(rng: np.random.Generator, _progress: float) -> Tensor:
        batch = student.batch(size, rng)
        upper_sample, upper, lower_sample, lower = solver_step(student, batch)
        goal = torch.minimum((torch.rand(size) * (lower + 1)).long(), lower)
        with torch.no_grad():
            target = student.carry(lower_sample, lower, goal, batch.text)
        return pseudo_huber(student.carry(upper_sample, upper, goal, batch.text), target, _HUBER_WIDTH)

    return loss
