"""The negative prompt at CFG 1 in a part of a picture, with checkpoints for inpainting, and with AND on either side."""
from __future__ import annotations

from typing import Any

import pytest

from .client import Result, WebUI
from .hosts import EMBEDDED
from .test_flows import mask
from .test_generation import same
from .test_kinds import inpainting  # noqa: F401  # a fixture
from .test_nag import GREEN, accelerator, calls, strength

pytestmark = pytest.mark.slow

WHOLE = {"inpaint_full_res": False}
ONLY_MASKED = {"inpaint_full_res": True, "inpaint_full_res_padding": 8}


def off_on_empty(webui: WebUI, source: str, **fields: Any) -> tuple[Result, Result, Result, Result]:
    """Off and on with a negative prompt, off and on without one."""
    asked = [(nag, text) for text in (GREEN, {}) for nag in (0, 2)]
    made = [webui.img2img_again(source, accelerator(webui, nag=nag), **fields, **text) for nag, text in asked]
    return made[0], made[1], made[2], made[3]


@pytest.mark.parametrize("fill", [0, 1, 2])
@pytest.mark.parametrize("area", [WHOLE, ONLY_MASKED], ids=["whole", "only masked"])
def test_inpainting(webui: WebUI, area: dict[str, Any], fill: int) -> None:
    if webui.kind == EMBEDDED and area is ONLY_MASKED:
        pytest.skip("the embedded host cannot inpaint only what is masked")
    source = webui.txt2img().files[0]
    fields = mask(inpainting_fill=fill, mask_blur=0, **area)(webui)
    off, on, bare, empty = off_on_empty(webui, source, **fields)
    assert not same(on.image[:, 32:], off.image[:, 32:]) and calls(on) == calls(off)
    assert (on.image[:, :32] == off.image[:, :32]).all(), "what is not masked stays"
    assert (empty.image == bare.image).all() and empty.infotext == bare.infotext


def test_a_checkpoint_for_inpainting(inpainting: WebUI) -> None:  # noqa: F811
    """It reads the masked picture beside the noise."""
    off, on = (inpainting.txt2img(accelerator(inpainting, nag=nag), **GREEN) for nag in (0, 2))
    assert not same(on.image, off.image) and calls(on) == calls(off)
    off, on, bare, empty = off_on_empty(inpainting, on.files[0], **mask()(inpainting))
    assert (on.image != off.image).any() and calls(on) == calls(off) and on.evaluations == off.evaluations
    assert (empty.image == bare.image).all()


@pytest.mark.parametrize("prompt, negative", [
    ("red circle AND blue square", "green"), ("red circle :0.7 AND blue square :0.3", "[green:blue:0.25]"),
    ("[red:blue:0.5] circle AND square", "green AND blue"), ("red circle", "green AND blue"),
])  # fmt: skip
def test_and_on_either_side(webui: WebUI, prompt: str, negative: str) -> None:
    if webui.kind == EMBEDDED:
        pytest.skip("the embedded host knows no prompt syntax")
    off, on = (webui.txt2img(accelerator(webui, nag=nag), prompt=prompt, negative_prompt=negative) for nag in (0, 2))
    assert not same(on.image, off.image) and calls(on) == calls(off)
    gentle = accelerator(webui, nag=strength(webui))
    pair = webui.txt2img(gentle, prompt=prompt, negative_prompt=negative, batch_size=2)
    alone = [webui.txt2img(gentle, prompt=prompt, negative_prompt=negative, seed=seed) for seed in (12345, 12346)]
    assert [same(made.image, each) for made, each in zip(alone, pair.images[-2:], strict=True)] == [True, True]
