"""Live on the page, in Chromium: pictures while one types, and what becomes of them."""
from __future__ import annotations

import io
import re
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from .client import PROMPT, WebUI
from .test_generation import registered
from .test_live import as_jpeg
from .test_live import pixels as decoded
from .test_page import Tab, load, open_page, tab, wait_until  # noqa: F401 - fixtures

TYPED = "red circle on a blue background"
KEYS_A_SECOND = 8


@pytest.fixture
def live(tab: Tab) -> Tab:  # noqa: F811
    """A page with the Accelerator and Live on, and a first picture."""
    begin(tab, PROMPT)
    return tab


def begin(tab: Tab, prompt: str) -> None:  # noqa: F811
    tab.switch(True)
    tab.prompt(prompt)
    for side in ("width", "height"):  # once more: Forge's presets set them a while after the page is there
        tab.type_number(tab.host(side), 64)
    tab.own("live").locator("input").check()
    wait_until(lambda: number(tab) > 0)


def pane(tab: Tab) -> Any:  # noqa: F811
    return tab.page.locator(f"#tab_{tab.name} .fewstep-live")


def number(tab: Tab) -> int:  # noqa: F811
    shown = pane(tab)
    return int(shown.get_attribute("data-number") or 0) if shown.count() else 0


def said(tab: Tab) -> str:  # noqa: F811
    return pane(tab).locator(".fewstep-live-line").inner_text()


def pixels(image: Any) -> np.ndarray[Any, Any]:
    """What a picture on the page shows, a PNG as a JPEG of it would."""
    read = """async (image) => {
        const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
        return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    }"""
    data = image.evaluate(read)
    shown = b64decode(data)
    return decoded(as_jpeg(data) if Image.open(io.BytesIO(shown)).format == "PNG" else shown)


def settled(tab: Tab) -> None:  # noqa: F811
    """Waits until no new picture has come for a while, on a slow machine for as long as three pictures take."""
    last = -1
    while last != number(tab):
        last = number(tab)
        taken = re.match(r"[\d.]+", said(tab))
        tab.page.wait_for_timeout(max(4000.0, 3000 * float(taken[0] if taken else 0)))


def test_pictures_come_while_one_types_and_the_last_is_kept(live: Tab, webui: WebUI, screenshots: Path) -> None:
    before = number(live)
    field = live.host("prompt").locator("textarea")
    field.click()
    field.fill("")
    field.press_sequentially(TYPED, delay=1000 / KEYS_A_SECOND)
    wait_until(lambda: number(live) > before + 1)
    settled(live)
    assert "a second" in said(live)
    seed = int(live.page.locator("#txt2img_seed input").first.input_value())
    assert seed >= 0, "the seed is fixed while Live is on"
    shown, whole = pixels(pane(live).locator("img")), webui.last_picture()
    live.page.screenshot(path=screenshots / f"live-{webui.name}.png")

    info = live.page.locator("#html_info_txt2img").first
    pane(live).locator(".fewstep-live-keep").click()
    wait_until(lambda: TYPED in info.inner_text())
    assert f"Seed: {seed}," in info.inner_text()
    kept = live.host("gallery").locator("img").first
    kept.wait_for(state="visible")
    assert np.abs(pixels(kept) - shown).mean() < 2, "another picture than the one shown"
    assert webui.last_picture() == whole, "the one shown but for a bit"


@pytest.mark.slow
def test_a_new_seed_makes_another_picture(live: Tab) -> None:
    settled(live)
    before, seed = number(live), live.page.locator("#txt2img_seed input").first.input_value()
    pane(live).locator(".fewstep-live-seed").click()
    wait_until(lambda: number(live) > before)
    assert live.page.locator("#txt2img_seed input").first.input_value() != seed


def test_nothing_is_asked_for_while_nothing_changes(live: Tab) -> None:
    settled(live)
    asked: list[str] = []
    live.page.on("request", lambda request: asked.append(request.url))
    live.page.wait_for_timeout(2000)
    assert not [url for url in asked if "/live" in url]


def test_interrupt_stops_it_and_says_so(live: Tab) -> None:
    settled(live)
    live.page.evaluate("document.querySelector('#txt2img_interrupt').click()")
    assert not live.own("live").locator("input").is_checked()
    assert "you pressed Interrupt" in said(live)
    before = number(live)
    live.prompt("blue square")
    live.page.wait_for_timeout(2000)
    assert number(live) == before
    live.own("live").locator("input").check()
    wait_until(lambda: number(live) > before)


@pytest.mark.slow
def test_it_pauses_while_the_tab_is_hidden(live: Tab) -> None:
    settled(live)
    before = number(live)
    hide = """(hidden) => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    live.page.evaluate(hide, True)
    assert said(live) == "Paused while this tab is hidden"
    live.prompt("blue square")
    live.page.wait_for_timeout(2000)
    assert number(live) == before
    live.page.evaluate(hide, False)
    wait_until(lambda: number(live) > before)


@pytest.mark.slow
def test_a_failure_is_told_and_it_goes_on(live: Tab) -> None:
    settled(live)
    before = number(live)
    live.page.route("**/fewstep/v1/live", lambda route: route.fulfill(status=500, json={"detail": "This picture failed (no memory)"}))
    live.prompt("blue square")
    wait_until(lambda: said(live) == "This picture failed (no memory)")
    live.page.unroute("**/fewstep/v1/live")
    live.prompt("green circle")
    wait_until(lambda: number(live) > before)


@pytest.mark.slow
def test_two_pages_each_get_their_own(live: Tab, open_page: Callable[..., Any]) -> None:  # noqa: F811
    other = Tab(open_page(), "txt2img")
    begin(other, "blue square")
    before = number(live)
    live.prompt("green circle")
    wait_until(lambda: number(live) > before)
    settled(other)
    settled(live)
    ours, theirs = (pixels(pane(each).locator("img")) for each in (live, other))
    assert np.abs(ours - theirs).mean() > 5


@pytest.mark.slow
def test_reload_ui_while_it_is_on(live: Tab, webui: WebUI) -> None:
    """The page that is open goes on, one that is loaded begins without, and neither the host nor the next picture is another."""
    settled(live)
    before, made, threads = registered(webui), webui.txt2img({"method": "auto"}), live_threads(webui)
    for prompt in ("blue square", TYPED):
        live.prompt(prompt)  # so that the host may have one in work
        webui.reload_ui()
        shown = number(live)
        live.prompt("green circle")
        wait_until(lambda shown=shown: number(live) > shown)
    assert live.own("live").locator("input").is_checked() and "a second" in said(live)

    load(live.page, webui.url)
    assert not live.own("live").locator("input").is_checked() and pane(live).count() == 0
    begin(live, PROMPT)
    again = webui.txt2img({"method": "auto"})
    assert (again.infotext, again.files) == (made.infotext, made.files)
    assert registered(webui) == before and live_threads(webui) == threads == 1


def live_threads(webui: WebUI) -> int:
    """How many threads there are that draw live pictures."""
    return sum(name.startswith("fewstep-live") for name in webui.get("/probe/threads"))


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)])
def test_the_pane_fits_the_page(
    webui: WebUI, open_page: Callable[..., Any], screenshots: Path, theme: str, width: int  # noqa: F811
) -> None:
    tab = Tab(open_page(theme, width), "txt2img")  # noqa: F811
    begin(tab, PROMPT)
    for each in (pane(tab), tab.own("live")):
        box = each.bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width
    tab.page.screenshot(path=screenshots / f"live-{webui.name}-{theme}-{width}.png", full_page=True)
