"""Make weights small enough to be cloned with the code: the writing half of `demo.weights`."""

from __future__ import annotations

import lzma
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import torch as safetensors_torch
from safetensors.torch import load_file
from torch import Tensor

from demo.ldm import UNET_PREFIX
from demo.lora import weight_deltas
from demo.weights import ROW_COUNT, ROWS, SHIPPED, STEP, Models

from .files import rank_metadata, read_metadata

# Literals are coded as independent bytes: there is no text-like context in weights.
_XZ = {"id": lzma.FILTER_LZMA2, "lc": 0, "lp": 0, "pb": 0}
BEST = 9 | lzma.PRESET_EXTREME

_SMALLEST = 256
"""Matrices with fewer elements stay as they are: they cost nothing."""

# Chosen with the judge: the smallest that keep every sampler within its statistical error (see README.md).
LORA_STEPS, JUDGE_STEPS = 3, 16
LORA_RANK = 12

Steps = Callable[[str], float]
"""A tensor's name -> how many int8 steps fall into the root mean square of one of its rows."""


def checkpoint_steps(name: str) -> float:
    """More for the few weights of the UNet through which everything goes."""
    return 64 if name.removeprefix(UNET_PREFIX).startswith(("time_embed.", "input_blocks.0.", "out.")) else 8


def pack_checkpoint(path: Path, target: Path, effort: int = BEST) -> None:
    """Write the shipped form of a checkpoint; `effort` is xz's preset."""
    _write(target, pack(load_file(path), read_metadata(path), checkpoint_steps, effort))


def pack_others(models: Models, folder: Path = SHIPPED, effort: int = BEST) -> None:
    """Write the shipped form of the judge, the decoder and the LoRAs into `folder`."""
    for path in (models.judge, models.decoder):
        _write(folder / f"{path.name}.xz", pack(load_file(path), read_metadata(path), lambda _: JUDGE_STEPS, effort))
    for path in models.loras.values():
        reduced = reduce_rank(load_file(path), LORA_RANK)
        metadata = {**read_metadata(path), **rank_metadata(LORA_RANK)}
        _write(folder / f"{path.name}.xz", pack(reduced, metadata, lambda _: LORA_STEPS, effort))


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


def pack(tensors: Mapping[str, Tensor], metadata: Mapping[str, str], steps: Steps, effort: int = BEST) -> bytes:
    """What `demo.weights.read_packed` reads: safetensors of int8 steps, compressed with xz.

    Each doubling of a tensor's steps costs one bit per weight and halves the error, whose share of the weights' energy is
    1 / (12 steps^2).
    """
    stored: dict[str, Tensor] = {}
    notes = dict(metadata)
    for name, tensor in tensors.items():
        if tensor.ndim >= 2 and tensor.is_floating_point():
            used = tensor.flatten(1).any(1)
            if used.float().mean() < 0.5:
                notes[ROW_COUNT + name] = str(len(tensor))
                stored[name + ROWS] = used.nonzero().flatten().to(torch.int32)
                tensor = tensor[used]
        if tensor.ndim >= 2 and tensor.is_floating_point() and tensor.numel() >= _SMALLEST:
            stored[name], stored[name + STEP] = quantize(tensor, steps(name))
        else:
            stored[name] = tensor
    container = safetensors_torch.save({name: tensor.contiguous() for name, tensor in stored.items()}, notes)
    return lzma.compress(container, filters=[{**_XZ, "preset": effort}])


def quantize(tensor: Tensor, steps_per_deviation: float) -> tuple[Tensor, Tensor]:
    """-> int8 steps, of the tensor's shape, and float16 step sizes, one per output row.

    Steps are even over the range, and rounding is to the nearest: followed by an entropy coder that is within a
    quarter of a bit of the best possible. The step grows where int8 could not reach the row's largest value.
    """
    rows = tensor.float().flatten(1)
    step = torch.maximum(rows.square().mean(1).sqrt() / steps_per_deviation, rows.abs().amax(1) / 127)
    step = step.half().clamp(min=torch.finfo(torch.float16).smallest_normal)
    steps = (rows / step.float()[:, None]).round().clamp(-127, 127)
    return steps.to(torch.int8).view(tensor.shape), step


def reduce_rank(lora: Mapping[str, Tensor], rank: int) -> dict[str, Tensor]:
    """The LoRA of at most `rank` closest to `lora`, by singular value decomposition; alpha = rank."""
    reduced = {}
    for module, delta in weight_deltas(lora).items():
        left, values, right = torch.linalg.svd(delta.flatten(1), full_matrices=False)
        kept = min(rank, len(values))
        root = values[:kept].sqrt()
        up, down = left[:, :kept] * root, root[:, None] * right[:kept]
        kernel = delta.shape[2:]
        reduced[f"{module}.lora_down.weight"] = down.view(kept, *delta.shape[1:]).half()
        reduced[f"{module}.lora_up.weight"] = up.view(*up.shape, *[1] * len(kernel)).half()
        reduced[f"{module}.alpha"] = torch.tensor(float(kept), dtype=torch.float16)
    return reduced
