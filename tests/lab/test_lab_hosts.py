"""A WebUI's headline beside the lab's: what it is asked, that a stopped measurement continues, and the README's picture of it."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from demo.judge import load_judge, recognise
from demo.scenes import GROUND, GROUNDS, fixed_prompts
from demo.weights import Models
from lab import cells, hosts, picture
from lab.hosts import Headline, WebUI, headlines
from lab.statistics import z_of_shares
from lib_fewstep.core.tables import load_tables

ASKED: list[dict[str, Any]] = []
GREY = np.full((64, 64, 3), 128, np.uint8)


class _FakeWebUI(BaseHTTPRequestHandler):
    """Answers grey pictures; its extension acts where the prompt does not say "broken"."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        ASKED.append(asked)
        stream = io.BytesIO()
        Image.fromarray(GREY).save(stream, "PNG")
        acted = "alwayson_scripts" in asked and "broken" not in asked["prompt"]
        info = json.dumps({"infotexts": [f"{asked['prompt']}\nSteps: 4{', Accelerator: lcm' if acted else ''}"]})
        body = json.dumps({"images": [base64.b64encode(stream.getvalue()).decode()], "info": info}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def webui() -> Iterator[WebUI]:
    ASKED.clear()
    server = HTTPServer(("127.0.0.1", 0), _FakeWebUI)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield WebUI(f"http://127.0.0.1:{server.server_port}/")
    server.shutdown()
    server.server_close()


def headline(name: str) -> Headline:
    return next(each for each in headlines() if each.name == name)


def test_every_headline_has_a_name_of_its_own_and_a_row_of_the_tables():
    names = [each.name for each in headlines()]
    assert len(set(names)) == len(names)
    profiles = load_tables([Path(hosts.__file__).parents[1] / "demo" / "methods.yaml"]).profiles
    assert {each.method for each in headlines() if each.method} <= set(profiles)


def test_a_method_is_left_to_the_extension_and_by_hand_to_the_page(webui: WebUI):
    assert np.array_equal(webui.draw(headline("TCD, 4 steps"), "a cat", 7), GREY)
    webui.draw(headline("TCD, 4 steps, by hand"), "a cat", 7)
    ours, by_hand = ASKED
    assert ours["alwayson_scripts"] == {"Accelerator": {"args": [{"method": "tcd", "steps": 4}]}}
    assert ours["prompt"] == "a cat" and "sampler_name" not in ours and ours["seed"] == by_hand["seed"] == 7
    assert by_hand["prompt"] == "a cat <lora:TCD-SD15-LoRA:1>" and "alwayson_scripts" not in by_hand
    assert (by_hand["sampler_name"], by_hand["scheduler"], by_hand["steps"], by_hand["cfg_scale"]) == ("Euler", "Automatic", 4, 1.0)


def test_a_webui_without_the_extension_is_not_taken_for_one(webui: WebUI):
    with pytest.raises(ValueError, match="did not act"):
        webui.draw(headline("TCD, 4 steps"), "a broken cat", 7)


def test_what_a_webui_was_asked_is_not_asked_again(webui: WebUI, models: Models, tmp_path: Path):
    target, prompts = tmp_path / "host-here.json", fixed_prompts(2)
    hosts.measure(webui, load_judge(models.judge), prompts, target)
    count = len(list(headlines()))
    assert len(ASKED) == 2 * count
    hosts.measure(webui, load_judge(models.judge), prompts, target)
    assert len(ASKED) == 2 * count
    found = hosts.measured(tmp_path)["here"]
    assert len(found) == count and not any(right.any() for right in found.values())


def test_the_negative_prompt_names_what_came_out_without_it(webui: WebUI, models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hosts.cells, "NEGATIVE_ROWS", {"TCD": "tcd"})
    judge, target = load_judge(models.judge), tmp_path / "negative-here.json"
    hosts.measure_negative(webui, judge, fixed_prompts(6), target)
    plain, guided = ASKED[: len(ASKED) // 2], ASKED[len(ASKED) // 2 :]
    ground = GROUNDS[recognise(judge, GREY[None])[0, GROUND]]
    assert [each["negative_prompt"] for each in guided] == [f"{each['prompt']} {ground}" for each in plain]
    assert {each["alwayson_scripts"]["Accelerator"]["args"][0].get("nag") for each in plain} == {0}
    assert not any("nag" in each["alwayson_scripts"]["Accelerator"]["args"][0] for each in guided)
    found = hosts.measured_negative(tmp_path)["here"]["TCD"]
    assert found[cells.NO_NEGATIVE]["kept"] == [True] * len(plain) == found[cells.AS_THE_ROW]["kept"]
    hosts.measure_negative(webui, judge, fixed_prompts(6), target)
    assert len(ASKED) == 2 * len(plain)


def test_two_shares_differ_by_their_pooled_error():
    """70 of 100 and 50 of 100: pooled 0.6, error sqrt(0.24 * 2 / 100) = 0.0693."""
    first, second = np.arange(100) < 70, np.arange(100) < 50
    assert z_of_shares(first, second) == pytest.approx(0.2 / 0.0693, rel=1e-3) == -z_of_shares(second, first)
    assert z_of_shares(first[:50], second[:50]) == 0


def test_the_picture_has_a_row_for_each_of_its_headlines(webui: WebUI, models: Models, tmp_path: Path):
    target = tmp_path / "readme.png"
    picture.draw_rows(webui, load_judge(models.judge), fixed_prompts(2), target)
    assert len(ASKED) == 2 * len(picture.ROWS)
    with Image.open(target) as drawn:
        assert drawn.height > len(picture.ROWS) * 128
