"""The loaded checkpoint, with the attributes that samplers and extensions reach for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from modules import devices
from torch import Tensor, nn
from transformers import CLIPTokenizer

from demo import ldm

if TYPE_CHECKING:
    from modules.sd_models import CheckpointInfo

TOKENS = 77


def training_alphas_cumprod() -> Tensor:
    """Stable Diffusion 1's noise schedule, float32 [1000]: alpha-bar per timestep ("scaled linear")."""
    betas = torch.linspace(0.00085**0.5, 0.0120**0.5, 1000, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0).float()


class DiffusionModel(nn.Module):
    """diffusers' UNet, called as the WebUI calls its own.

    Rows are evaluated one by one, so that a picture does not depend on the batch it is made in, to the last bit.
    """

    def __init__(self, unet: nn.Module) -> None:
        super().__init__()
        self.unet = unet

    @property
    def time_embed(self) -> Any:
        """The layers that take in the timestep, by LDM's name."""
        return self.unet.time_embedding

    def forward(self, x: Tensor, timesteps: Tensor, context: Tensor, **_: Any) -> Tensor:
        """Scaled latents [n, 4, h, w], timesteps [n] (fractions allowed), text [n, 77, width] -> predicted noise."""
        rows = zip(x.split(1), timesteps.split(1), context.split(1), strict=True)
        return torch.cat([self.unet(row, t, encoder_hidden_states=text).sample for row, t, text in rows])


class ModelWrapper(nn.Module):
    """`sd_model.model`: knows how conditionings reach the UNet."""

    conditioning_key = "crossattn"

    def __init__(self, diffusion_model: DiffusionModel) -> None:
        super().__init__()
        self.diffusion_model = diffusion_model


class LatentDiffusion(nn.Module):
    """A Stable Diffusion 1 checkpoint: text encoder, UNet, autoencoder."""

    alphas_cumprod: Tensor
    is_sdxl = False
    latent_channels = 4
    scale_factor = ldm.LATENT_SCALE

    def __init__(self, info: CheckpointInfo, tokenizer_folder: Path) -> None:
        super().__init__()
        checkpoint = Path(info.filename)
        self.sd_checkpoint_info = info
        self.sd_model_hash = info.shorthash
        self.model = ModelWrapper(DiffusionModel(ldm.load_unet(checkpoint)))
        self.cond_stage_model = ldm.load_text_encoder(checkpoint)
        self.first_stage_model: Any = ldm.load_vae(checkpoint)
        self.tokenizer = CLIPTokenizer.from_pretrained(tokenizer_folder)
        self.register_buffer("alphas_cumprod", training_alphas_cumprod())
        for network in (self.model, self.first_stage_model):
            network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] (torch's stubs forget it); a tenth faster

    @property
    def device(self) -> torch.device:
        return devices.device

    def apply_model(self, x: Tensor, t: Tensor, cond: dict[str, list[Tensor]]) -> Tensor:
        """Predict the noise in scaled latents [n, 4, h, w] at timesteps [n]; cond["c_crossattn"] = [text]."""
        return self.model.diffusion_model(x, t, context=torch.cat(cond["c_crossattn"], 1))

    def get_learned_conditioning(self, prompts: Sequence[str]) -> Tensor:
        """Encode prompts -> [n, 77, width]; what exceeds 77 tokens is cut off."""
        tokens = self.tokenizer(
            list(prompts), padding="max_length", truncation=True, max_length=TOKENS, return_tensors="pt"
        )
        return self.cond_stage_model(tokens["input_ids"]).last_hidden_state

    def encode_first_stage(self, images: Tensor) -> Tensor:
        """Pictures [n, 3, H, W] in -1..1 -> unscaled latents: the most likely ones, no sampling."""
        return torch.cat([self.first_stage_model.encode(image).latent_dist.mode() for image in images.split(1)])

    def get_first_stage_encoding(self, encoding: Tensor) -> Tensor:
        """Unscaled latents -> latents."""
        return encoding * self.scale_factor

    def decode_first_stage(self, latents: Tensor) -> Tensor:
        """Latents [n, 4, h, w] -> pictures [n, 3, 8h, 8w], about -1..1."""
        rows = (latents / self.scale_factor).split(1)
        return torch.cat([self.first_stage_model.decode(row).sample for row in rows])
