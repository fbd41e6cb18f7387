"""img2img's canvas: what is painted on either kind becomes the picture and the mask that the host's own page would make of it."""
from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lib_fewstep.host.canvas import KINDS, Canvas, Unreadable, canvas_from, compose

NAVY, RED = (0, 0, 128, 255), (255, 0, 0, 255)


def navy(mode: str = "RGBA") -> Image.Image:
    return Image.new("RGBA", (64, 64), NAVY).convert(mode)


def stroke(colour: tuple[int, int, int, int] = RED) -> Image.Image:
    """A layer with a square in its middle."""
    layer = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    layer.paste(colour, (28, 28, 36, 36))
    return layer


def url(image: Image.Image) -> str:
    with io.BytesIO() as file:
        image.save(file, "PNG")
        return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def white(mask: Image.Image | None) -> Any:
    assert mask is not None
    return np.asarray(mask.convert("L")) == 255


def test_a_picture_is_taken_as_it_is() -> None:
    picture = navy()
    assert compose(Canvas("image", picture), 4, 0) == (picture, None)
    assert compose(Canvas("sketch", picture), 4, 0) == (picture, None)


def test_forges_sketch_lies_over_the_picture() -> None:
    picture, mask = compose(Canvas("sketch", navy(), painting=stroke()), 4, 0)
    assert mask is None and picture.getpixel((32, 32)) == RED and picture.getpixel((0, 0)) == NAVY


def test_forges_inpainting_masks_what_is_more_than_half_opaque() -> None:
    picture, mask = compose(Canvas("inpaint", navy(), painting=stroke()), 4, 0)
    assert picture.getpixel((32, 32)) == NAVY and white(mask).sum() == 64
    _, faint = compose(Canvas("inpaint", navy(), painting=stroke((255, 0, 0, 100))), 4, 0)
    assert white(faint).sum() == 0


def test_forges_inpaint_sketch_has_a_margin_around_the_stroke() -> None:
    picture, mask = compose(Canvas("inpaint_sketch", navy(), painting=Image.new("RGBA", (64, 64), (0, 0, 0, 0))), 4, 0)
    assert white(mask).sum() == 0 and picture.getpixel((32, 32)) == NAVY
    large = Canvas("inpaint_sketch", navy().resize((512, 512)), painting=stroke().resize((512, 512), Image.Resampling.NEAREST))
    picture, mask = compose(large, 4, 0)
    assert picture.getpixel((256, 256)) == RED and white(mask).sum() == (64 + 2 * 7) ** 2  # 1.5 % of the shorter side, all around


def test_gradios_mask_is_how_opaque_it_is_and_none_is_nothing() -> None:
    _, mask = compose(Canvas("inpaint", navy(), mask=stroke()), 4, 0)
    assert white(mask).sum() == 64
    _, nothing = compose(Canvas("inpaint", navy()), 4, 0)
    assert white(nothing).sum() == 0


def test_gradios_inpaint_sketch_masks_what_differs_from_the_original() -> None:
    sketch = Image.alpha_composite(navy(), stroke())
    picture, mask = compose(Canvas("inpaint_sketch", sketch, original=navy()), 0, 0)
    assert white(mask).sum() == 64 and picture.getpixel((32, 32)) == RED[:3]
    _, faint = compose(Canvas("inpaint_sketch", sketch, original=navy()), 0, 50)
    assert faint is not None and faint.getpixel((32, 32)) in (127, 128)
    _, nothing = compose(Canvas("inpaint_sketch", sketch), 0, 0)
    assert white(nothing).sum() == 0


def test_a_request_is_read() -> None:
    canvas = canvas_from({"kind": "inpaint", "picture": url(navy()), "painting": url(stroke()), "mask": None})
    assert canvas.kind == "inpaint" and canvas.mask is None and canvas.painting is not None and canvas.painting.size == (64, 64)


@pytest.mark.parametrize("given", [
    None, 5, "x", [], {}, {"kind": "batch"}, {"kind": [], "picture": ""}, {"kind": "image"}, {"kind": "image", "picture": "x"},
    {"kind": "image", "picture": 5}, {"kind": "image", "picture": "data:image/png;base64,AAAA"},
], ids=str)
def test_what_cannot_be_read_is_said(given: Any) -> None:
    with pytest.raises(Unreadable) as refused:
        canvas_from(given)
    assert str(refused.value)[0].isupper()


def test_the_kinds_are_the_hosts_tabs_in_their_order() -> None:
    assert KINDS == ("image", "sketch", "inpaint", "inpaint_sketch", "upload")
