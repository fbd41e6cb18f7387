"""ADD, the method of SD-Turbo and SDXL-Turbo: adversarial diffusion distillation (Sauer et al., 2311.17042), 1 to 4 steps.

The student denoises a real picture from one of a few levels in one step (section 3.1). A discriminator shall take the result
for real (3.2; the eyes are the base model's in latents, as in the authors' later 2403.12015, not an image network's), and
the teacher, who sees the result through noise, shall agree with it (3.3). Unlike there it starts from the LCM-LoRA.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from .adversarial import Discriminator, adversarial_losses, look_through_noise, random_levels
from .diffusion import CLEAN, TIMESTEPS, add_noise, per_sample, predict_clean
from .settings import Training
from .student import Sources, Student, start_noise
from .training import Loss, train

_GUIDANCE = 4.0
_LEVELS = (999, 899, 799, 699)
"""Those that the authors' own sampling visits."""
_ADVERSARIAL_WEIGHT = 0.05


def distil_turbo(start: Path, sources: Sources, training: Training, checkpoint: Path, target: Path) -> None:
    """Train and write the LoRA."""
    student = Student(sources, training.seed, start)
    discriminator = Discriminator(student.unet)
    train(nn.ModuleList([student.unet, discriminator]), turbo_loss(student, training.batch, discriminator), training, checkpoint)
    student.save(target, "adversarial diffusion distillation")


def turbo_loss(student: Student, size: int, discriminator: Discriminator) -> Loss:
    """The adversarial and the distillation loss of what the student makes of a noisy picture in one step."""
    levels = torch.tensor(_LEVELS)

    def loss(rng: np.random.Generator, _progress: float) -> Tensor:
        batch = student.batch(size, rng)
        timestep = levels[torch.randint(0, len(_LEVELS), (size,))]
        clean = torch.full_like(timestep, CLEAN)
        drawn = student.carry(start_noise(batch.clean, timestep), timestep, clean, batch.text)
        noise, level = batch.noise(), random_levels(size)
        fake, real = (look_through_noise(student, latents, clean, noise, level, batch.text) for latents in (drawn, batch.clean))
        convince, tell = adversarial_losses(discriminator, fake, real)
        return agreement(student, drawn, batch.text) + _ADVERSARIAL_WEIGHT * convince + tell

    return loss


def agreement(student: Student, drawn: Tensor, text: Tensor) -> Tensor:
    """Squared difference from what the guided teacher makes of the drawn latents under noise, less where there is more noise."""
    with torch.no_grad():
        timestep = torch.randint(0, TIMESTEPS, (len(drawn),))
        noisy = add_noise(drawn, torch.randn_like(drawn), timestep)
        goal = predict_clean(noisy, student.teach(noisy, timestep, text, _GUIDANCE), timestep)
    weight = 1 - timestep.float() / TIMESTEPS
    return (per_sample(weight) * (drawn - goal).square()).mean()
