"""Compare: what the host's X/Y/Z plot is filled with, and that it is put back."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lib_fewstep.core.detect import Detection
from lib_fewstep.core.request import Request
from lib_fewstep.page.compare import Comparison, comparison
from lib_fewstep.page.situation import situation
from lib_fewstep.ui.accordion import PLOT_CONTROLS
from tests.core.situations import HYPER_8, LCM, LIGHTNING, TABLES, TCD, facts
from tests.ui.page import Page, Source


def compared(there: Any, seconds: float | None = None) -> Comparison | None:
    asked = Request(host_steps=20, host_cfg=7)
    return comparison(situation(True, asked, asked, there, TABLES, seconds=seconds))


def test_every_accelerator_that_is_installed_and_fits_is_compared() -> None:
    found = compared(facts("sd15", HYPER_8, LCM, LIGHTNING, TCD))
    assert found is not None and found.methods == ("hyper-sd15-8", "tcd", "lcm")
    assert found.button == "Compare all: 4 pictures, about as quick as 2 of your own"  # 40 + 8 + 4 + 4 evaluations


def test_a_distilled_checkpoint_is_compared_with_plain_settings_alone() -> None:
    found = compared(replace(facts("sdxl", LIGHTNING), checkpoint=Detection("sdxl-turbo", "its name says so")))
    assert found is not None and found.methods == ("sdxl-turbo",)


def test_nothing_installed_leaves_nothing_to_compare() -> None:
    assert compared(facts("sd15", LIGHTNING)) is None


@pytest.mark.parametrize(("seconds", "words", "long"), [
    (0.1, "Compare all: 2 pictures, about 4.4 s", False), (0.5, "Compare all: 2 pictures, about 22 s", False),
    (5.0, "Compare all: 2 pictures, about 4 min", True),
])
def test_seconds_are_said_where_they_were_measured(seconds: float, words: str, long: bool) -> None:
    found = compared(facts("sd15", LCM), seconds)
    assert found is not None and (found.button, found.long) == (words, long)
    assert long is (found.again == "Press again: 2 pictures, about 4 min")


def plot(page: Page) -> list[Any]:
    return [page.values[page.host[name]._id] for name in PLOT_CONTROLS]


def test_the_button_fills_the_hosts_script_and_everything_comes_back() -> None:
    page = Page(Source(facts("sd15", LCM)))
    page.switch_on()
    for name, value in (("script_list", "None"), ("x_type", "Seed"), ("x_values", "1,2,3"), ("y_type", "Nothing")):
        page.values[page.host[name]._id] = value
    before = plot(page)
    page.fire("compare", "click")
    script, axis, text, chosen, *others = plot(page)
    assert (script, axis, others) == ("X/Y/Z plot", "[Accelerator] Method", ["Nothing", "Nothing"])
    assert (text, chosen) == ("None, lcm", ["None", "lcm"])
    assert page.state() == "comparing" and page.status()["headline"] == "2 pictures" and 'data-act="stop"' in page["status"]
    page.after("compare", "click")
    assert plot(page) == before


def test_with_nothing_to_compare_there_is_no_button_and_nothing_is_filled_in() -> None:
    page = Page(Source(facts("sd15", schedulers=frozenset())))
    page.switch_on()
    assert not page.is_visible("compare")
    before = plot(page)
    page.fire("compare", "click")
    page.after("compare", "click")
    assert plot(page) == before and page.state() == "setup"


def test_a_page_without_the_script_has_no_button() -> None:
    page, without = Page(Source(facts("sd15", LCM))), Page(Source(facts("sd15", LCM)), host=["prompt", "steps"])
    page.switch_on()
    without.switch_on()
    assert page.is_visible("compare") and not without.is_visible("compare")
