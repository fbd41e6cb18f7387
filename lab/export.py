"""The trained base model as one Stable Diffusion 1 checkpoint, float16, as WebUIs read it."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from demo.ldm import text_to_ldm, unet_to_ldm, vae_to_ldm
from demo.weights import Models, write_configuration

from .base import load_base
from .diffusion import alphas_cumprod
from .files import save_tensors


def export_checkpoint(base: Path, autoencoder: Path, models: Models) -> None:
    """Write the checkpoint, its yaml and the tokenizer where a WebUI looks for them."""
    write_configuration(models)
    model = load_base(base, models.tokenizer)
    weights = {
        **unet_to_ldm(model.unet.state_dict()),
        **vae_to_ldm(load_file(autoencoder)),
        **text_to_ldm(model.text.full_state()),
    }
    halved = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in weights.items()}
    save_tensors({**halved, **schedule_buffers()}, models.checkpoint)


def schedule_buffers() -> dict[str, Tensor]:
    """The noise schedule as the original code base stores it in its checkpoints, float32 [1000] each."""
    cumulative = alphas_cumprod()
    previous = torch.cat([torch.ones(1), cumulative[:-1]])
    return {
        "betas": 1 - cumulative / previous,
        "alphas_cumprod": cumulative,
        "alphas_cumprod_prev": previous,
        "sqrt_alphas_cumprod": cumulative.sqrt(),
        "sqrt_one_minus_alphas_cumprod": (1 - cumulative).sqrt(),
        "log_one_minus_alphas_cumprod": (1 - cumulative).log(),
        "sqrt_recip_alphas_cumprod": (1 / cumulative).sqrt(),
        "sqrt_recipm1_alphas_cumprod": (1 / cumulative - 1).sqrt(),
    }
