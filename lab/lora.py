"""LoRA layers for training (Hu et al., 2106.09685), under the names that kohya's files use."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from demo.lora import kohya_name

from .networks import BFloat16Linear, channels_last, linear_bfloat16

STUDENT = "student"
TARGETS = (
    "to_q",
    "to_k",
    "to_v",
    "to_out.0",
    "proj_in",
    "proj_out",
    "ff.net.0.proj",
    "ff.net.2",
    "conv1",
    "conv2",
    "conv_shortcut",
    "downsamplers.0.conv",
    "upsamplers.0.conv",
    "time_emb_proj",
)
"""The modules that the LCM-LoRA training script of diffusers adapts."""


class LoRALayer(nn.Module):
    """A frozen linear or convolution layer; with an adapter in use its weight is W + up @ down. Alpha equals the rank."""

    def __init__(self, base: nn.Linear | nn.Conv2d, rank: int, adapters: Sequence[str]) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.used: str | None = None
        inputs, kernel = base.weight.shape[1], base.weight.shape[2:]
        self.down = nn.ParameterDict({name: torch.empty(rank, inputs, *kernel) for name in adapters})
        self.up = nn.ParameterDict({name: torch.zeros(base.weight.shape[0], rank, *[1] * len(kernel)) for name in adapters})
        for down in self.down.values():
            nn.init.kaiming_uniform_(down, a=math.sqrt(5))

    def forward(self, values: Tensor) -> Tensor:
        if self.used is None:
            return self.base(values)
        # One layer with the summed weight is cheaper than two more small ones.
        delta = self.up[self.used].flatten(1) @ self.down[self.used].flatten(1)
        weight = self.base.weight + delta.view(self.base.weight.shape)
        if isinstance(self.base, nn.Conv2d):
            return functional.conv2d(values, weight, self.base.bias, self.base.stride, self.base.padding)  # pyright: ignore[reportArgumentType]
        linear = linear_bfloat16 if isinstance(self.base, BFloat16Linear) else functional.linear
        return linear(values, weight, self.base.bias)


class LoRA:
    """LoRAs over one frozen UNet, put in at construction: several networks for little more than the memory of one."""

    def __init__(self, unet: nn.Module, rank: int, adapters: Sequence[str] = (STUDENT,)) -> None:
        unet.requires_grad_(False)
        self.rank = rank
        self.layers: dict[str, LoRALayer] = {}
        for name, module in list(unet.named_modules()):
            if isinstance(module, nn.Linear | nn.Conv2d) and name.endswith(TARGETS):
                layer = channels_last(LoRALayer(module, rank, adapters))
                parent, _, child = name.rpartition(".")
                setattr(unet.get_submodule(parent), child, layer)
                self.layers[kohya_name(name)] = layer

    def use(self, adapter: str | None) -> None:
        """From now on the UNet is the base model with this adapter; with None, the frozen base model alone."""
        for layer in self.layers.values():
            layer.used = adapter

    def freeze(self, adapter: str) -> None:
        """Train this adapter no more."""
        for layer in self.layers.values():
            layer.down[adapter].requires_grad_(False)
            layer.up[adapter].requires_grad_(False)

    def state(self, adapter: str = STUDENT) -> dict[str, Tensor]:
        """float16, as a kohya file stores it."""
        state = {}
        for name, layer in self.layers.items():
            state[f"{name}.lora_down.weight"] = layer.down[adapter].detach().half()
            state[f"{name}.lora_up.weight"] = layer.up[adapter].detach().half()
            state[f"{name}.alpha"] = torch.tensor(float(self.rank), dtype=torch.float16)
        return state

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor], adapter: str = STUDENT) -> None:
        """Continue from another LoRA of the same rank. Raises KeyError when a layer is missing."""
        for name, layer in self.layers.items():
            layer.down[adapter].copy_(state[f"{name}.lora_down.weight"])
            layer.up[adapter].copy_(state[f"{name}.lora_up.weight"])
