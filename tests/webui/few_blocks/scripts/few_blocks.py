"""Makes Forge build FLUX.1 with one block of each kind, as the tests' small files have it; with all 57 a step takes a minute."""
from __future__ import annotations

from typing import Any

from backend.nn import flux  # pyright: ignore[reportMissingImports]  # the WebUI has it

_build = flux.IntegratedFluxTransformer2DModel.__init__


def _build_few(model: Any, *arguments: Any, **configuration: Any) -> None:
    _build(model, *arguments, **{**configuration, "depth": 1, "depth_single_blocks": 1})


flux.IntegratedFluxTransformer2DModel.__init__ = _build_few
