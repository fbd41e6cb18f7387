"""The one device of the embedded host: the CPU, in float32."""

from __future__ import annotations

import contextlib
import gc

import torch

cpu = torch.device("cpu")
device = cpu
dtype = dtype_vae = dtype_inference = torch.float32


def torch_gc() -> None:
    """Free unused memory. On a CPU this is Python's own collection, and not worth a call per step."""


def full_gc() -> None:
    """Collect after a model was let go."""
    gc.collect()


def autocast(disable: bool = False) -> contextlib.AbstractContextManager[None]:
    """Everything is float32 here, so there is nothing to cast."""
    return contextlib.nullcontext()


without_autocast = autocast
