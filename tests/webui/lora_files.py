"""Random LoRA files that fit a given checkpoint, in the key names of the published ones: to see on a real host which LoRA acts."""
from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from lib_fewstep.core.header import read_header

_ATTENTION = re.compile(
    r"^model\.diffusion_model\.((?:input|output)_blocks\.(\d+)|middle_block)\.1\.(transformer_blocks\.\d+\.attn[12]\.to_(?:q|k|v|out\.0))\.weight$"
)


def write_lora(
    checkpoint: Path, out: Path, rank: int = 4, scale: float = 0.3, seed: int = 7, metadata: dict[str, str] | None = None
) -> Path:
    """Writes a kohya LoRA with diffusers' block names over every attention of `checkpoint` (LDM layout); returns `out`."""
    shapes = read_header(checkpoint).shapes
    downsamplers = [int(m[1]) for name in shapes if (m := re.search(r"input_blocks\.(\d+)\.0\.op", name))]
    random = np.random.default_rng(seed)
    tensors: dict[str, np.ndarray] = {}
    for name, shape in shapes.items():
        found = _ATTENTION.match(name)
        if found is None:
            continue
        module = f"lora_unet_{_diffusers_block(found, min(downsamplers))}_{found[3]}".replace(".", "_")
        tensors[f"{module}.lora_down.weight"] = (random.standard_normal((rank, shape[1])) * (rank * shape[1]) ** -0.5).astype(np.float16)
        tensors[f"{module}.lora_up.weight"] = (random.standard_normal((shape[0], rank)) * scale).astype(np.float16)
        tensors[f"{module}.alpha"] = np.array(rank, np.float16)
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out, metadata=metadata or {"format": "pt"})
    return out


def _diffusers_block(found: re.Match[str], blocks_per_level: int) -> str:
    if found[1] == "middle_block":
        return "mid_block_attentions_0"
    number = int(found[2])
    side, number = ("down", number - 1) if found[1].startswith("input") else ("up", number)
    return f"{side}_blocks_{number // blocks_per_level}_attentions_{number % blocks_per_level}"
