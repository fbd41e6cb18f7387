"""Where a host keeps the network."""
from __future__ import annotations

from typing import Any


def unet_of(model: Any) -> Any:
    """The network whose forward the host calls, in Forge and its kin or in A1111; None for a placeholder."""
    forge = getattr(model, "forge_objects", None)
    if forge is not None:
        return getattr(getattr(forge.unet, "model", None), "diffusion_model", None)
    return getattr(getattr(model, "model", None), "diffusion_model", None)
