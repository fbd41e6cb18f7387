"""The families of diffusion transformers, told from the names of their tensors. To know another one is to add a record here.

U-Nets are not here: Stable Diffusion's families share their names, and differ in shape (see layout.py).
"""
from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from .profiles import FAMILIES

OTHER = "other"
"""The family of a network that was read whole and is none that is known here."""


@dataclass(frozen=True)
class Transformer:
    """`tensors` finds a name that no other family has, in a network or in a LoRA for it. Names are in lower case, with "_" for "."."""

    key: str
    label: str
    tensors: re.Pattern[str]


def _known_by(key: str, label: str, *tensors: str) -> Transformer:
    return Transformer(key, label, re.compile("|".join(tensors)))


_START = r"(?:^|_)"
TRANSFORMERS = (
    # These share block names with FLUX.1 or SD3, and come before them.
    _known_by("chroma", "Chroma", "distilled_guidance_layer"),
    _known_by("flux2", "FLUX.2", "_stream_modulation_", "_attn_to_qkv_mlp_proj_"),
    _known_by("hunyuan-video", "HunyuanVideo", "txt_in_individual_token_refiner", "_img_in_mlp_"),
    _known_by("qwen-image", "Qwen-Image", rf"{_START}transformer_blocks_\d+_(?:img|txt)_(?:mod|mlp)_",
              rf"{_START}transformer_blocks_(?:3[89]|[45]\d)_attn_"),  # of 60 blocks; SD3.5 Large has 38
    _known_by("z-image", "Z-Image", rf"{_START}x_pad_token", rf"{_START}layers_\d+_adaln_modulation_0_",
              rf"{_START}layers_2[6-9]_(?:attention|feed_forward)_"),  # of 30 layers; Lumina 2 has 26
    _known_by("lumina2", "Lumina 2 or Z-Image", rf"{_START}(?:noise|context)_refiner_\d+_",
              rf"{_START}layers_\d+_(?:attention_(?:qkv|out|to_)|feed_forward_w[123])"),
    _known_by("anima", "Anima", rf"{_START}llm_adapter_", rf"{_START}blocks_\d+_(?:self|cross)_attn_(?:[qkv]|output)_proj_"),
    _known_by("wan", "Wan", rf"{_START}blocks_\d+_(?:self|cross)_attn_[qkvo]_"),
    _known_by("krea2", "Krea 2", rf"{_START}txtfusion_"),
    _known_by("ernie", "ERNIE-Image", rf"{_START}layers_\d+_mlp_linear_fc[12]_"),
    _known_by("pid", "PiD", rf"{_START}lq_proj_"),
    _known_by("flux", FAMILIES["flux"], rf"{_START}(?:single_blocks|single_transformer_blocks)_\d+_"),
    _known_by("sd3", FAMILIES["sd3"], rf"{_START}joint_blocks_\d+_", r"^transformer_transformer_blocks_\d+_"),
)


def transformer_of(names: Collection[str]) -> str:
    """The key of the first family that one of `names` is of; "" if there is none."""
    return next((family.key for family in TRANSFORMERS if any(map(family.tensors.search, names))), "")


def label_of(family: str) -> str:
    """A family as people call it, with an article where it has no name."""
    others = {each.key: each.label for each in TRANSFORMERS}
    return FAMILIES.get(family) or others.get(family, "of an architecture that is not known here")
