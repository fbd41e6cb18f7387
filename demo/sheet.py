"""The picture of a comparison: one row for each way of generating, prompts over the columns, a mark on every picture."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .compare import SIZE, Row

_SHOWN, _SCALE, _GAP = 8, 2, 4
_LABEL_WIDTH, _HEAD = 190, 54
_CELL = SIZE * _SCALE
_RIGHT, _WRONG = (35, 150, 70), (205, 45, 45)


def draw(rows: Sequence[Row], prompts: Sequence[str], path: Path) -> None:
    """The first pictures of every row side by side, below each method the same by hand at CFG 1, and once at the page's CFG."""
    first = next((row for row in rows if row.by_hand), None)
    rows = [each for row in rows if not row.refusal for each in (row, *(row.by_hand if row is first else row.by_hand[:1]))]
    shown = min(_SHOWN, len(rows[0].pictures))
    width, height = _LABEL_WIDTH + shown * (_CELL + _GAP), _HEAD + len(rows) * (_CELL + _GAP)
    sheet = Image.new("RGB", (width, height), "white")
    pen, font, small = ImageDraw.Draw(sheet), ImageFont.load_default(14), ImageFont.load_default(11)
    for column, prompt in enumerate(prompts[:shown]):
        text = textwrap.fill(prompt, 21)
        pen.multiline_text((_left(column) + _CELL / 2, _HEAD - 6), text, "black", small, anchor="md", align="center")
    for number, row in enumerate(rows):
        top = _HEAD + number * (_CELL + _GAP)
        calls = [f"{row.evaluations} UNet calls"] if row.evaluations else []
        facts = [f"{row.steps} step{'s' * (row.steps > 1)}", *calls, f"{row.right:.0%} right"]
        label = textwrap.fill(row.label.replace("CFG ", "CFG\u00a0"), 24).replace("\u00a0", " ")  # "CFG 1" stays on one line
        text = "\n".join([label, *facts])
        pen.multiline_text((8, top + _CELL / 2), text, "black", font, anchor="lm")
        for column, (picture, verdict) in enumerate(zip(row.pictures[:shown], row.verdicts, strict=False)):
            sheet.paste(_enlarged(picture), (_left(column), top))
            _mark(pen, _left(column) + _CELL - 13, top + 13, bool(verdict))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)


def _left(column: int) -> int:
    return _LABEL_WIDTH + column * (_CELL + _GAP)


def _enlarged(picture: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(picture).resize((_CELL, _CELL), Image.Resampling.NEAREST)


def _mark(pen: ImageDraw.ImageDraw, x: int, y: int, right: bool) -> None:
    """A tick or a cross; drawn, because the default font has neither."""
    pen.ellipse((x - 9, y - 9, x + 9, y + 9), fill=_RIGHT if right else _WRONG, outline="white", width=1)
    if right:
        pen.line([(x - 5, y), (x - 1, y + 4), (x + 5, y - 4)], fill="white", width=3)
    else:
        pen.line([(x - 4, y - 4), (x + 4, y + 4)], fill="white", width=3)
        pen.line([(x - 4, y + 4), (x + 4, y - 4)], fill="white", width=3)
