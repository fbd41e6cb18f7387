"""Checkpoints that read a picture beside the noise: for inpainting methods work, for InstructPix2Pix they are refused with a word."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from .client import Result, WebUI
from .hosts import EMBEDDED
from .test_flows import STRENGTH, hand, mask, png
from .test_generation import published_timesteps, same
from .test_timesteps import within
from .variants import EDIT, INPAINTING, Variant, loaded


def choose(webui: WebUI, variant: Variant) -> Iterator[WebUI]:
    if webui.kind == EMBEDDED:
        pytest.skip("the embedded host has no checkpoints of other kinds")
    if webui.family != "sd15":
        pytest.skip("made from the checkpoint of SD 1.5 only")
    with loaded(webui, variant):
        yield webui


@pytest.fixture
def inpainting(webui: WebUI) -> Iterator[WebUI]:
    yield from choose(webui, INPAINTING)


@pytest.fixture
def edit(webui: WebUI) -> Iterator[WebUI]:
    yield from choose(webui, EDIT)


@pytest.mark.parametrize("which", ["lcm", "euler"])
def test_an_inpainting_checkpoint_runs_methods(inpainting: WebUI, which: str) -> None:
    method, rule = {"lcm": ("lcm", "lcm"), "euler": ("hyper-sd15-4", "trailing")}[which]
    made = inpainting.txt2img({"method": method})
    assert made.timesteps() == pytest.approx(published_timesteps(rule, 4) or [], abs=1) and len(made.loras) == 1
    assert same(made.image, inpainting.txt2img(**hand(inpainting, which, {})).image)

    def ask(accelerator: Any = None, **fields: Any) -> Result:
        return inpainting.img2img_again(made.files[0], accelerator, **{"denoising_strength": STRENGTH, **mask()(inpainting), **fields})

    ours = ask({"method": method})
    assert ours.timesteps() == pytest.approx(within(rule, 4, STRENGTH), abs=1) and len(ours.loras) == 1
    assert same(ours.image, ask(**hand(inpainting, which, mask()(inpainting))).image)


def test_an_instruct_pix2pix_checkpoint_is_refused_with_a_word(edit: WebUI) -> None:
    plan = edit.plan(method="lcm")
    assert not plan["active"] and "InstructPix2Pix" in plan["notes"][0]
    start = png(np.full((64, 64, 3), 120))
    if edit.request("POST", "/sdapi/v1/img2img", json={"init_images": [start], "width": 64, "height": 64, "steps": 2}).status_code == 500:
        pytest.skip("this WebUI itself fails with such a checkpoint")

    def ask(accelerator: Any = None) -> Result:
        edit.img2img(start)  # A1111 makes no txt2img with such a checkpoint, which would do as well to settle what is random
        return edit.img2img(start, accelerator, denoising_strength=STRENGTH)

    for method in ("auto", "lcm"):
        made = ask({"method": method})
        assert "InstructPix2Pix" in made.comments and "Accelerator" not in made.infotext and made.loras == []
        assert made.files == ask().files
