"""The page, on whichever gradio is installed (3.41 as in AUTOMATIC1111, or 4.40 as in Forge)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from .conftest import HERE, PROBE, REPOSITORY, Client, serving

IDS = (
    "txt2img_prompt",
    "txt2img_neg_prompt",
    "txt2img_steps",
    "txt2img_cfg_scale",
    "txt2img_sampling",
    "txt2img_scheduler",
    "txt2img_width",
    "txt2img_height",
    "txt2img_seed",
    "txt2img_batch_size",
    "txt2img_batch_count",
    "txt2img_hr",
    "txt2img_hr-checkbox",
    "txt2img_generate",
    "txt2img_gallery",
    "html_log_txt2img",
    "img2img_prompt",
    "img2img_image",
    "img2img_denoising_strength",
    "img2img_generate",
    "pnginfo_image",
    "script_txt2img_recorder_fail",
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A host with its page, with the Accelerator and two test extensions."""
    with serving(tmp_path_factory.mktemp("page"), [HERE / "recorder", PROBE]) as client:
        yield client


def test_element_ids_are_the_webuis(page: Client) -> None:
    config = page.get("/config")
    present = {component["props"].get("elem_id") for component in config["components"]}
    assert set(IDS) <= present


def test_javascript_reaches_the_browser(page: Client) -> None:
    html = page.text("/")
    addresses = re.findall(r'<script src="(/host/files/[^"]+)"', html)
    names = [address.rpartition("/")[2].partition("?")[0] for address in addresses]
    own = [file.name for file in sorted((REPOSITORY / "javascript").glob("*.js"))]
    assert names == ["host.js", *own]
    assert "function gradioApp()" in page.text(addresses[0])


def test_scripts_see_the_page(page: Client) -> None:
    about = page.get("/recorder")
    assert about["has_page"]
    assert about["ui_calls"] == [False, True, False, False, True, True]


def test_the_page_and_the_api_generate(page: Client) -> None:
    assert len(page.txt2img(steps=1)["images"]) == 1


def test_nothing_went_wrong_while_loading(page: Client) -> None:
    assert "***" not in page.log.read_text().split("Running on")[0]


def test_reload_executes_the_scripts_again(page: Client) -> None:
    before = page.get("/recorder")["loaded_at"]
    page.post("/host/reload", {})
    patience = time.monotonic() + 60
    while time.monotonic() < patience:
        time.sleep(0.5)
        try:
            if page.get("/recorder")["loaded_at"] != before:
                break
        except OSError:
            continue
    about = page.get("/recorder")
    assert about["loaded_at"] != before
    assert about["ui_calls"] == [False, True, False, False, True, True]
    assert len(page.txt2img(steps=1)["images"]) == 1
