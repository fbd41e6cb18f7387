"""Pictures: grids with labels, resizing, and files that carry their infotext."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modules import paths
from modules.shared import opts
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

LANCZOS = Image.Resampling.LANCZOS
_LABEL_SIZE = 14
_PADDING = 6


class GridAnnotation:
    """A line of text beside a grid. The text stays the object that it is, as in the WebUI, until its words are drawn."""

    def __init__(self, text: Any = "", is_active: bool = True) -> None:
        self.text, self.is_active = text if isinstance(text, str) else str(text), is_active

    def drawn(self) -> str:
        return " ".join(self.text.split())


def image_grid(imgs: Sequence[Image.Image], batch_size: int = 1, rows: int | None = None) -> Image.Image:
    """Pictures in a grid, row by row; without `rows`, about as many rows as columns."""
    rows = max(1, rows or round(math.sqrt(len(imgs))))
    columns = math.ceil(len(imgs) / rows)
    width, height = max(image.width for image in imgs), max(image.height for image in imgs)
    grid = Image.new("RGB", (columns * width, rows * height), "black")
    for i, image in enumerate(imgs):
        grid.paste(image, (i % columns * width, i // columns * height))
    return grid


def draw_grid_annotations(
    im: Image.Image,
    width: int,
    height: int,
    hor_texts: Sequence[Sequence[GridAnnotation]],
    ver_texts: Sequence[Sequence[GridAnnotation]],
    margin: int = 0,
) -> Image.Image:
    """The grid of cells `width` x `height` with labels above its columns and left of its rows."""
    font = ImageFont.load_default(_LABEL_SIZE)
    columns, rows = (
        ["\n".join(line.drawn() for line in texts) for texts in both] for both in (hor_texts, ver_texts)
    )
    measure = ImageDraw.Draw(im)
    sizes = [measure.multiline_textbbox((0, 0), text, font=font)[2:] for text in (*columns, *rows)]
    top = _label_room(max(size[1] for size in sizes[: len(columns)]))
    left = _label_room(max(size[0] for size in sizes[len(columns) :]))
    cell = max([width, *(int(size[0]) + _PADDING for size in sizes[: len(columns)])])
    step = cell + margin
    labelled = Image.new("RGB", (left + step * len(columns) - margin, top + (height + margin) * len(rows) - margin), "white")
    draw = ImageDraw.Draw(labelled)
    for column, text in enumerate(columns):
        draw.multiline_text((left + step * column + cell / 2, top / 2), text, "black", font, anchor="mm", align="center")
    for row, text in enumerate(rows):
        middle = top + (height + margin) * row + height / 2
        draw.multiline_text((left / 2, middle), text, "black", font, anchor="mm", align="center")
        for column in range(len(columns)):
            box = (column * width, row * height, (column + 1) * width, (row + 1) * height)
            labelled.paste(im.crop(box), (left + step * column + (cell - width) // 2, top + (height + margin) * row))
    return labelled


def _label_room(extent: float) -> int:
    return int(extent) + 2 * _PADDING if extent else 0


def resize_image(resize_mode: int, im: Image.Image, width: int, height: int, upscaler_name: str | None = None
                 ) -> Image.Image:  # fmt: skip
    """To width x height: 0 stretch, 1 crop, 2 fill with borders."""
    if resize_mode == 0:
        return im.resize((width, height), LANCZOS)
    scales = width / im.width, height / im.height
    scale = max(scales) if resize_mode == 1 else min(scales)
    scaled = im.resize((max(1, round(im.width * scale)), max(1, round(im.height * scale))), LANCZOS)
    canvas = Image.new("RGB", (width, height))
    canvas.paste(scaled, ((width - scaled.width) // 2, (height - scaled.height) // 2))
    return canvas


def flatten(img: Image.Image, bgcolor: str = "#ffffff") -> Image.Image:
    """Without transparency."""
    if img.mode == "RGBA":
        background = Image.new("RGBA", img.size, bgcolor)
        background.alpha_composite(img)
        img = background
    return img.convert("RGB")


def save_image(image: Image.Image, path: str, basename: str, seed: int | None = None, prompt: str | None = None,
               extension: str = "png", info: str | None = None, p: Any = None, **_: Any) -> str:  # fmt: skip
    """Write a picture under the next free number in a folder below the data folder -> the file's name."""
    folder = Path(paths.data_path) / path
    folder.mkdir(parents=True, exist_ok=True)
    number = sum(1 for _ in folder.iterdir())
    name = "-".join(part for part in (basename, f"{number:05}", "" if seed is None else str(seed)) if part)
    filename = str(folder / f"{name}.png")
    image.save(filename, pnginfo=_png_info({"parameters": info} if info else {}))
    return filename


def _png_info(texts: dict[str, Any]) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for key, value in texts.items():
        if isinstance(value, str):
            info.add_text(key, value)
    return info


def to_base64(image: Image.Image) -> str:
    """A PNG with the picture's texts, for the API."""
    with io.BytesIO() as buffer:
        image.save(buffer, format="PNG", pnginfo=_png_info(image.info) if opts.enable_pnginfo else None)
        return base64.b64encode(buffer.getvalue()).decode("ascii")


def from_base64(text: str) -> Image.Image:
    """The reverse; "data:image/...;base64," in front is allowed."""
    image = Image.open(io.BytesIO(base64.b64decode(text.partition("base64,")[2] or text)))
    image.load()
    return image


def read_info_from_image(image: Image.Image) -> tuple[str | None, dict[str, Any]]:
    """-> (infotext, the picture's other texts)."""
    items = {key: value for key, value in image.info.items() if isinstance(value, (str, int, float))}
    infotext = items.pop("parameters", None)
    return None if infotext is None else str(infotext), items
