"""The shape of a network, seen from tensor names: where its transformers sit, how deep, how wide, and which text width they read.

That is enough to say for which network a LoRA was made, because every Stable Diffusion UNet differs from the others in it, and
fine-tunes of one architecture do not. The same function reads a network's own weights and a LoRA's, in the names of LDM
(input_blocks.4.1), of diffusers (down_blocks.1.attentions.0), of kohya (lora_unet_down_blocks_1_attentions_0) and of PEFT.
"""
from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from ..words.say import Sentence, say
from .families import DOTTED, FAMILIES, KOHYA, PEFT, label_of, transformer_of
from .families import OTHER as OTHER_NETWORK
from .families import OTHER_NAMES as OTHER
from .keys import MOST_LEFT_OUT, kinds_of, share_taken

# A tensor's name, with "_" for ".", is the transformer's place, "transformer_blocks_", and what it is there.
_PLACE = re.compile(
    r"(?:(?P<ldm>input|output)_blocks_(?P<number>\d{1,4})_1|(?P<middle>middle_block_1|mid_block_attentions_0)"
    r"|(?P<diffusers>down|up)_blocks_(?P<level>\d+)_attentions_(?P<index>\d+))_$"
)
_PART = re.compile(r"(?P<depth>\d{1,4})_attn(?P<attn>[12])_(?:processor_)?to_(?P<projection>[qkv])_(?P<rest>.*)")
_INPUT = re.compile(r"(?:model_diffusion_model_)?(?:input_blocks_0_0|conv_in)_weight")
_FIRST_DOWNSAMPLER = re.compile(r"input_blocks_([1-9]\d{0,3})_0_op")
_GUIDANCE = re.compile(r"(?:^|_)(?:time_embed(?:ding)?_cond_proj|guidance_in_in_layer|guidance_embedder_linear_1)_weight$")
_STREAM = re.compile(
    r"(?:^|_)(?P<stream>(?:double|joint|single|transformer|single_transformer)_blocks|layers|(?<!adapter_)blocks)_(?P<number>\d{1,3})_"
    r"(?P<rest>.*)"
)
"""A block of a diffusion transformer, in the names of its authors or of diffusers."""
_BESIDE = re.compile(r"(?:lora_te\d?|te\d?|text_encoders?|cond_stage_model|conditioner|first_stage_model|vae)_")
"""Begins the names of a file's text encoders and autoencoder, which have layers too."""
_STREAM_INPUT = re.compile(
    r"(?:(?:img|txt|x_block|context_block)_attn_qkv|linear1|attn_(?:to_[qkv]|add_[qkv]_proj)|attn_w[qkv]"
    r"|attention_(?:qkv|to_[qkv])|feed_forward_w[13]|self_attn_[qkv](?:_proj)?|self_attention_to_[qkv])_(?P<rest>.*)"
)
_INPUT_SIDE = re.compile(r"weight|(?:lora_)?(?:down|a)_(?:default_)?weight")
"""What follows the projection's name in the tensor that is as wide as the projection's input."""

Shapes = Mapping[str, tuple[int, ...]]
"""Shapes by tensor name."""


@dataclass(frozen=True, order=True)
class Transformer:
    """The transformer blocks at one place: a U-Net's by side, level and index as diffusers counts (`down-1-0`), a diffusion transformer's
    by stream (`double` or `single`). `depth` is their number, `width` their channels, `context` the width of the text embeddings that a
    U-Net's read. 0: not seen.
    """

    place: str
    depth: int
    width: int = 0
    context: int = 0

    def __str__(self) -> str:
        return f"{self.place}:{self.depth}:{self.width}:{self.context}"

    @classmethod
    def parse(cls, text: str) -> Transformer:
        """The inverse of `str`."""
        place, *numbers = text.split(":")
        return cls(place, *(int(n) for n in numbers))


@dataclass(frozen=True)
class Layout:
    """All transformers of a network, or those that a LoRA touches; and the channels that a UNet reads (0: not seen).

    `named` is the family that the names alone tell, that of a network which is no UNet; `guided`: it takes a guidance scale as an input.
    """

    transformers: frozenset[Transformer]
    channels: int = 0
    named: str = ""
    guided: bool = False
    kinds: tuple[tuple[str, int], ...] = ()
    """How many tensors there are of each kind; of a transformer, and of a LoRA for one."""

    @cached_property
    def family(self) -> str | None:
        """Which published architecture this is: a key of `families.FAMILIES`, or of a family in families.py that no method is made for.
        None: not known.

        Widths are not asked, except the text width that alone tells SD 2 from SD 1 (None where it is not seen): a narrow test model
        is of its family too.
        """
        if self.named:
            return self.named
        depth: dict[str, int] = {}
        for each in self.transformers:
            level = each.place.rpartition("-")[0]
            depth[level] = max(depth.get(level, 0), each.depth)
        if "down-0" in depth or "up-3" in depth:
            return {0: None, 1024: "sd21"}.get(self.context, "sd15")
        return _SDXL_KIN.get((depth.get("down-1", 0), depth.get("down-2", 0)))

    @property
    def reads_picture(self) -> bool:
        """Whether this is an InstructPix2Pix UNet: it reads the picture to be edited beside the noise, 4 + 4 channels."""
        return self.channels == 8

    @property
    def unguided_flux(self) -> bool:
        """Whether this is a network as FLUX.1-schnell's is: FLUX without the guidance scale as an input, for which dev's LoRAs are made."""
        return self.named == "flux" and not self.guided

    @cached_property
    def context(self) -> int:
        """Width of the text embeddings that the cross-attentions read; 0 if none is touched."""
        return max((each.context for each in self.transformers), default=0)

    def misfit(self, network: Layout, lora: str) -> Sentence | None:
        """Why a LoRA of this layout, named `lora`, does not fit `network`; None if it fits or says nothing about it."""
        if self.family and network.family and self.family != network.family:
            return say("lora.other_family", lora=lora, made_for=label_of(self.family), family=label_of(network.family))
        taken = share_taken(dict(self.kinds), dict(network.kinds))
        if taken is not None and 1 - taken > MOST_LEFT_OUT:
            return say("lora.keys_unknown", lora=lora, percent=round(100 * taken))
        there = {each.place: each for each in network.transformers}
        for each in sorted(self.transformers) if there else ():
            match = there.get(each.place)
            if match is None or each.depth > match.depth:
                return say("lora.other_depth", lora=lora, place=each.place, depth=each.depth)
            if each.width and match.width and each.width != match.width:
                return say("lora.other_width", lora=lora, place=each.place, width=each.width, there=match.width)
            if each.context and match.context and each.context != match.context:
                return say("lora.other_context", lora=lora, width=each.context, there=match.context)
        return None


NO_LAYOUT = Layout(frozenset())
_SDXL_KIN = {(2, 10): "sdxl", (2, 4): "ssd1b", (1, 2): "vega"}
"""(transformer depth at the second level, at the third level), from the configurations of SDXL-base, SSD-1B and Segmind-Vega."""


def layout_of(shapes: Shapes) -> Layout:
    """The layout told by tensor names and shapes, of a network or of a LoRA. Weights are (out, in, …), a LoRA's down matrix (rank, in)."""
    named = [(name.replace(".", "_").lower(), shape) for name, shape in shapes.items()]
    transformers = _unet_transformers(named)
    family = "" if transformers else transformer_of(named)
    channels = [shape[1] for name, shape in named if _INPUT.fullmatch(name) and len(shape) == 4]
    guided = any(_GUIDANCE.search(name) for name, _ in named)
    transformers = _streams(named) if family in FAMILIES else transformers
    kinds = tuple(sorted(kinds_of(named).items())) if family in FAMILIES and FAMILIES[family].drops_by_share else ()
    return Layout(transformers, max(channels, default=0), family, guided, kinds)


def network_layout(shapes: Shapes, packed: Collection[str] = ()) -> Layout:
    """`layout_of` for a network all of whose tensors are in `shapes`: what it is not known by, it is not.

    `packed` names tensors that hold several weights in one number, as 4-bit formats do: their shapes say nothing.
    """
    found = layout_of({name: () if name in packed else shape for name, shape in shapes.items()})
    unseen = not shapes or (found.transformers and not found.context)
    return found if found.family or unseen else replace(found, named=OTHER_NETWORK)


def _unet_transformers(named: Sequence[tuple[str, tuple[int, ...]]]) -> frozenset[Transformer]:
    """Where LDM's names do not tell how many residual blocks a level has, it is two, as in every published Stable Diffusion."""
    downsamplers = [int(found[1]) for name, _ in named if (found := _FIRST_DOWNSAMPLER.search(name))]
    blocks_per_level = min(downsamplers, default=3)
    seen = _Seen()
    for name, shape in named:
        before, _, after = name.partition("transformer_blocks_")
        if not after or (place := _place(before, blocks_per_level)) is None or (part := _part(after)) is None:
            continue
        seen.add(place, part[0], shape, part[1])
    return seen.transformers()


def _streams(named: Sequence[tuple[str, tuple[int, ...]]]) -> frozenset[Transformer]:
    """The blocks of a diffusion transformer: `double` have a stream each for text and picture, `single` have one for both, after those;
    where all are alike, `layers` or `blocks`, as their authors call them.
    """
    seen = _Seen()
    for name, shape in named:
        found = _STREAM.search(name)
        if found is not None and not _BESIDE.match(name):
            reads = _STREAM_INPUT.match(found["rest"])
            size = "width" if reads is not None and _INPUT_SIDE.fullmatch(reads["rest"]) else ""
            seen.add(_place_of(found["stream"]), int(found["number"]) + 1, shape, size)
    return seen.transformers()


def _place_of(stream: str) -> str:
    """Blocks that have one stream for text and picture from the start are of no side."""
    if stream in ("layers", "blocks"):
        return stream
    return "single" if stream.startswith("single") else "double"


class _Seen:
    """What was seen of each place, tensor by tensor."""

    def __init__(self) -> None:
        self._depth: dict[str, int] = {}
        self._sizes: dict[str, dict[str, int]] = {"width": {}, "context": {}}

    def add(self, place: str, depth: int, shape: tuple[int, ...], size: str) -> None:
        """`size` says of what the second dimension is the size: width, context, or nothing. One of 1 is that of a packed tensor."""
        self._depth[place] = max(self._depth.get(place, 0), depth)
        if size and len(shape) >= 2 and shape[1] > 1:
            self._sizes[size][place] = shape[1]

    def transformers(self) -> frozenset[Transformer]:
        width, context = self._sizes["width"], self._sizes["context"]
        return frozenset(Transformer(place, depth, width.get(place, 0), context.get(place, 0)) for place, depth in self._depth.items())


def naming_of(names: Iterable[str]) -> str:
    """Whose key names a LoRA file uses: `kohya` (every WebUI loads them), `peft` (A1111 does not), `dotted`, or `other`."""
    names = list(names)
    if any(name.startswith(("lora_unet_", "lora_te")) for name in names):
        return KOHYA
    if any(re.search(r"\.lora_[ABab]\.|\.lora\.(up|down)\.", name) for name in names):
        return PEFT
    return DOTTED if any(re.search(r"\.(?:lora_(?:up|down)\.|diff(?:_b)?$)", name) for name in names) else OTHER


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
