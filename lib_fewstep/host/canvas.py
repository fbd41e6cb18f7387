"""What stands on img2img's canvas -> the picture and the mask that the host's Generate makes of it.

Two kinds of canvas: gradio 3's hands out a finished sketch, or a picture and a mask; Forge's a picture and what was painted over it.
"""
from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from PIL import Image, ImageChops, ImageEnhance, ImageFilter

from ..words.say import say

SKETCHES = ("sketch", "inpaint_sketch")
INPAINTS = ("inpaint", "inpaint_sketch", "upload")
KINDS = ("image", "sketch", "inpaint", "inpaint_sketch", "upload")
"""img2img's tabs in their order, but for Batch."""
_FULL, _HALF, _DILATION = 255, 128, 0.015


class Unreadable(ValueError):
    """A canvas that cannot be used; the message says why, to a person."""


@dataclass(frozen=True)
class Canvas:
    """`painting` is Forge's layer, as large as `picture`; `original` is what a finished sketch of gradio's was painted on."""

    kind: str
    picture: Image.Image
    painting: Image.Image | None = None
    mask: Image.Image | None = None
    original: Image.Image | None = None


def canvas_from(given: Any) -> Canvas:
    """From a request's `canvas`: its `kind`, and pictures in base64. Raises Unreadable."""
    if not isinstance(given, Mapping) or given.get("kind") not in KINDS:
        raise Unreadable(say("live.no_canvas", kinds=", ".join(KINDS)))
    read = {name: image_from(given[name]) if given.get(name) else None for name in ("picture", "painting", "mask", "original")}
    picture = read.pop("picture")
    if picture is None:
        raise Unreadable(say("live.no_picture"))
    return Canvas(given["kind"], picture, **read)


def compose(canvas: Canvas, blur: float, transparency: float) -> tuple[Image.Image, Image.Image | None]:
    """The picture to begin from, and the mask (None without inpainting), as the host's own page makes them. `transparency` in percent."""
    if canvas.painting is not None:
        return _painted(canvas, canvas.picture.convert("RGBA"), canvas.painting.convert("RGBA"))
    if canvas.kind == "inpaint_sketch":
        return _sketched(canvas.picture.convert("RGB"), (canvas.original or canvas.picture).convert("RGB"), blur, transparency)
    if canvas.kind == "inpaint":
        return canvas.picture, _drawn(canvas.mask, canvas.picture)
    return canvas.picture, (canvas.mask or _nothing(canvas.picture)) if canvas.kind == "upload" else None


def _painted(canvas: Canvas, picture: Image.Image, painting: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Forge: what is opaque is the mask, with a margin where colours were painted."""
    picture = Image.alpha_composite(picture, painting) if canvas.kind in SKETCHES else picture
    if canvas.kind not in INPAINTS:
        return picture, None
    mask = painting.getchannel("A")
    if canvas.kind == "inpaint_sketch":
        mask = mask.filter(ImageFilter.MaxFilter(int(_DILATION * min(mask.size)) * 2 + 1))
    return picture, mask.point(lambda value: _FULL if value > _HALF else 0)


def _sketched(picture: Image.Image, original: Image.Image, blur: float, transparency: float) -> tuple[Image.Image, Image.Image]:
    """AUTOMATIC1111: what differs from the original is the mask."""
    if original.size != picture.size:
        original = picture
    red, green, blue = ImageChops.difference(picture, original).split()
    differs = ImageChops.lighter(ImageChops.lighter(red, green), blue).point(lambda value: _FULL if value else 0)
    mask = ImageEnhance.Brightness(differs).enhance(1 - transparency / 100)
    soft = ImageFilter.GaussianBlur(blur)
    return Image.composite(picture.filter(soft), original, mask.filter(soft)), mask


def _drawn(mask: Image.Image | None, picture: Image.Image) -> Image.Image:
    """gradio's mask: how opaque it is."""
    if mask is None:
        return _nothing(picture)
    return mask.getchannel("A") if mask.mode == "RGBA" else mask.convert("L")


def _nothing(picture: Image.Image) -> Image.Image:
    return Image.new("L", picture.size, 0)


def image_from(text: Any) -> Image.Image:
    """A picture in base64, alone or as a data URL. Raises Unreadable. Nobody may draw into it: the next live picture has the same."""
    return _decoded(text) if isinstance(text, str) else _decoded("")


@lru_cache(maxsize=8)
def _decoded(text: str) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(base64.b64decode(text.rpartition("base64,")[2])))
        image.load()
    except (ValueError, OSError) as error:
        raise Unreadable(say("live.no_image")) from error
    return image
