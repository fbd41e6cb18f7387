"""The plot's picture: the host puts all values of one axis into one row, and we break a long row of methods into lines."""
from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from modules import shared
from PIL import Image, ImageColor

_LONGEST_ROW = 6
"""Pictures. More of them in one row are too small to compare on a screen."""


def wrap_rows(module: Any, is_ours: Callable[[object], bool]) -> None:
    """Lets `module`, the host's X/Y/Z script, break the row of a plot by one axis whose labels are ours; wrapped once, however often the UI
    is reloaded. Forge Neo breaks rows by itself.
    """
    original = getattr(module, "draw_xyz_grid", None)
    if original is None or hasattr(original, "fewstep_original") or "row_count" in inspect.signature(module.Script.run).parameters:
        return

    def draw_xyz_grid(*args: Any, **kwargs: Any) -> Any:
        processed = original(*args, **kwargs)
        row = _only_axis([kwargs.get(f"{axis}_labels", ()) for axis in "xyz"])
        if row and is_ours(row[0]):
            # the whole grid, and the one that it holds: with one axis they are the same
            processed.images[:2] = [wrapped(grid, len(row), kwargs.get("margin_size", 0)) for grid in processed.images[:2]]
        return processed

    draw_xyz_grid.fewstep_original = original  # type: ignore[attr-defined]
    module.draw_xyz_grid = draw_xyz_grid


def _only_axis(labels: Sequence[Sequence[object]]) -> Sequence[object]:
    """The labels of the x axis, where it is the only one of more than one value."""
    x, *others = labels
    return x if all(len(other) == 1 for other in others) else ()


def columns_for(pictures: int) -> int:
    """How many stand in a line, at most 6: lines as even as possible."""
    lines = -(-pictures // _LONGEST_ROW)
    return -(-pictures // lines)


def wrapped(row: Image.Image, pictures: int, margin: int = 0) -> Image.Image:
    """`row` holds `pictures` of equal width, each under its label, `margin` pixels apart: the same in lines of `columns_for(pictures)`."""
    columns, step = columns_for(pictures), (row.width + margin) // pictures
    if columns == pictures:
        return row
    lines, width = -(-pictures // columns), columns * step - margin
    background = ImageColor.getcolor(getattr(shared.opts, "grid_background_color", "#ffffff"), "RGB")
    made = Image.new("RGB", (width, lines * (row.height + margin) - margin), background)
    for line in range(lines):
        left = line * columns * step
        part = row.crop((left, 0, min(left + width, row.width), row.height))
        made.paste(part, (0, line * (row.height + margin)))
    return made
