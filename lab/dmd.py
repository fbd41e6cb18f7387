"""DMD2: improved distribution matching distillation (Yin et al., 2405.14867), four steps and one.

No picture of the teacher is needed (section 4.1); the student's own score learns five times as often as the student (4.2); a
discriminator compares with real pictures (4.3); the student draws in several steps, with fresh noise between them (4.4), and
in training starts each of them from what it drew itself (4.5). Unlike there it starts from the LCM-LoRA, which saves hours.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from .adversarial import Discriminator, adversarial_losses, look_through_noise, random_levels
from .diffusion import CLEAN, add_noise, trailing_timesteps
from .score import match_loss, score_loss
from .settings import Training
from .student import FAKE, Batch, Sources, Student
from .training import Loss, train

_GUIDANCE = 4.0
_GENERATOR_SHARE = 0.2
_ADVERSARIAL_WEIGHT = 0.01
ONE_STEP = (399,)
"""The published one-step model is told 399, although it starts from pure noise: its x_0 is then not divided by a number near 0."""


def distil_dmd(steps: int, start: Path, sources: Sources, training: Training, checkpoint: Path, target: Path) -> None:
    """Train and write the LoRA for 4 steps, or for 1."""
    timesteps = torch.tensor(ONE_STEP) if steps == 1 else trailing_timesteps(steps)[:-1]
    student = Student(sources, training.seed, start, [FAKE])
    discriminator = Discriminator(student.unet)
    loss = dmd_loss(student, training.batch, timesteps, discriminator)
    train(nn.ModuleList([student.unet, discriminator]), loss, training, checkpoint)
    student.save(target, f"distribution matching distillation, {steps} steps")


def dmd_loss(student: Student, size: int, timesteps: Tensor, discriminator: Discriminator) -> Loss:
    """In every step the own score and the discriminator learn, in every fifth on average the student."""

    def loss(rng: np.random.Generator, _progress: float) -> Tensor:
        batch = student.batch(size, rng)
        step = int(rng.integers(0, len(timesteps)))
        draws = bool(rng.random() < _GENERATOR_SHARE)
        sample = simulate(student, batch, timesteps[:step], timesteps[step])
        with torch.set_grad_enabled(draws):
            drawn = draw(student, sample, timesteps[step], batch.text)
        text, clean, noise, level = batch.text, torch.full((size,), CLEAN), batch.noise(), random_levels(size)
        fake, real = (look_through_noise(student, latents, clean, noise, level, text) for latents in (drawn, batch.clean))
        convince, tell = adversarial_losses(discriminator, fake, real)
        value = score_loss(student, drawn.detach(), text) + tell
        if draws:
            value = value + match_loss(student, drawn, text, _GUIDANCE) + _ADVERSARIAL_WEIGHT * convince
        return value

    return loss


@torch.no_grad()
def simulate(student: Student, batch: Batch, before: Tensor, timestep: Tensor) -> Tensor:
    """Pure noise, carried through the steps `before` as sampling does it -> x at `timestep`."""
    sample = batch.noise()
    for current, following in pairwise([*before, timestep]):
        drawn = draw(student, sample, current, batch.text)
        sample = add_noise(drawn, batch.noise(), following.expand(len(batch)))
    return sample


def draw(student: Student, sample: Tensor, timestep: Tensor, text: Tensor) -> Tensor:
    """x at a timestep (a scalar) -> the clean latents that the student expects."""
    here = timestep.expand(len(sample))
    return student.carry(sample, here, torch.full_like(here, CLEAN), text)
