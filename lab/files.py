"""Reading and writing the lab's files: whole or not at all, so that a killed stage can simply be started again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor


def save_tensors(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file under a temporary name, then move it into place."""
    temporary = _temporary(path)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, temporary, dict(metadata or {}))
    os.replace(temporary, path)


def save_state(state: Any, path: Path) -> None:
    """The same for a training state that only torch can store (optimiser, random number generators)."""
    temporary = _temporary(path)
    torch.save(state, temporary)
    os.replace(temporary, path)


def save_text(text: str, path: Path) -> None:
    """The same for text, in UTF-8."""
    temporary = _temporary(path)
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata in a safetensors file's header; empty if there is none."""
    with safe_open(path, framework="pt") as file:
        return file.metadata() or {}


def rank_metadata(rank: int) -> dict[str, str]:
    """The part of a LoRA's header that changes with its rank; alpha equals rank in this lab."""
    return {"ss_network_dim": str(rank), "ss_network_alpha": str(rank)}


def lora_metadata(name: str, rank: int, method: str) -> dict[str, str]:
    """The header of a LoRA file in kohya's terms, by which WebUIs list and sort it."""
    return {
        "ss_network_module": "networks.lora",
        "ss_base_model_version": "sd_v1",
        "ss_v2": "False",
        "ss_output_name": name,
        "ss_training_comment": f"{method}; made for the tiny demo model, of no use with any other",
        **rank_metadata(rank),
    }


def _temporary(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f"{path.name}.tmp")
