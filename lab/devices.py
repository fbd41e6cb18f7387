"""Where tensors live: a GPU where there is one. Training only; measuring is quick enough on processors, and comparable."""

from __future__ import annotations

import torch
from torch import Tensor


def use_device(name: str | None) -> str:
    """Create tensors on this device from now on ("cuda", "cpu"; None: on a GPU where there is one) -> its name."""
    name = name or ("cuda" if torch.cuda.is_available() else "cpu")
    if name != "cpu":  # naming the usual device would slow down every call a little
        torch.set_default_device(name)
    return name


def here(tensor: Tensor) -> Tensor:
    """The tensor where new ones are created: what came from numpy is not there yet."""
    return tensor.to(torch.get_default_device())
