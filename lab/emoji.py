"""The emoji as small transparent pictures, from one sheet that lies beside this file.

The sheet was drawn with the font Noto Color Emoji (Google, SIL Open Font License 1.1; Debian ships it as
fonts-noto-color-emoji). `python -m lab.emoji FONT` draws it again.
"""

from __future__ import annotations

import sys
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from demo.scenes import SUBJECTS

SHEET = Path(__file__).with_name("emoji.png")
CELL, COLUMNS = 96, 6
_CHARACTERS = "🐱🐶🦊🐼🐸🦉🐧🐠🦋🦁🍎🍓🍉🍩🧁🌹🌻🌵🍄🌲🚀🚗⛵🏠"
_FONT_SIZE, _FONT_BOX = 109, (136, 128)  # the only size that the font's bitmaps have


@cache
def sprite(subject: int, size: int) -> NDArray[np.float32]:
    """One emoji as float32 [size, size, 4] in 0..1, its colours already multiplied by its opacity."""
    left, top = subject % COLUMNS * CELL, subject // COLUMNS * CELL
    drawn = _sheet().crop((left, top, left + CELL, top + CELL)).resize((size, size), Image.Resampling.BOX, reducing_gap=None)
    return np.asarray(drawn, np.float32) / 255


def draw_sheet(font: Path, target: Path = SHEET) -> None:
    """Draw all subjects with the font, each trimmed, centred and as large as its cell allows."""
    typeface = ImageFont.truetype(str(font), _FONT_SIZE)
    sheet = Image.new("RGBA", (COLUMNS * CELL, -(-len(SUBJECTS) // COLUMNS) * CELL))
    for number, character in enumerate(_CHARACTERS):
        glyph = Image.new("RGBA", _FONT_BOX)
        ImageDraw.Draw(glyph).text((0, 0), character, font=typeface, embedded_color=True)
        glyph = glyph.crop(glyph.getbbox())
        scale = CELL / max(glyph.size)
        glyph = glyph.resize((round(glyph.width * scale), round(glyph.height * scale)), Image.Resampling.LANCZOS)
        left, top = number % COLUMNS * CELL, number // COLUMNS * CELL
        sheet.paste(glyph, (left + (CELL - glyph.width) // 2, top + (CELL - glyph.height) // 2))
    sheet.save(target, optimize=True)


@lru_cache(maxsize=1)
def _sheet() -> Image.Image:
    # Multiplied by opacity before it is made smaller: the colour of invisible pixels must not bleed into the edges.
    return Image.open(SHEET).convert("RGBA").convert("RGBa")


if __name__ == "__main__":
    draw_sheet(Path(sys.argv[1]))
