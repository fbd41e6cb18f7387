"""Off means off: pictures and infotexts are those of the same WebUI without the extension."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from . import hosts
from .client import Result, WebUI
from .conftest import Pool
from .test_generation import EULER_METHOD, by_hand, has_simple, hires_fields, same

OFF: list[Any] = [None, {"enabled": False, "method": "lcm"}, {"enabled": "false"}, [False, "lcm"], [False]]


def plain_requests(webui: WebUI) -> dict[str, dict[str, Any]]:
    lora = hosts.lora_name(hosts.TABLES.profiles["lcm"], webui.family)
    return {
        "plain": {"sampler_name": "Euler a"},
        "cfg 1": {"cfg_scale": 1, "steps": 4, "negative_prompt": "blue square"},
        "lora by hand": {"prompt": f"red circle <lora:{lora}:0.8>", "sampler_name": "LCM", "steps": 4, "cfg_scale": 1},
        "schedule": {"sampler_name": "DPM++ 2M", "scheduler": "Karras"},
        "second order": {"sampler_name": "DPM++ SDE"},
        "batch": {"batch_size": 2, "n_iter": 2},
        "and": {"prompt": "red circle AND blue square :0.5"},
        "hires": hires_fields(webui),
    }


_made: dict[tuple[str, str], dict[str, Result]] = {}


@pytest.fixture
def stock(webui: WebUI, pool: Pool) -> Iterator[dict[str, Result]]:
    """What the same WebUI makes without the extension: the requests above, and one method by hand."""
    key = (webui.name, webui.family)
    if key not in _made:
        host = webui.running.host
        wanted = {**plain_requests(webui), **(by_hands(webui) if has_simple(webui) else {})}
        with hosts.running(host, pool.new_folder(host), with_extension=False) as running:
            without = WebUI(running, webui.family)
            without.load_checkpoint()
            without.txt2img(steps=1)
            assert "Accelerator" not in str(without.get("/probe/registry")["scripts"])
            _made[key] = {name: without.txt2img(**fields) for name, fields in wanted.items()}
    yield _made[key]


def by_hands(webui: WebUI) -> dict[str, Any]:
    return {f"hand {prompt}": by_hand(webui, prompt=prompt) for prompt in AND_PROMPTS}


AND_PROMPTS = ("red circle AND blue square :0.7", "red circle :0.6 AND blue square :1.3")


def test_off_is_byte_for_byte_the_stock_webui(webui: WebUI, stock: dict[str, Result]) -> None:
    for name, fields in plain_requests(webui).items():
        for off in OFF if name == "plain" else OFF[:2]:
            before = webui.options()
            result = webui.txt2img(off, **fields)
            assert result.info["infotexts"] == stock[name].info["infotexts"], name
            assert result.files == stock[name].files, name
            assert result.comments == stock[name].comments and webui.options() == before, name


def test_off_after_on_is_the_stock_webui(webui: WebUI, stock: dict[str, Result]) -> None:
    webui.txt2img({"method": "tcd"}, **hires_fields(webui))
    fields = plain_requests(webui)["plain"]
    assert webui.txt2img(**fields).files == stock["plain"].files


@pytest.mark.parametrize("prompt", AND_PROMPTS)
def test_and_prompts_at_cfg_1_are_the_hosts_own(webui: WebUI, stock: dict[str, Result], prompt: str) -> None:
    if not has_simple(webui):
        pytest.skip(f"{webui.name} has no schedule Simple: nobody can make this by hand there")
    result = webui.txt2img({"method": EULER_METHOD[webui.family]}, prompt=prompt)
    assert same(result.image, stock[f"hand {prompt}"].image)


def test_disabled_on_the_extensions_tab_it_leaves_no_trace(webui: WebUI, stock: dict[str, Result], pool: Pool) -> None:
    """Not even where it was used and its option saved before."""
    host = webui.running.host
    if host.kind == hosts.EMBEDDED:
        pytest.skip("the embedded host has no Extensions tab")
    saved = {"disabled_extensions": [hosts.NAME], "fewstep_all_steps": False}
    with hosts.running(host, pool.new_folder(host), saved=saved) as running:
        without = WebUI(running, webui.family)
        without.load_checkpoint()
        without.txt2img(steps=1)
        found = without.get("/probe/registry")
        tabs = [name for titles in found["scripts"] for name in titles]
        ours = [name for name in (*found["samplers"], *found["axes"], *found["settings"], *tabs)
                if "Few-Step" in name or "Accelerator" in name or name.startswith("fewstep")]
        files = [file for entries in found["callbacks"].values() for file in entries if hosts.NAME in file or "accelerator.py" in file]
        assert ours == files == []
        assert without.request("GET", "/fewstep/v1/methods").status_code == 404
        assert "Accelerator" not in str(without.get("/sdapi/v1/script-info"))
        for name, fields in plain_requests(webui).items():
            assert without.txt2img(**fields).files == stock[name].files, name
