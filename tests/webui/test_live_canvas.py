"""Live in img2img, in Chromium: on every tab of the canvas, with a picture that is put there and one that is painted over."""
from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from .client import PROMPT, WebUI
from .hosts import EMBEDDED
from .test_live_page import number, pane, pixels, said, settled
from .test_page import Tab, open_page, wait_until  # noqa: F401 - fixture

pytestmark = pytest.mark.slow

CANVASES = {"image": "img2img_image", "sketch": "img2img_sketch", "inpaint": "img2maskimg", "inpaint_sketch": "inpaint_sketch"}


def picture(colour: str = "navy") -> bytes:
    with io.BytesIO() as file:
        Image.new("RGB", (64, 64), colour).save(file, "PNG")
        return file.getvalue()


def start(page: Any, webui: WebUI, kind: str) -> Tab:
    """img2img's tab with Live on and a picture on the canvas of `kind`."""
    page.locator("#tabs > .tab-nav button", has_text="img2img").first.click()
    tab = Tab(page, "img2img")
    if webui.kind != EMBEDDED:
        page.locator("#mode_img2img > .tab-nav > button").nth(list(CANVASES).index(kind)).click()
    tab.switch(True)
    tab.prompt(PROMPT)
    put(page, kind, picture())
    for side in ("width", "height"):
        tab.type_number(tab.host(side), 64)
    tab.own("live").locator("input").check()
    wait_until(lambda: number(tab) > 0)
    settled(tab)
    return tab


def put(page: Any, kind: str, data: bytes) -> None:
    canvas = page.locator(f"#{CANVASES[kind]}").first
    remove = canvas.locator("button[aria-label='Clear'], button[aria-label='Remove Image']").first
    if remove.count() and remove.is_visible():
        remove.click()
    canvas.locator("input[type=file]").first.set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": data})


def paint(page: Any, kind: str) -> None:
    """A stroke through the middle, longer than the leash of gradio's brush."""
    canvas = page.locator(f"#{CANVASES[kind]} canvas").last
    canvas.evaluate("(canvas) => canvas.scrollIntoView({ block: 'center' })")
    width = page.locator(f"#{CANVASES[kind]} input[id^=scribbleWidth]")
    if width.count():  # Neo's brush is wider than the picture, and a mask that covers it all draws what none at all does
        width.evaluate("(slider) => { slider.value = 4; slider.dispatchEvent(new Event('input')); }")
    box = canvas.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.2 * box["width"], middle)
    page.mouse.down()
    for step in range(9):
        page.mouse.move(box["x"] + (0.2 + 0.07 * step) * box["width"], middle + step)
        page.wait_for_timeout(60)  # the brush follows with the frames of the page
    page.mouse.up()


@pytest.mark.parametrize("kind", list(CANVASES))
def test_pictures_follow_the_canvas_and_the_last_is_kept(webui: WebUI, open_page: Callable[..., Any], kind: str) -> None:  # noqa: F811
    if webui.kind == EMBEDDED and kind != "image":
        pytest.skip("its page has one canvas")
    page = open_page()
    tab = start(page, webui, kind)
    before, first = number(tab), pixels(pane(tab).locator("img"))
    if kind == "image":
        put(page, kind, picture("orange"))
    else:
        for _ in range(2):  # gradio's canvas forgets a stroke of its first moments
            paint(page, kind)
            page.wait_for_timeout(1000)
    wait_until(lambda: number(tab) > before)
    wait_until(lambda: np.abs(pixels(pane(tab).locator("img")) - first).mean() > 0.5)  # what was put there or painted has an effect
    settled(tab)
    shown = pixels(pane(tab).locator("img"))
    assert "a second" in said(tab)

    pane(tab).locator(".fewstep-live-keep").click()
    kept = tab.host("gallery").locator("img").first
    kept.wait_for(state="visible")
    # the Forges draw an inpainting's noise from the randomness that the last generation left: no two pictures of theirs are the same
    allowed = 8 if webui.kind != "a1111" and kind in ("inpaint", "inpaint_sketch") else 2
    assert np.abs(pixels(kept) - shown).mean() < allowed, "another picture than the one shown"


def test_nothing_is_asked_for_while_nothing_changes(webui: WebUI, open_page: Callable[..., Any]) -> None:  # noqa: F811
    page = open_page()
    start(page, webui, "image" if webui.kind == EMBEDDED else "inpaint")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(3000)
    assert not [url for url in asked if "/live" in url]


def test_an_empty_canvas_is_said(webui: WebUI, open_page: Callable[..., Any]) -> None:  # noqa: F811
    page = open_page()
    page.locator("#tabs > .tab-nav button", has_text="img2img").first.click()
    tab = Tab(page, "img2img")
    tab.switch(True)
    tab.own("live").locator("input").check()
    wait_until(lambda: pane(tab).count() == 1 and said(tab) == "Live waits for a picture on the canvas")
