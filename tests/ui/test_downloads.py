"""The row that offers a missing file: what it says, and what its buttons do, on a real gradio page."""

from __future__ import annotations

import html
from dataclasses import replace

import pytest

pytest.importorskip("gradio")

from lib_fewstep.core.controls import method_text
from lib_fewstep.core.offers import CANCELLED, CHECKING, DONE, FAILED, RUNNING, STOPPING, Offer, Progress
from lib_fewstep.ui.download_row import button_text, row_of
from tests.core.situations import HYPER_8, LCM, TABLES, facts
from tests.ui.page import Page, Source

HYPER_TEXT = method_text(TABLES.profiles["hyper-sd15-8"])
HYPER_BUTTON = "Download Hyper-SD15-8steps-lora.safetensors (269 MB, openrail++)"
OFFER = Offer("x", "X <b>", "x.safetensors", "me/x", "x.safetensors", ("a" * 64,), 200_000_000, "MIT", False, True)


@pytest.fixture
def page() -> Page:
    """An SD1.5 checkpoint, and no LoRA."""
    page = Page(Source(facts("sd15")))
    page.switch_on()
    return page


def shown(page: Page) -> tuple[bool, str | None, bool]:
    """Whether the row is there, what its button says (None: no button), and whether it can be cancelled."""
    button = page["download"] if page.is_visible("download") else None
    return page.is_visible("downloads"), button, page.is_visible("download_cancel")


# ---------------------------------------------------------------------------------------------------------------------- on the page


def test_a_missing_method_is_offered_and_one_button_fetches_it(page: Page) -> None:
    page.set("method", HYPER_TEXT)
    assert shown(page) == (True, HYPER_BUTTON, False)
    assert "huggingface.co/ByteDance/Hyper-SD" in page["download_line"] and "<progress" not in page["download_line"]
    page.fire("download", "click")
    assert [(offer.repo, offer.path) for offer in page.downloads.started] == [("ByteDance/Hyper-SD", "Hyper-SD15-8steps-lora.safetensors")]
    assert shown(page) == (True, None, True)
    assert '<progress max="1" value="0.000">' in page["download_line"]


def test_auto_offers_one_where_nothing_is_installed(page: Page) -> None:
    assert shown(page) == (True, HYPER_BUTTON, False)


def test_what_is_installed_is_not_offered() -> None:
    page = Page(Source(facts("sd15", LCM)))
    assert not page.is_visible("downloads")
    page.switch_on()
    assert shown(page) == (False, None, False) and page["download_line"] == ""


def test_the_row_follows_the_method_and_the_checkpoint(page: Page) -> None:
    page.set("method", method_text(TABLES.profiles["tcd"]))
    assert "TCD-SD15-LoRA.safetensors (135 MB, MIT)" in page["download"]
    page.source.facts = facts("sdxl")
    page.fire("sync", "click")
    assert "TCD-SDXL-LoRA.safetensors (394 MB, MIT)" in page["download"]
    page.set("method", method_text(TABLES.profiles["dmd2"]))
    assert page["download"].endswith("(394 MB, cc-by-nc-sa-4.0: non-commercial use only)")
    page.set("method", method_text(TABLES.profiles["turbomix-lcm"]))
    assert not page.is_visible("downloads")


def test_it_is_watched_and_cancelled(page: Page) -> None:
    page.fire("download", "click")
    assert page.downloads.progress is not None
    page.downloads.progress = replace(page.downloads.progress, received=67_281_766)
    before = page.args()
    page.fire("download_poll", "click")
    assert 'value="0.250"' in page["download_line"] and "67 MB of 269 MB" in page["download_line"]
    assert page.args() == before
    page.fire("download_cancel", "click")
    assert page.downloads.cancelled == 1
    page.downloads.progress = replace(page.downloads.progress, state=CANCELLED, message="Cancelled: what has come is kept")
    page.fire("download_poll", "click")
    assert shown(page) == (True, HYPER_BUTTON, False) and "Cancelled" in page["download_line"]


def test_what_has_come_is_used_and_said(page: Page) -> None:
    page.set("method", HYPER_TEXT)
    page.fire("download", "click")
    assert page.downloads.progress is not None
    page.downloads.progress = replace(page.downloads.progress, state=DONE, message="it is there")
    page.source.facts = facts("sd15", HYPER_8)
    page.fire("download_poll", "click")
    assert shown(page) == (True, None, False) and "it is there" in page["download_line"]
    page.fire("sync", "click")
    assert "Hyper-SD SD1.5, 8 steps: 8 steps" in page["plan"] and 'data-active="true"' in page["plan"]
    assert "it is there" in page["download_line"]


def test_why_it_failed_stands_beside_the_button_until_something_else_is_chosen(page: Page) -> None:
    page.set("method", HYPER_TEXT)
    page.fire("download", "click")
    assert page.downloads.progress is not None
    page.downloads.progress = replace(page.downloads.progress, state=FAILED, message="the disk <D:> is full")
    page.fire("download_poll", "click")
    assert shown(page) == (True, HYPER_BUTTON, False) and html.escape("the disk <D:> is full") in page["download_line"]
    page.set("method", method_text(TABLES.profiles["tcd"]))
    assert "full" not in page["download_line"]


@pytest.mark.parametrize("why_not", ["", "others can reach this WebUI"])
def test_where_it_is_forbidden_there_is_no_button(page: Page, why_not: str) -> None:
    page.downloads.why_not = why_not
    page.fire("sync", "click")
    assert shown(page) == (bool(why_not), None, False)
    by_hand = "Hyper-SD15-8steps-lora.safetensors can be downloaded from ByteDance/Hyper-SD by hand only: others can reach this WebUI"
    assert (by_hand in page["download_line"]) == bool(why_not)


def test_the_row_is_no_control_of_the_scripts_and_saves_nothing(page: Page) -> None:
    names = ("download", "download_cancel", "download_line", "download_poll")
    assert not set(page.inputs) & {page.parts[name] for name in names}
    assert all(page.parts[name].do_not_save_to_config for name in names)
    assert not page.is_visible("download_poll")


# ------------------------------------------------------------------------------------------------------------------ what it says


@pytest.mark.parametrize("changes, expected", [
    ({}, "Download x.safetensors (200 MB, MIT)"),
    ({"size": None}, "Download x.safetensors (size unknown, MIT)"),
    ({"licence": ""}, "Download x.safetensors (200 MB, licence unknown)"),
    ({"noncommercial": True}, "Download x.safetensors (200 MB, MIT: non-commercial use only)"),
])  # fmt: skip
def test_the_button_names_file_size_and_licence(changes: dict[str, object], expected: str) -> None:
    assert button_text(replace(OFFER, **changes)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("state, word", [(RUNNING, "downloading"), (CHECKING, "checking"), (STOPPING, "stopping")])
def test_a_running_download_is_shown_whatever_is_chosen(state: str, word: str) -> None:
    progress = Progress(OFFER, state, 50_000_000, 200_000_000)
    for offer in (OFFER, None, replace(OFFER, method="y", name="y.safetensors")):
        row = row_of(offer, None, progress, None)
        assert (row.button, row.cancel, row.share) == ("", True, 0.25)
        assert row.text == f"x.safetensors: {word}, 50 MB of 200 MB"


def test_a_download_of_unknown_length_shows_a_bar_without_an_end() -> None:
    row = row_of(None, None, Progress(OFFER, RUNNING, 50_000_000, None), None)
    assert row.share is None and '<progress max="1"></progress><span>x.safetensors: downloading, 50 MB</span>' in row.html


def test_how_another_methods_download_ended_is_no_news() -> None:
    done = Progress(OFFER, DONE, 1, 1, "it is there")
    assert row_of(None, "x", done, None).text == "it is there"
    assert row_of(None, "y", done, None).text == "" and row_of(None, None, done, None).text == ""


def test_an_untested_file_is_called_so() -> None:
    assert "has not been tested" not in row_of(OFFER, None, None, None).text
    assert "has not been tested" in row_of(replace(OFFER, tested=False), None, None, None).text


def test_texts_of_a_table_are_no_markup() -> None:
    assert "<b>" not in row_of(OFFER, None, None, None).html
