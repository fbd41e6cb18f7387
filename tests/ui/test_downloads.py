"""Files that can be had: what the page offers, and what its buttons do, on a real gradio page."""

from __future__ import annotations

import html
from dataclasses import replace

import pytest

pytest.importorskip("gradio")

from lib_fewstep.core.offers import CANCELLED, CHECKING, DONE, FAILED, Progress
from tests.core.situations import HYPER_8, LCM, facts
from tests.ui.page import Page, Source


@pytest.fixture
def page() -> Page:
    """An SD1.5 checkpoint, and no LoRA."""
    page = Page(Source(facts("sd15")))
    page.switch_on()
    return page


def begun(page: Page) -> Progress:
    """The download that the page has started."""
    assert page.downloads.progress is not None
    return page.downloads.progress


def test_nothing_installed_shows_files_to_begin_with_and_nothing_else(page: Page) -> None:
    assert page.state() == "setup" and page.status()["headline"] == "Your own 20 steps run for now"
    assert page.is_visible("start") and 'data-act="download:hyper-sd15-8"' in page["start"]
    assert "269 MB" in page["start"] and "openrail++" in page["start"] and page["start"].count("Recommended") == 1
    assert not any(page.is_visible(name) for name in ("choose", "fine", "details"))


def test_one_button_fetches_a_file_and_auto_takes_it(page: Page) -> None:
    page.act("download:hyper-sd15-8")
    assert [(offer.repo, offer.path) for offer in page.downloads.started] == [("ByteDance/Hyper-SD", "Hyper-SD15-8steps-lora.safetensors")]
    assert page.state() == "downloading" and page.status()["headline"] == "Hyper-SD, 8 steps: 0 %"
    page.downloads.progress = replace(begun(page), received=67_281_766)
    page.sync()
    assert page.status()["sentence"] == "67 of 269 MB. Your own settings run until it is here." and 'value="0.250"' in page["status"]
    page.downloads.progress = replace(begun(page), state=DONE, message="it is there")
    page.source.facts = facts("sd15", HYPER_8)
    page.sync()
    assert page.state() == "on" and page["filled_for"] == "hyper-sd15-8" and not page.is_visible("start")


def test_a_chosen_method_without_its_file_offers_it(page: Page) -> None:
    page.act("use:tcd")
    assert page.state() == "cannot" and "You do not have the file of TCD, 4 steps." in page["status"]
    assert "Download TCD for SD 1.5, 135 MB" in page["status"] and 'data-act="download:tcd"' in page["status"]
    page.source.facts = facts("sdxl")
    page.sync()
    assert "Download TCD for SDXL, 394 MB" in page["status"]
    page.act("use:dmd2")
    assert page.status()["note"] == "The file's licence is cc-by-nc-sa-4.0, not for commercial use."


def test_a_file_whose_sha256_is_not_known_says_so_before_it_is_fetched(page: Page) -> None:
    said = "No sha256 on record; the one that huggingface.co names is checked"
    assert said not in page["more_list"] + page["status"] + page["start"]
    tables = page.source.tables
    page.source.tables = replace(tables, files=tuple(replace(file, sha256=()) if file.method == "tcd" else file for file in tables.files))
    page.sync()
    assert page["more_list"].count(said) == 1
    page.act("use:tcd")
    assert said in page.status()["note"] and "Download TCD for SD 1.5" in page["status"]


def test_what_is_installed_is_not_offered() -> None:
    page = Page(Source(facts("sd15", LCM)))
    page.switch_on()
    assert "download:lcm" not in page["more_list"] and "download:tcd" in page["more_list"] and page["start"] == ""


def test_it_is_cancelled_and_tried_again(page: Page) -> None:
    page.act("download:hyper-sd15-8")
    page.act("cancel")
    assert page.downloads.cancelled == 1
    page.act("use:hyper-sd15-8")
    page.downloads.progress = replace(begun(page), state=CANCELLED, message="Cancelled. The part already downloaded is kept")
    page.sync()
    assert page.state() == "stopped" and 'data-act="download:hyper-sd15-8"' in page["status"]


def test_why_it_failed_is_said_until_something_else_is_chosen(page: Page) -> None:
    page.act("use:hyper-sd15-8")
    page.act("download:hyper-sd15-8")
    page.downloads.progress = replace(begun(page), state=FAILED, message="the disk <D:> is full")
    page.sync()
    assert html.escape("the disk <D:> is full") in page["status"]
    page.act("use:tcd")
    assert "full" not in page["status"]


def test_a_file_that_is_checked_says_so(page: Page) -> None:
    page.act("download:hyper-sd15-8")
    page.downloads.progress = replace(begun(page), state=CHECKING, received=269_000_000)
    page.sync()
    assert "The file is being checked." in page["status"]


@pytest.mark.parametrize("why_not", ["", "others can reach this WebUI"])
def test_where_it_is_forbidden_its_page_is_linked(page: Page, why_not: str) -> None:
    page.downloads.why_not = why_not
    page.act("use:hyper-sd15-8")
    assert "data-act=\"download" not in page["status"] + page["more_list"]
    assert 'href="https://huggingface.co/ByteDance/Hyper-SD"' in page["status"]
    assert ("Downloads are off here" in page["status"]) == bool(why_not)
    page.act("download:hyper-sd15-8")
    assert page.state() in ("cannot", "downloading")  # the fetcher itself refuses; this one of the tests does not
