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


def event_of(dependency: dict[str, Any]) -> tuple[int, str]:
    """A control's id and the name of what happens to it: gradio 4 lists them in pairs, gradio 3 apart."""
    (target,) = dependency["targets"]
    return (target, dependency["trigger"]) if isinstance(target, int) else tuple(target)


def told(page: dict[str, Any]) -> dict[str, Any]:
    """What the event with values tells the script, after the name of the tab."""
    (event,) = [each for each in page["dependencies"] if each["inputs"]]
    found = re.search(r'look\("\w+", (.*), values\)', str(event["js"]))
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


@pytest.mark.parametrize("tab", ["txt2img", "img2img"])
def test_every_control_tells_the_script_of_changes_and_asks_the_server_nothing(tab: str) -> None:
    page = config(tab)
    told_of = [each for each in page["dependencies"] if "fewstepLive.changed" in str(each["js"])]
    events = {event_of(each) for each in told_of}
    assert {name for _, name in events} == {"change"} and len(events) == 3
    assert not any(each["backend_fn"] for each in page["dependencies"])


def test_img2img_hands_out_its_canvases_and_says_what_choices_mean() -> None:
    with gr.Blocks() as page:
        host = {
            "image": gr.HTML(""), "image_background": gr.Textbox(""), "image_foreground": gr.Textbox(""),
            "mask_mode": gr.Radio(["Inpaint masked", "Inpaint not masked"], type="index"),
        }
        live = LiveSwitch("img2img", "en")
        live.build()
        live.wire([], host)
    (event,) = [each for each in page.get_config_file().get("dependencies", []) if each["inputs"]]
    found = re.search(r'look\("img2img", (.*), values\)', str(event["js"]))
    assert found
    facts = json.loads(found[1])
    assert facts["fields"] == ["inpainting_mask_invert", "canvas.image.picture", "canvas.image.painting"]
    assert facts["choices"] == {"inpainting_mask_invert": ["Inpaint masked", "Inpaint not masked"]}
