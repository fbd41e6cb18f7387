"""The families of published networks. To know another one is to add a record here.

Diffusion transformers are told from the names of their tensors. U-Nets share their names, and differ in shape: see layout.py.
"""
from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from ..words.say import say

OTHER = "other"
"""The family of a network that was read whole and is none that is known here."""


@dataclass(frozen=True)
class Family:
    """A published architecture. `short` is its name where there is little room; `methods`: whether there may be methods for it.

    `tensors` finds a name that no other transformer has, in a network or in a LoRA for it; None for a U-Net. Names are in lower case,
    with "_" for ".".
    """

    key: str
    label: str
    short: str
    tensors: re.Pattern[str] | None = None
    methods: bool = False

    def __str__(self) -> str:
        return self.label

    @property
    def is_unet(self) -> bool:
        return self.tensors is None


def _unet(key: str, label: str, short: str) -> Family:
    return Family(key, label, short, methods=True)


def _transformer(key: str, label: str, *tensors: str, methods: bool = False) -> Family:
    return Family(key, label, label, re.compile("|".join(tensors)), methods)


_START = r"(?:^|_)"
_ALL = (
    _unet("sd15", "Stable Diffusion 1.5", "SD 1.5"),
    _unet("sd21", "Stable Diffusion 2.1", "SD 2.1"),
    _unet("sdxl", "SDXL", "SDXL"),
    _unet("ssd1b", "SSD-1B", "SSD-1B"),
    _unet("vega", "Segmind Vega", "Vega"),
    # These share block names with FLUX.1 or SD3, and come before them.
    _transformer("chroma", "Chroma", "distilled_guidance_layer"),
    _transformer("flux2", "FLUX.2", "_stream_modulation_", "_attn_to_qkv_mlp_proj_"),
    _transformer("hunyuan-video", "HunyuanVideo", "txt_in_individual_token_refiner", "_img_in_mlp_"),
    _transformer("qwen-image", "Qwen-Image", rf"{_START}transformer_blocks_\d+_(?:img|txt)_(?:mod|mlp)_",
                 rf"{_START}transformer_blocks_(?:3[89]|[45]\d)_attn_"),  # of 60 blocks; SD3.5 Large has 38
    _transformer("z-image", "Z-Image", rf"{_START}x_pad_token", rf"{_START}layers_\d+_adaln_modulation_0_",
                 rf"{_START}layers_2[6-9]_(?:attention|feed_forward)_"),  # of 30 layers; Lumina 2 has 26
    _transformer("lumina2", "Lumina 2 or Z-Image", rf"{_START}(?:noise|context)_refiner_\d+_",
                 rf"{_START}layers_\d+_(?:attention_(?:qkv|out|to_)|feed_forward_w[123])"),
    _transformer("anima", "Anima", rf"{_START}llm_adapter_", rf"{_START}blocks_\d+_(?:self|cross)_attn_(?:[qkv]|output)_proj_"),
    _transformer("wan", "Wan", rf"{_START}blocks_\d+_(?:self|cross)_attn_[qkvo]_"),
    _transformer("krea2", "Krea 2", rf"{_START}txtfusion_"),
    _transformer("ernie", "ERNIE-Image", rf"{_START}layers_\d+_mlp_linear_fc[12]_"),
    _transformer("pid", "PiD", rf"{_START}lq_proj_"),
    _transformer("flux", "FLUX.1", rf"{_START}(?:single_blocks|single_transformer_blocks)_\d+_", methods=True),
    Family("sd3", "Stable Diffusion 3", "SD3", re.compile(rf"{_START}joint_blocks_\d+_|^transformer_transformer_blocks_\d+_"), True),
)
_KNOWN = {family.key: family for family in _ALL}
FAMILIES = {family.key: family for family in _ALL if family.methods}
"""Those that a method may be made for, by key."""


def transformer_of(names: Collection[str]) -> str:
    """The key of the first family that one of `names` is of; "" if there is none."""
    return next((each.key for each in _ALL if each.tensors is not None and any(map(each.tensors.search, names))), "")


def label_of(family: str) -> str:
    """A family as people call it."""
    return _KNOWN[family].label if family in _KNOWN else say("family.unknown")
