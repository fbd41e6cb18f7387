"""SDXL-Lightning's progressive adversarial distillation (Lin et al., 2402.13929), 8 -> 4 -> 2 -> 1 steps.

Progressive (section 3.1; Salimans & Ho, 2202.00512): one step of the student arrives where several of its teacher arrive,
on the trailing timesteps from pure noise (section 3.5 "Fix the schedule"; Lin et al., 2305.08891). The first teacher is the
base model under guidance, each later one the stage before.
Adversarial (sections 3.2 to 3.4): from 4 steps on a discriminator compares where both arrived, first with regard to where
they came from, then without, which no longer asks for the same picture. Unlike there the squared error stays, as an anchor:
these discriminators are small and train for minutes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from .adversarial import Discriminator, adversarial_losses, beside, look, look_through_noise, random_levels
from .diffusion import ddim_step, trailing_timesteps
from .settings import Training
from .student import Batch, Sources, Student, Teacher, pseudo_huber, start_noise
from .training import Loss, train

_GUIDANCE = 4.0
_TEACHER_STEPS = 32
_HUBER_WIDTH = 0.01
_CONDITIONAL_SHARE = 0.5
_ADVERSARIAL_WEIGHT = 0.02


def distil_lightning(
    steps: int, previous: Path | None, sources: Sources, training: Training, checkpoint: Path, target: Path
) -> None:
    """Train and write the LoRA of one stage; `previous` is the LoRA of the stage with twice the steps, None for the first."""
    student = Student(sources, training.seed, previous)
    if previous is None:
        loss = progressive_loss(student, training.batch, steps, _TEACHER_STEPS // steps)
        train(student.unet, loss, training, checkpoint)
    else:
        judges = nn.ModuleList([Discriminator(student.unet, pairs=2), Discriminator(student.unet)])
        loss = adversarial_loss(student, training.batch, steps, judges)
        train(nn.ModuleList([student.unet, judges]), loss, training, checkpoint)
    student.save(target, f"progressive adversarial distillation to {steps} steps")


def progressive_loss(student: Student, size: int, steps: int, teacher_steps: int) -> Loss:
    """One step of the student must arrive where `teacher_steps` of the guided base model arrive."""

    def teach(sample: Tensor, timestep: Tensor, text: Tensor) -> Tensor:
        return student.teach(sample, timestep, text, _GUIDANCE)

    def loss(rng: np.random.Generator, _progress: float) -> Tensor:
        batch = student.batch(size, rng)
        sample, start, end, target = progressive_goal(batch, steps, teacher_steps, teach)
        return pseudo_huber(student.carry(sample, start, end, batch.text), target, _HUBER_WIDTH)

    return loss


def adversarial_loss(student: Student, size: int, steps: int, judges: nn.ModuleList) -> Loss:
    """The same with the stage before as teacher, two of its steps, and a discriminator of where both arrived."""

    def loss(rng: np.random.Generator, progress: float) -> Tensor:
        batch = student.batch(size, rng)
        sample, start, end, target = progressive_goal(batch, steps, 2, student.teach_as_before)
        arrived = student.carry(sample, start, end, batch.text)
        noise, level = batch.noise(), random_levels(size)
        fake, real = (look_through_noise(student, latents, end, noise, level, batch.text) for latents in (arrived, target))
        if progress < _CONDITIONAL_SHARE:
            origin = look(student, sample, start, batch.text)
            convince, tell = adversarial_losses(judges[0], beside(fake, origin), beside(real, origin))  # pyright: ignore[reportArgumentType]
        else:
            convince, tell = adversarial_losses(judges[1], fake, real)  # pyright: ignore[reportArgumentType]
        return pseudo_huber(arrived, target, _HUBER_WIDTH) + _ADVERSARIAL_WEIGHT * convince + tell

    return loss


@torch.no_grad()
def progressive_goal(batch: Batch, steps: int, teacher_steps: int, teach: Teacher) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A random interval of the trailing grid of `steps` -> x_start, start, end, and x_end as the teacher finds it."""
    coarse, fine = trailing_timesteps(steps), trailing_timesteps(steps * teacher_steps)
    interval = torch.randint(0, steps, (len(batch),))
    start, end = coarse[interval], coarse[interval + 1]
    sample = start_noise(batch.clean, start)
    target = sample
    for step in range(teacher_steps):
        current, following = fine[interval * teacher_steps + step], fine[interval * teacher_steps + step + 1]
        target = ddim_step(target, teach(target, current, batch.text), current, following)
    return sample, start, end, target
