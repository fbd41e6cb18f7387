"""The one device of the embedded host: the CPU, in float32."""

from __future__ import annotations

import contextlib

import torch

cpu = torch.device("cpu")
device = cpu
dtype = torch.float32


def autocast(disable: bool = False) -> contextlib.AbstractContextManager[None]:
    """Everything is float32 here, so there is nothing to cast."""
    return contextlib.nullcontext()


