"""Score distillation: drawn latents are moved to where the teacher's score points more than the student's own.

Distribution matching distillation (Yin et al., 2311.18828, section 3.2; 2405.14867, section 3). The score of what the student
draws is a second LoRA on the same frozen UNet, which learns to denoise the student's latents.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .diffusion import TIMESTEPS, add_noise, predict_clean
from .student import FAKE, Student

_LEVELS = (0.02, 0.98)
"""The noise levels looked at, as shares of all."""


def match_loss(student: Student, drawn: Tensor, text: Tensor, guidance: float) -> Tensor:
    """A scalar whose gradient with respect to the `drawn` latents [n, 4, 8, 8] is the difference of the two scores."""
    with torch.no_grad():
        timestep = _random_timesteps(len(drawn))
        noisy = add_noise(drawn, torch.randn_like(drawn), timestep)
        real = predict_clean(noisy, student.teach(noisy, timestep, text, guidance), timestep)
        fake = predict_clean(noisy, student.predict(noisy, timestep, text, FAKE), timestep)
        # Scaled, so that all noise levels weigh about the same (equation 8 of 2311.18828).
        scale = (drawn - real).abs().mean((1, 2, 3), keepdim=True).clamp(min=1e-3)
        goal = drawn - (fake - real) / scale
    return 0.5 * functional.mse_loss(drawn, goal)


def score_loss(student: Student, drawn: Tensor, text: Tensor) -> Tensor:
    """The student's own score learns to denoise what the student drew, which no gradient reaches."""
    timestep = _random_timesteps(len(drawn))
    noise = torch.randn_like(drawn)
    predicted = student.predict(add_noise(drawn.detach(), noise, timestep), timestep, text, FAKE)
    return functional.mse_loss(predicted, noise)


def _random_timesteps(count: int) -> Tensor:
    low, high = _LEVELS
    return ((low + (high - low) * torch.rand(count)) * TIMESTEPS).long()
