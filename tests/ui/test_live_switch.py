"""What the switch Live hands to the page's script."""
from __future__ import annotations

import json
import re
from typing import Any

import gradio as gr
import pytest

from lib_fewstep.ui.live import LIVE_CONTROLS, LiveSwitch


def config(tab: str, language: str = "en") -> dict[str, Any]:
    """The page that gradio makes of it, with two of the host's controls and one of ours."""
    with gr.Blocks() as page:
        host = {"prompt": gr.Textbox("a cat", label="Prompt"), "seed": gr.Number(5, label="Seed")}
        ours = [gr.Checkbox(True, label="Enabled")]
        live = LiveSwitch(tab, language)
        live.build()
        live.wire(ours, host)
    return dict(page.get_config_file())


def told(page: dict[str, Any]) -> dict[str, Any]:
    """What the only event tells the script, after the name of the tab."""
    (event,) = page["dependencies"]
    found = re.search(r'look\("txt2img", (.*), values\)', str(event["js"]))
    assert found and not event["backend_fn"] and len(event["inputs"]) == 3
    return json.loads(found[1])


def test_the_script_gets_the_hosts_values_by_field_and_then_ours() -> None:
    assert told(config("txt2img"))["fields"] == ["prompt", "seed"]
    assert {"prompt", "negative_prompt", "seed", "width", "height", "styles"} <= set(LIVE_CONTROLS.values())


@pytest.mark.parametrize(("language", "keep"), [("en", "Keep"), ("ja", "この画像を残す"), ("zh", "保留此图")])
def test_it_speaks_the_pages_language(language: str, keep: str) -> None:
    page = config("txt2img", language)
    assert told(page)["words"]["keep"] == keep
    (switch,) = [component["props"] for component in page["components"] if component["props"].get("label") == "Live"]
    assert switch["info"]


def test_img2img_has_no_switch_that_does_nothing() -> None:
    page = config("img2img")
    assert page["dependencies"] == []
    assert not [component for component in page["components"] if "live" in str(component["props"].get("elem_id"))]
