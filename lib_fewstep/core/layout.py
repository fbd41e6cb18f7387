"""The shape of a UNet, seen from tensor names: where its transformers sit, how deep, how wide, and which text width they read.

That is enough to say for which UNet a LoRA was made, because every Stable Diffusion UNet differs from the others in it, and
fine-tunes of one architecture do not. The same function reads a UNet's own weights and a LoRA's, in the names of LDM
(input_blocks.4.1), of diffusers (down_blocks.1.attentions.0), of kohya (lora_unet_down_blocks_1_attentions_0) and of PEFT.
"""
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from .profiles import FAMILIES

# A tensor's name, with "_" for ".", is the transformer's place, "transformer_blocks_", and what it is there.
_PLACE = re.compile(
    r"(?:(?P<ldm>input|output)_blocks_(?P<number>\d{1,4})_1|(?P<middle>middle_block_1|mid_block_attentions_0)"
    r"|(?P<diffusers>down|up)_blocks_(?P<level>\d+)_attentions_(?P<index>\d+))_$"
)
_PART = re.compile(r"(?P<depth>\d{1,4})_attn(?P<attn>[12])_(?:processor_)?to_(?P<projection>[qkv])_(?P<rest>.*)")
_INPUT = re.compile(r"(?:model_diffusion_model_)?(?:input_blocks_0_0|conv_in)_weight")
_FIRST_DOWNSAMPLER = re.compile(r"input_blocks_([1-9]\d{0,3})_0_op")
_GUIDANCE = re.compile(r"(?:^|_)(?:time_embed(?:ding)?_cond_proj|guidance_in_in_layer)_weight$")
_DIFFUSION_TRANSFORMERS = {
    "flux": re.compile(r"(?:^|_)(?:single_blocks|single_transformer_blocks)_\d+_"),
    "sd3": re.compile(r"(?:^|_)joint_blocks_\d+_|^transformer_transformer_blocks_\d+_"),
}
_OTHER_TRANSFORMER = re.compile(r"distilled_guidance_layer|_stream_modulation_|_img_in_mlp_|txt_in_individual")
"""Chroma, FLUX.2, HunyuanVideo: they share FLUX's block names and are none of ours."""
_INPUT_SIDE = re.compile(r"weight|(?:lora_)?(?:down|a)_(?:default_)?weight")
"""What follows the projection's name in the tensor that is as wide as the projection's input."""

KOHYA, PEFT, OTHER = "kohya", "peft", "other"


@dataclass(frozen=True, order=True)
class Site:
    """One spatial transformer: its place (side-level-index as diffusers counts, `down-1-0`), its depth in blocks, its channels, and the
    width of the text embeddings that it reads. 0: not seen.
    """

    place: str
    depth: int
    width: int
    context: int

    def __str__(self) -> str:
        return f"{self.place}:{self.depth}:{self.width}:{self.context}"

    @classmethod
    def parse(cls, text: str) -> Site:
        place, *numbers = text.split(":")
        return cls(place, *(int(n) for n in numbers))


@dataclass(frozen=True)
class Layout:
    """All transformers of a UNet, or those that a LoRA touches; and the channels that a UNet reads (0: not seen).

    `transformer` is the family of a network that is no UNet; `guided`: it takes a guidance scale as an input.
    """

    sites: frozenset[Site]
    channels: int = 0
    transformer: str = ""
    guided: bool = False

    @cached_property
    def family(self) -> str | None:
        """Which published architecture this is (a key of `profiles.FAMILIES`), judged by structure; None if it is none of them.

        Widths are not asked, except the text width that alone tells SD 2 from SD 1 (None where it is not seen): a narrow test model
        is of its family too.
        """
        if self.transformer:
            return self.transformer
        depth: dict[str, int] = {}
        for site in self.sites:
            level = site.place.rpartition("-")[0]
            depth[level] = max(depth.get(level, 0), site.depth)
        if "down-0" in depth or "up-3" in depth:
            return {0: None, 1024: "sd21"}.get(self.context, "sd15")
        return _SDXL_KIN.get((depth.get("down-1", 0), depth.get("down-2", 0)))

    @property
    def reads_picture(self) -> bool:
        """Whether this is an InstructPix2Pix UNet: it reads the picture to be edited beside the noise, 4 + 4 channels."""
        return self.channels == 8

    @cached_property
    def context(self) -> int:
        """Width of the text embeddings that the cross-attentions read; 0 if none is touched."""
        return max((site.context for site in self.sites), default=0)

    def misfit(self, unet: Layout) -> str | None:
        """Why a LoRA of this layout does not fit `unet`, in words that follow "it"; None if it fits or says nothing about it."""
        if self.family and unet.family and self.family != unet.family:
            return f"was made for {FAMILIES[self.family]}, and the loaded checkpoint is {FAMILIES[unet.family]}"
        there = {site.place: site for site in unet.sites}
        for site in sorted(self.sites):
            match = there.get(site.place)
            if match is None or site.depth > match.depth:
                return f"changes a transformer at {site.place} (depth {site.depth}) that the loaded UNet does not have"
            if site.width and site.width != match.width:
                return f"is {site.width} channels wide at {site.place}, where the loaded UNet has {match.width}"
            if site.context and site.context != match.context:
                return f"reads text embeddings {site.context} wide, and the loaded UNet's are {match.context} wide"
        return None


NO_LAYOUT = Layout(frozenset())
_SDXL_KIN = {(2, 10): "sdxl", (2, 4): "ssd1b", (1, 2): "vega"}
"""(transformer depth at the second level, at the third level), from the configurations of SDXL-base, SSD-1B and Segmind-Vega."""


def layout_of(shapes: Mapping[str, tuple[int, ...]]) -> Layout:
    """The layout told by tensor names and shapes, of a UNet or of a LoRA. Weights are (out, in, …); a LoRA's down matrix is (rank, in).

    Where LDM's names do not tell how many residual blocks a level has, it is two, as in every published Stable Diffusion.
    """
    named = [(name.replace(".", "_").lower(), shape) for name, shape in shapes.items()]
    downsamplers = [int(found[1]) for name, _ in named if (found := _FIRST_DOWNSAMPLER.search(name))]
    blocks_per_level = min(downsamplers, default=3)
    depth: dict[str, int] = {}
    width: dict[str, int] = {}
    context: dict[str, int] = {}
    for name, shape in named:
        before, _, after = name.partition("transformer_blocks_")
        if not after or (place := _place(before, blocks_per_level)) is None or (part := _part(after)) is None:
            continue
        depth[place] = max(depth.get(place, 0), part[0])
        if len(shape) >= 2 and part[1]:
            (context if part[1] == "context" else width)[place] = shape[1]
    sites = frozenset(Site(place, depth[place], width.get(place, 0), context.get(place, 0)) for place in depth)
    channels = [shape[1] for name, shape in named if _INPUT.fullmatch(name) and len(shape) == 4]
    guided = any(_GUIDANCE.search(name) for name, _ in named)
    return Layout(sites, max(channels, default=0), "" if sites else _transformer(name for name, _ in named), guided)


def _transformer(names: Iterable[str]) -> str:
    """The family of a diffusion transformer, FLUX before SD3, because FLUX has blocks of either name."""
    names = list(names)
    if any(_OTHER_TRANSFORMER.search(name) for name in names):
        return ""
    return next((family for family, block in _DIFFUSION_TRANSFORMERS.items() if any(map(block.search, names))), "")


def naming_of(names: Iterable[str]) -> str:
    """Whose key names a LoRA file uses: `kohya` (every WebUI loads them), `peft` (A1111 does not), or `other`."""
    names = list(names)
    if any(name.startswith(("lora_unet_", "lora_te")) for name in names):
        return KOHYA
    return PEFT if any(re.search(r"\.lora_[ABab]\.|\.lora\.(up|down)\.", name) for name in names) else OTHER


@lru_cache(maxsize=1024)
def _place(before: str, blocks_per_level: int) -> str | None:
    """Side, level and index of a transformer. LDM numbers its blocks through: a level is its residual blocks and one resampler."""
    found = _PLACE.search(before)
    if found is None:
        return None
    if found["middle"]:
        return "mid-0-0"
    if found["diffusers"]:
        return f"{found['diffusers']}-{found['level']}-{found['index']}"
    number = int(found["number"])
    side, number = ("down", number - 1) if found["ldm"] == "input" else ("up", number)
    return f"{side}-{number // blocks_per_level}-{number % blocks_per_level}"


@lru_cache(maxsize=1024)
def _part(after: str) -> tuple[int, str] | None:
    """How deep the transformer must be to have this tensor, and of what its second dimension is the size: width, context, or nothing."""
    found = _PART.match(after)
    if found is None:
        return None
    size = "context" if found["attn"] == "2" and found["projection"] != "q" else "width"
    return int(found["depth"]) + 1, size if _INPUT_SIDE.fullmatch(found["rest"]) else ""
