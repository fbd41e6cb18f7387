"""The API alone, without a page (`--nowebui`), and asked by several at once."""
from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from . import hosts
from .client import PROMPT, SMALL, Result, WebUI
from .conftest import Pool
from .test_generation import hires_fields, same
from .test_routes import ROUTES
from .test_timesteps import hires_share_of_host


@pytest.fixture
def alone(webui: WebUI, pool: Pool) -> Iterator[WebUI]:
    """The same WebUI, started without its page, with the same checkpoint."""
    host = webui.running.host
    with hosts.running(host, pool.new_folder(host), flags=["--nowebui"]) as running:
        started = WebUI(running, webui.family)
        started.load_checkpoint()
        started.txt2img(steps=1)
        yield started


def test_everything_works_without_a_page(webui: WebUI, alone: WebUI) -> None:
    assert alone.request("GET", "/").status_code == 404, "this WebUI has a page"
    for verb, name in ROUTES:
        told = 422 if name == "live" else 200  # which needs to be told what to draw
        assert alone.request(verb, f"/fewstep/v1/{name}").status_code == told, name
    here, there = ({row["name"] for row in each.get("/fewstep/v1/loras")} for each in (alone, webui))
    assert here == there
    for method in ("lcm", "tcd"):
        assert alone.plan(method=method) == webui.plan(method=method)
        before, expected = alone.options(), webui.txt2img({"method": method, "lora": "auto"})
        for arguments in ({"method": method}, [True, method]):
            result = alone.txt2img(arguments)
            assert result.infotext == expected.infotext and same(result.image, expected.image)
            assert result.timesteps() == expected.timesteps() and result.evaluations == expected.evaluations == 4
            assert result.loras == expected.loras
        assert alone.options() == before
    share = alone.txt2img({"method": "lcm"}, override_settings={"fewstep_all_steps": False}, **hires_fields(alone))
    assert share.timesteps(1) == hires_share_of_host("lcm", 4, share.probe["passes"][1]["fields"]["denoising_strength"])
    off, plain = alone.txt2img({"enabled": False}), alone.txt2img()
    assert off.infotext == plain.infotext and same(off.image, plain.image)


AT_ONCE: list[dict[str, Any]] = [
    {"method": "lcm"}, {"method": "tcd", "gamma": 0.7}, {"enabled": False}, {"method": "no-such-method"},
    {"method": "lcm", "steps": 6, "weight": 0.5}, {"method": "tcd", "cfg": 2},
]


def test_several_at_once_get_what_each_gets_alone(webui: WebUI) -> None:
    """Pictures and plans asked for by twelve clients at once: nothing of one request shows in another."""

    def picture(arguments: dict[str, Any]) -> Result:
        request = {"prompt": PROMPT, **SMALL, "alwayson_scripts": {"Accelerator": {"args": [arguments]}}}
        answer = WebUI(webui.running, webui.family).post("/sdapi/v1/txt2img", request)
        return Result(answer["images"], json.loads(answer["info"]), probe={})

    def plan(arguments: dict[str, Any]) -> dict[str, Any]:
        return WebUI(webui.running, webui.family).plan(**arguments)

    before = webui.options()
    pictures, plans = [picture(each) for each in AT_ONCE], [plan(each) for each in AT_ONCE]
    with ThreadPoolExecutor(12) as clients:
        made = [clients.submit(picture, each) for each in AT_ONCE]
        planned = [clients.submit(plan, each) for each in AT_ONCE * 5]
        assert [future.result() for future in planned] == plans * 5
        for future, expected in zip(made, pictures, strict=True):
            result = future.result()
            assert result.infotext == expected.infotext and same(result.image, expected.image)
    assert webui.options() == before
