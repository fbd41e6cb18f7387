"""The one device of the embedded host: the CPU, in float32."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

cpu = torch.device("cpu")
device = cpu
dtype = torch.float32


def autocast() -> AbstractContextManager[None]:
    """Nothing is cast here."""
    return nullcontext()
