"""Which of the host's controls a component is, by the elem_id that the host gave it."""
from __future__ import annotations

from typing import Any

LAYERS = {"logical_image_background": "background", "logical_image_foreground": "foreground"}
"""Forge's canvas is a block of HTML and two text boxes after it, which hold its pictures and carry these classes in place of an id."""


class Names:
    """Of one tab's controls, as the host makes them one after another. `bare` are those that the hosts name without the tab."""

    def __init__(self, tab: str, bare: tuple[str, ...]):
        self._starts, self._bare = (f"{tab}_", f"script_{tab}_xyz_plot_"), bare
        self._last = ""

    def of(self, component: Any, told: str) -> str:
        """`told` is its elem_id, or its label where it has none; "" where it is nobody we know."""
        layer = next((LAYERS[each] for each in getattr(component, "elem_classes", None) or () if each in LAYERS), None)
        if layer is not None:
            return f"{self._last}_{layer}"
        name = next((told.removeprefix(start) for start in self._starts if told.startswith(start)), told if told in self._bare else "")
        self._last = name or self._last
        return name
