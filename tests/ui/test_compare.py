"""Compare methods: what X/Y/Z plot is filled with."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

from lib_fewstep.core.choose import runnable
from lib_fewstep.core.detect import Detection
from lib_fewstep.core.profiles import NOTHING
from lib_fewstep.core.request import Request
from lib_fewstep.ui.accordion import PLOT_CONTROLS
from lib_fewstep.ui.view import comparison
from tests.core.situations import HYPER_8, LCM, LIGHTNING, TABLES, TCD, facts
from tests.ui.page import Page, Source

SCHEDULES = [row.key for row in TABLES.profiles.values() if row.weights == NOTHING]


def test_what_is_installed_fits_and_needs_no_weights_is_compared() -> None:
    found = comparison(Request(host_steps=20), facts("sd15", HYPER_8, LCM, LIGHTNING, TCD), TABLES, "None")
    assert found.values == ["None", "lcm", "tcd", "hyper-sd15-8", *(key for key in SCHEDULES if "sd15" in TABLES.profiles[key].families)]
    assert f"{len(found.values)} pictures" in found.message


def test_a_distilled_checkpoint_is_compared_with_plain_settings_alone() -> None:
    there = replace(facts("sdxl", LIGHTNING), checkpoint=Detection("sdxl-turbo", "its name says so"))
    assert [row.key for row in runnable(there, TABLES)] == ["sdxl-turbo"]


def test_a_schedule_that_the_host_lacks_is_left_out() -> None:
    there = facts("sd15", LCM, schedulers=frozenset({"Karras", "Automatic"}))
    assert not [row for row in runnable(there, TABLES) if row.scheduler == "Align Your Steps"]


def test_the_evaluations_are_those_of_all_pictures() -> None:
    there = facts("sd15", LCM, schedulers=frozenset())
    assert "2 pictures, 44 UNet evaluations" in comparison(Request(host_steps=20, host_cfg=7), there, TABLES, "None").message


def plot(page: Page) -> list[Any]:
    return [page.values[page.host[name]._id] for name in PLOT_CONTROLS]


def test_the_button_fills_the_hosts_script_and_says_so() -> None:
    page = Page(Source(facts("sd15", LCM)))
    page.switch_on()
    page.fire("compare", "click")
    script, axis, text, chosen, *others = plot(page)
    assert (script, axis, others) == ("X/Y/Z plot", "[Accelerator] Method", ["Nothing", "Nothing"])
    assert text.startswith("None, lcm, ") and chosen == text.split(", ")
    assert "press Generate" in page["message"]


def test_with_nothing_to_compare_the_script_stays_as_it_is() -> None:
    page = Page(Source(facts("sd15", schedulers=frozenset())))
    page.switch_on()
    before = plot(page)
    page.fire("compare", "click")
    assert plot(page) == before and "nothing to compare" in page["message"]


def test_a_page_without_the_script_has_no_button() -> None:
    assert Page(Source(facts("sd15", LCM))).is_visible("compare")
    assert not Page(Source(facts("sd15", LCM)), host=["prompt", "steps"]).is_visible("compare")
