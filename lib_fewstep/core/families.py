"""The families of published networks. To know another one is to add a record here.

Diffusion transformers are told from the names of their tensors, and where several share names, from shapes. U-Nets share their names, and
differ in shape: see layout.py.
"""
from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..words.say import say

OTHER = "other"
"""The family of a network that was read whole and is none that is known here."""
KOHYA, PEFT, DOTTED, OTHER_NAMES = "kohya", "peft", "dotted", "other"
"""Whose key names a LoRA file has: kohya's, which every WebUI loads; PEFT's; the network's own names before `.lora_down`."""
GUIDANCE, SHIFT = "guidance", "shift"
"""What the host's field Distilled CFG means for a family: the scale that the network takes, or the shift of its noise levels."""
Named = Sequence[tuple[str, tuple[int, ...]]]
"""Tensors as (name, shape), the names in lower case and with "_" for ".". What a packed tensor's shape says is left out: ()."""


@dataclass(frozen=True)
class Sizes:
    """The sizes that tensors have along `axis`, of those whose names `names` finds."""

    names: re.Pattern[str]
    axis: int
    sizes: frozenset[int]

    def say(self, tensors: Named) -> bool | None:
        """Whether one of the tensors has such a size; None where none of them shows any."""
        seen = {shape[self.axis] for name, shape in tensors if len(shape) >= 2 and shape[1] > 1 and self.names.search(name)}
        return bool(seen & self.sizes) if seen else None


@dataclass(frozen=True)
class Family:
    """A published architecture. `short` is its name where there is little room; `methods`: whether there may be methods for it.

    `tensors` finds a name that a network of it or a LoRA for it has; None for a U-Net. `alike` finds names that others have as well. A
    network is of the family if one of `tensors` is there and `sizes` do not speak against it, or one of `alike` and they speak for it.
    `by_size` is the rule of its authors' schedule, where that goes by the picture's size; `dial` is what the host's field Distilled CFG
    means; `lora_names` are those that the hosts load; `loras_like` is the family whose LoRAs have the same names and shapes.
    """

    key: str
    label: str
    short: str
    tensors: re.Pattern[str] | None = None
    methods: bool = False
    alike: re.Pattern[str] | None = None
    sizes: Sizes | None = None
    by_size: str = ""
    dial: str = ""
    lora_names: tuple[str, ...] = (KOHYA, PEFT, DOTTED)
    loras_like: str = ""
    drops_by_share: bool = False
    """Whether its hosts leave a LoRA out of which the network has less than half of the keys."""

    def __str__(self) -> str:
        return self.label

    @property
    def is_unet(self) -> bool:
        return self.tensors is None


def _unet(key: str, label: str, short: str) -> Family:
    return Family(key, label, short, methods=True, lora_names=(KOHYA,))


def _transformer(
    key: str, label: str, *tensors: str, short: str = "", methods: bool = False, alike: str = "", sizes: Sizes | None = None,
    by_size: str = "", dial: str = "", lora_names: tuple[str, ...] = (KOHYA, PEFT, DOTTED), loras_like: str = "",
) -> Family:
    found = re.compile("|".join(tensors))
    also = re.compile(alike) if alike else None
    return Family(key, label, short or label, found, methods, also, sizes, by_size, dial, lora_names, loras_like,
                  drops_by_share=key not in ("flux", "sd3"))  # Forge runs those as well, and counts otherwise


def _read(names: str, *sizes: int) -> Sizes:
    """The widths that the projections `names` read, of a network or of a LoRA, whose down matrix has that side."""
    return Sizes(re.compile(rf"{names}_(?:(?:lora_)?(?:down|a)_(?:default_)?)?weight$"), 1, frozenset(sizes))


def _written(names: str, *sizes: int) -> Sizes:
    """The widths that the projections `names` write."""
    return Sizes(re.compile(rf"(?:{names})_(?:(?:lora_)?(?:up|b)_(?:default_)?)?weight$"), 0, frozenset(sizes))


_START = r"(?:^|_)"
_NEXT_DIT = rf"{_START}(?:noise|context)_refiner_\d+_|{_START}layers_\d+_(?:attention_(?:qkv|out|to_)|feed_forward_w[123])"
"""Lumina 2's names, which Z-Image has taken over."""
_FLUX = rf"{_START}(?:single_blocks|single_transformer_blocks)_\d+_"
_ALL = (
    _unet("sd15", "Stable Diffusion 1.5", "SD 1.5"),
    _unet("sd21", "Stable Diffusion 2.1", "SD 2.1"),
    _unet("sdxl", "SDXL", "SDXL"),
    _unet("ssd1b", "SSD-1B", "SSD-1B"),
    _unet("vega", "Segmind Vega", "Vega"),
    # These share block names with FLUX.1 or SD3, and come before them.
    _transformer("chroma", "Chroma", "distilled_guidance_layer", methods=True, loras_like="flux"),
    # FLUX.1's single block writes 7 times its width and its picture's MLP 4 times; FLUX.2's 9 and 6 times. klein is 3072 or 4096 wide.
    _transformer("klein", "FLUX.2-klein", "_stream_modulation_", "_attn_to_qkv_mlp_proj_", alike=_FLUX, methods=True, by_size="flux2",
                 sizes=_written(r"single_blocks_\d+_linear1|single_transformer_blocks_\d+_attn_to_qkv_mlp_proj", 27648, 36864)),
    _transformer("flux2", "FLUX.2", "_stream_modulation_", "_attn_to_qkv_mlp_proj_"),
    _transformer("hunyuan-video", "HunyuanVideo", "txt_in_individual_token_refiner", "_img_in_mlp_"),
    _transformer("qwen-image", "Qwen-Image", rf"{_START}transformer_blocks_\d+_(?:img|txt)_(?:mod|mlp)_",
                 rf"{_START}transformer_blocks_(?:3[89]|[45]\d)_attn_",  # of 60 blocks; SD3.5 Large has 38
                 methods=True),
    _transformer("z-image", "Z-Image", rf"{_START}x_pad_token", rf"{_START}layers_\d+_adaln_modulation_0_",
                 rf"{_START}layers_2[6-9]_(?:attention|feed_forward)_",  # of 30 layers; Lumina 2 has 26
                 alike=_NEXT_DIT, sizes=_read(r"layers_\d+_(?:attention_(?:qkv|to_[qkv])|feed_forward_w[13])", 3840),
                 methods=True, dial=SHIFT),
    _transformer("lumina2", "Lumina 2", _NEXT_DIT, dial=SHIFT,
                 sizes=_read(r"layers_\d+_(?:attention_(?:qkv|to_[qkv])|feed_forward_w[13])", 2304)),
    _transformer("anima", "Anima", rf"{_START}llm_adapter_", rf"{_START}blocks_\d+_(?:self|cross)_attn_(?:[qkv]|output)_proj_",
                 sizes=_read(r"(?<!adapter_)blocks_\d+_self_attn_[qkv]_proj", 2048), methods=True, dial=SHIFT),
    _transformer("wan", "Wan", rf"{_START}blocks_\d+_(?:self|cross)_attn_[qkvo]_(?!proj)", methods=True, dial=SHIFT),
    _transformer("krea2", "Krea 2", rf"{_START}txtfusion_", methods=True),
    _transformer("ernie", "ERNIE-Image", rf"{_START}layers_\d+_mlp_linear_fc[12]_", methods=True, dial=SHIFT),
    _transformer("pid", "PiD", rf"{_START}lq_proj_"),
    _transformer("flux", "FLUX.1", _FLUX, methods=True, by_size="flux", dial=GUIDANCE, lora_names=(KOHYA, PEFT)),
    _transformer("sd3", "Stable Diffusion 3", rf"{_START}joint_blocks_\d+_", r"^transformer_transformer_blocks_\d+_", short="SD3",
                 methods=True, lora_names=(KOHYA,)),
)
_KNOWN = {family.key: family for family in _ALL}
FAMILIES = {family.key: family for family in _ALL if family.methods}
"""Those that a method may be made for, by key."""


def transformer_of(tensors: Named) -> str:
    """The key of the first family that these tensors are of; "" if their names are nobody's, `OTHER` if only their shapes are."""
    names, unlike = [name for name, _ in tensors], False
    for family in _ALL:
        named = family.tensors is not None and _found(family.tensors, names)
        if not named and (family.alike is None or not _found(family.alike, names)):
            continue
        shaped = family.sizes.say(tensors) if family.sizes is not None else None
        if shaped or (named and shaped is None):
            return family.key
        unlike = unlike or named
    return OTHER if unlike else ""


def takes_loras_of(family: str | None, lora: str | None) -> bool:
    """Whether a file that shows itself as a LoRA for the family `lora` may be one for `family`."""
    known = _KNOWN.get(family or "")
    return family == lora or (known is not None and bool(known.loras_like) and known.loras_like == lora)


def lora_names_of(family: str | None) -> tuple[str, ...]:
    """Whose key names the hosts load for a family."""
    return _KNOWN[family].lora_names if family in _KNOWN else (KOHYA,)


def by_size_of(family: str | None) -> str:
    """The rule that goes by the picture's size, of a family whose authors have one."""
    return _KNOWN[family].by_size if family in _KNOWN else ""


def _found(pattern: re.Pattern[str], names: Collection[str]) -> bool:
    return any(map(pattern.search, names))


def label_of(family: str) -> str:
    """A family as people call it."""
    return _KNOWN[family].label if family in _KNOWN else say("family.unknown")
