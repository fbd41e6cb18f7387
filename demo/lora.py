"""LoRA files in kohya's layout: `lora_unet_<module>.lora_down.weight`, `.lora_up.weight`, `.alpha`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

PREFIX = "lora_unet_"


def kohya_name(module: str) -> str:
    """A UNet module's name in a LoRA file: `mid_block.attentions.0.proj_in` -> `lora_unet_mid_block_attentions_0_...`."""
    return PREFIX + module.replace(".", "_")


def weight_deltas(lora: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What each module's weight gains at LoRA weight 1: alpha / rank * up @ down, as float32 [out, in, *kernel].

    Keys are kohya module names, without `.lora_down.weight`.
    """
    deltas = {}
    for key, down in lora.items():
        if not key.endswith(".lora_down.weight"):
            continue
        module = key.removesuffix(".lora_down.weight")
        up = lora[f"{module}.lora_up.weight"].float()
        scale = float(lora[f"{module}.alpha"]) / down.shape[0]
        delta = scale * up.flatten(1) @ down.float().flatten(1)
        deltas[module] = delta.view(up.shape[0], *down.shape[1:])
    return deltas


@torch.no_grad()
def merge_lora(unet: nn.Module, lora: Path | Mapping[str, Tensor], weight: float = 1.0) -> None:
    """Add `weight` times a LoRA to a diffusers UNet's weights, in place; a negative weight takes it out again.

    Raises KeyError when the LoRA names a module that the UNet does not have.
    """
    state = load_file(lora) if isinstance(lora, Path) else lora
    modules = {kohya_name(name): module for name, module in unet.named_modules()}
    for name, delta in weight_deltas(state).items():
        parameter = modules[name].get_parameter("weight")
        parameter += weight * delta.to(parameter)
