"""Checkpoints of other kinds, made from the one that a running host has: for a refiner, for inpainting, for InstructPix2Pix."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from safetensors.numpy import load_file, save_file

from .client import WebUI

_UNET = "model.diffusion_model."


@dataclass(frozen=True)
class Variant:
    """What the UNet reads (4 channels are the noise alone), how strongly it speaks, and what A1111's yaml beside it says instead."""

    name: str
    channels: int = 4
    strength: float = 1.0
    yaml: tuple[tuple[str, str], ...] = ()


OTHER = Variant("other", strength=0.9)
INPAINTING = Variant("inpainting", channels=9, yaml=(
    ("ddpm.LatentDiffusion", "ddpm.LatentInpaintDiffusion"), ("conditioning_key: crossattn", "conditioning_key: hybrid"),
    ("in_channels: 4", "in_channels: 9"), ("use_ema: False", "finetune_keys: null"),
))
EDIT = Variant("edit", channels=8, yaml=(
    ("target: ldm.models.diffusion.ddpm.LatentDiffusion", "target: modules.models.diffusion.ddpm_edit.LatentDiffusion"),
    ('first_stage_key: "jpg"', "first_stage_key: edited"), ('cond_stage_key: "txt"', "cond_stage_key: edit"),
    ("conditioning_key: crossattn", "conditioning_key: hybrid"), ("in_channels: 4", "in_channels: 8"),
))


def install(webui: WebUI, variant: Variant) -> str:
    """Puts the variant among the host's checkpoints, once; returns the name that it goes by."""
    source = webui.running.host.checkpoint(webui.family)
    target = webui.running.data / "models" / "Stable-diffusion" / f"{source.stem}-{variant.name}.safetensors"
    if not target.exists():
        tensors = load_file(source)
        entry, end = f"{_UNET}input_blocks.0.0.weight", f"{_UNET}out.2.weight"
        more = np.random.default_rng(5).standard_normal((len(tensors[entry]), variant.channels - 4, 3, 3)) * 0.02
        tensors[entry] = np.concatenate([tensors[entry], more.astype(tensors[entry].dtype)], axis=1)
        tensors[end] = tensors[end] * np.asarray(variant.strength, tensors[end].dtype)
        save_file(tensors, target, metadata={"format": "pt"})
        if (yaml := source.with_suffix(".yaml")).exists():
            text = yaml.read_text(encoding="utf-8")
            for old, new in variant.yaml:
                text = text.replace(old, new, 1)
            target.with_suffix(".yaml").write_text(text, encoding="utf-8")
        webui.post("/sdapi/v1/refresh-checkpoints")
    return target.name


@contextmanager
def loaded(webui: WebUI, variant: Variant) -> Iterator[None]:
    """The variant chosen at the top of the page; afterwards the host's usual checkpoint is."""
    webui.post("/sdapi/v1/options", {"sd_model_checkpoint": install(webui, variant)})
    try:
        yield
    finally:
        webui.load_checkpoint()
        webui.txt2img(steps=1)
