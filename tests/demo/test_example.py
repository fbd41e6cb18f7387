"""How `make serve` begins: one click on Generate shows a picture that the Accelerator has made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.scenes import VOCABULARY
from tests.chromium import launched

from .conftest import Client, serving

MILLISECONDS = 60_000


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serving(tmp_path_factory.mktemp("example"), [], "--example") as client:
        yield client


@pytest.fixture
def browser() -> Iterator[Any]:
    with launched() as browser:
        yield browser


def value_of(page: Client, elem_id: str) -> Any:
    return next(part["props"].get("value") for part in page.get("/config")["components"] if part["props"].get("elem_id") == elem_id)


def test_a_prompt_is_filled_in_that_the_tiny_model_knows(page: Client) -> None:
    words = value_of(page, "txt2img_prompt").split()
    assert words and set(words) <= set(VOCABULARY)
    assert not value_of(page, "img2img_prompt")


def test_the_makefile_serves_it() -> None:
    makefile = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^serve:.*\n\t.*-m demo\.serve --example$", makefile, re.MULTILINE)


def test_it_says_what_it_sets_up_and_what_to_do(page: Client) -> None:
    said = page.log.read_text().partition("Running on")[0]
    assert re.search(r"\d+ MB", said) and "press Generate" in said


def test_one_click_shows_a_picture_of_the_accelerators(page: Client, browser: Any) -> None:
    shown = browser.new_page()
    shown.set_default_timeout(MILLISECONDS)
    errors: list[str] = []
    shown.on("pageerror", lambda error: errors.append(str(error)))
    shown.goto(page.url)
    shown.locator("#fewstep_txt2img_accordion .label-wrap.open").wait_for()
    shown.locator("#fewstep_txt2img_accordion input.input-accordion-checkbox:checked").wait_for()
    assert shown.locator("#fewstep_img2img_accordion .label-wrap.open").count() == 0
    shown.locator("#txt2img_generate").first.click()
    shown.locator("#txt2img_gallery img").first.wait_for(state="visible")
    assert re.search(r"Accelerator: \w+", shown.locator("#html_info_txt2img").first.inner_text())
    assert errors == []
