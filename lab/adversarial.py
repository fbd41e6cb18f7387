"""A discriminator that judges latents by what the frozen base model sees in them, and its losses.

Its eyes are the UNet's way down at a noise level, as in SDXL-Lightning (Lin et al., 2402.13929, section 3.3 "Discriminator
design") and in the successor of ADD (Sauer et al., 2403.12015); only the small heads behind them are trained.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from .diffusion import add_more_noise
from .student import Student

_LEVELS = (10, 250, 500, 750)
"""Noise levels at which latents are judged (Lin et al., section 3.7): more noise hides detail, so the judgement is kinder."""
_WIDTH = 64


class Discriminator(nn.Module):
    """One head per level of the UNet's way down. `pairs`: 2 when a latent is judged together with the one it came from."""

    def __init__(self, unet: UNet2DConditionModel, pairs: int = 1) -> None:
        super().__init__()
        widths = [*unet.config["block_out_channels"], unet.config["block_out_channels"][-1]]
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Conv2d(pairs * width, _WIDTH, 1), nn.SiLU(), nn.Conv2d(_WIDTH, 1, 1)) for width in widths
        )

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Maps [n, channels, h, w], one per head -> logits [n, heads]; above 0 means "real"."""
        return torch.stack([head(part).mean((1, 2, 3)) for head, part in zip(self.heads, features, strict=True)], 1)


def look(student: Student, latents: Tensor, timestep: Tensor, text: Tensor) -> list[Tensor]:
    """What the frozen base model's way down sees in latents of a noise level; gradients reach the latents."""
    unet = student.unet
    student.lora.use(None)
    embedding = unet.time_embedding(unet.time_proj(timestep))
    values, seen = unet.conv_in(latents.contiguous(memory_format=torch.channels_last)), []
    for block in unet.down_blocks:
        if getattr(block, "has_cross_attention", False):
            values, _ = block(hidden_states=values, temb=embedding, encoder_hidden_states=text)
        else:
            values, _ = block(hidden_states=values, temb=embedding)
        seen.append(values)
    return [*seen, unet.mid_block(values, embedding, encoder_hidden_states=text)]


def look_through_noise(student: Student, latents: Tensor, timestep: Tensor, noise: Tensor, level: Tensor, text: Tensor) -> list[Tensor]:
    """The same with noise added up to `level`, where that is more than the latents' own `timestep` (which may be CLEAN)."""
    noisy = add_more_noise(latents, timestep, noise, level)
    return look(student, noisy, torch.maximum(timestep, level), text)


def random_levels(count: int) -> Tensor:
    """int64 [count], each one of four noise levels."""
    return torch.tensor(_LEVELS)[torch.randint(0, len(_LEVELS), (count,))]


def adversarial_losses(discriminator: Discriminator, fake: Sequence[Tensor], real: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Non-saturating losses (Goodfellow et al., 1406.2661) of the student and of the discriminator, from what was seen.

    Both can be minimised in one step: neither moves the other's parameters.
    """
    frozen = {name: parameter.detach() for name, parameter in discriminator.named_parameters()}
    convince = functional.softplus(-functional_call(discriminator, frozen, (fake,))).mean()
    unmasked = functional.softplus(discriminator([part.detach() for part in fake]))
    believed = functional.softplus(-discriminator([part.detach() for part in real]))
    return convince, (unmasked + believed).mean()


def beside(first: Sequence[Tensor], second: Sequence[Tensor]) -> list[Tensor]:
    """Two views side by side, for a discriminator of pairs."""
    return [torch.cat(pair, 1) for pair in zip(first, second, strict=True)]
