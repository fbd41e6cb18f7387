"""LoRA files as people have them, without their weight: names and shapes of real ones, written as sparse files.

The lists of modules are written down here from the architectures' published configurations; test_layout compares them with diffusers'
networks, and test_header compares the files' sizes with those of published files, byte for byte.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Shapes = dict[str, tuple[int, ...]]

BYTES = {"F16": 2, "F32": 4, "BF16": 2}


@dataclass(frozen=True)
class Unet:
    """What tells the U-Nets of Stable Diffusion apart. Depths are per transformer, from the top down and back up; 0: none."""

    channels: tuple[int, ...]
    down: tuple[tuple[int, int], ...]
    middle: int
    up: tuple[tuple[int, int, int], ...]
    context: int
    linear: bool


SD15 = Unet((320, 640, 1280, 1280), ((1, 1), (1, 1), (1, 1), (0, 0)), 1, ((0, 0, 0), (1, 1, 1), (1, 1, 1), (1, 1, 1)), 768, False)
SD21 = Unet(SD15.channels, SD15.down, 1, SD15.up, 1024, True)
SDXL = Unet((320, 640, 1280), ((0, 0), (2, 2), (10, 10)), 10, ((10, 10, 10), (2, 2, 2), (0, 0, 0)), 2048, True)
SSD1B = Unet((320, 640, 1280), ((0, 0), (2, 2), (4, 4)), 0, ((4, 4, 10), (2, 1, 1), (0, 0, 0)), 2048, True)
VEGA = Unet((320, 640, 1280), ((0, 0), (1, 1), (2, 2)), 0, ((2, 2, 2), (1, 1, 1), (0, 0, 0)), 2048, True)
UNETS = {"sd15": SD15, "sd21": SD21, "sdxl": SDXL, "ssd1b": SSD1B, "vega": VEGA}


def modules(unet: Unet) -> Shapes:
    """The modules that the published few-step LoRAs change: diffusers' name -> shape of the weight."""
    return dict(_modules(unet))


def attention_weights(unet: Unet) -> Shapes:
    """Names and shapes of the network's own attention weights, in diffusers' names."""
    return {f"{name}.weight": shape for name, shape in modules(unet).items() if ".attn" in name}


def kohya(unet: Unet, rank: int = 4, names: Sequence[str] | None = None) -> Shapes:
    """A LoRA in the names that every WebUI loads; `names` limits it to modules that hold one of these texts."""
    found: Shapes = {}
    for name, shape in modules(unet).items():
        if names is None or any(text in name for text in names):
            found.update(lora_pair("lora_unet_" + name.replace(".", "_"), shape, rank, ".lora_down.weight", ".lora_up.weight", ".alpha"))
    return found


def lora_pair(module: str, shape: tuple[int, ...], rank: int, down: str, up: str, alpha: str | None = None) -> Shapes:
    """The tensors that change one module of `shape`."""
    out, into, *kernel = shape
    pair = {module + down: (rank, into, *kernel), module + up: (out, rank, *(1 for _ in kernel))}
    return pair | ({module + alpha: ()} if alpha else {})


def write(path: Path, shapes: Mapping[str, tuple[int, ...]], dtype: str = "F16", metadata: Mapping[str, str] | None = None) -> Path:
    """A file whose header is as the safetensors library writes it, and whose data is a hole in the disk."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata is not None else {}
    end = 0
    for name in sorted(shapes):
        start, end = end, end + math.prod(shapes[name]) * BYTES[dtype]
        header[name] = {"dtype": dtype, "shape": list(shapes[name]), "data_offsets": [start, end]}
    return write_header(path, json.dumps(header, separators=(",", ":")).encode(), end)


def write_header(path: Path, header: bytes, data_bytes: int) -> Path:
    """A file with any bytes for a header, padded as the safetensors library pads it."""
    header += b" " * (-len(header) % 8)
    with open(path, "wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + data_bytes)
    return path


def _modules(unet: Unet) -> Iterator[tuple[str, tuple[int, ...]]]:
    skips, before = [unet.channels[0]], unet.channels[0]
    last = len(unet.channels) - 1
    for level, (channels, depths) in enumerate(zip(unet.channels, unet.down, strict=True)):
        for index, depth in enumerate(depths):
            yield from _residual(f"down_blocks.{level}.resnets.{index}", before, channels)
            yield from _transformer(f"down_blocks.{level}.attentions.{index}", channels, depth, unet)
            before = channels
            skips.append(channels)
        if level != last:
            yield f"down_blocks.{level}.downsamplers.0.conv", (channels, channels, 3, 3)
            skips.append(channels)
    for index in (0, 1) if unet.middle else (0,):
        yield from _residual(f"mid_block.resnets.{index}", before, before)
    yield from _transformer("mid_block.attentions.0", before, unet.middle, unet)
    for level, (channels, three) in enumerate(zip(reversed(unet.channels), unet.up, strict=True)):
        for index, depth in enumerate(three):
            yield from _residual(f"up_blocks.{level}.resnets.{index}", before + skips.pop(), channels)
            yield from _transformer(f"up_blocks.{level}.attentions.{index}", channels, depth, unet)
            before = channels
        if level != last:
            yield f"up_blocks.{level}.upsamplers.0.conv", (channels, channels, 3, 3)


def _residual(name: str, into: int, out: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.conv1", (out, into, 3, 3)
    yield f"{name}.conv2", (out, out, 3, 3)
    yield f"{name}.time_emb_proj", (out, 1280)
    if into != out:
        yield f"{name}.conv_shortcut", (out, into, 1, 1)


def _transformer(name: str, width: int, depth: int, unet: Unet) -> Iterator[tuple[str, tuple[int, ...]]]:
    if depth == 0:
        return
    for projection in ("proj_in", "proj_out"):
        yield f"{name}.{projection}", (width, width) if unet.linear else (width, width, 1, 1)
    for block in range(depth):
        inner = f"{name}.transformer_blocks.{block}"
        for attention, context in (("attn1", width), ("attn2", unet.context)):
            for projection, into in (("to_q", width), ("to_k", context), ("to_v", context), ("to_out.0", width)):
                yield f"{inner}.{attention}.{projection}", (width, into)
        yield f"{inner}.ff.net.0.proj", (8 * width, width)
        yield f"{inner}.ff.net.2", (width, 4 * width)
