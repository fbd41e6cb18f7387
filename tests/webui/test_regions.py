"""Beside an extension that takes the rows with and without the prompt apart: CFG 1 leaves the latter out only where nobody misses them."""
from __future__ import annotations

import json
from typing import Any

import pytest

from .client import PROMPT, Result, WebUI
from .test_generation import same

REGIONS = {"alwayson_scripts": {"Trouble": {"args": [json.dumps({"regions": True})]}}}
PARTS = f"{PROMPT} AND blue square"
OFF = {"override_settings": {"fewstep_leave_out_negative": False}}


def seen(result: Result) -> str:
    """Latents, rows with the prompt, rows without."""
    return str(result.info["extra_generation_params"].get("Regions"))


def batches(result: Result) -> set[int]:
    return {call["batch"] for call in result.passes[0]["calls"]}


@pytest.fixture(autouse=True)
def host_evaluates_all(webui: WebUI) -> None:
    if webui.kind not in ("embedded", "a1111"):
        pytest.skip("Forge and its kin leave the negative prompt out by themselves")


@pytest.mark.parametrize("number", [1, 2])
def test_it_sees_every_row_though_it_registers_late(webui: WebUI, number: int) -> None:
    """As in attention mode: one prompt, whose regions are shared out within the UNet. The rows are taken away after it."""
    for _ in range(2):
        result = webui.txt2img({"method": "lcm"}, batch_size=number, **REGIONS)
        assert seen(result) == f"{2 * number} {number} {number}" and batches(result) == {number}
    assert same(result.image, webui.txt2img({"method": "lcm"}, batch_size=number).image)


@pytest.mark.parametrize("number", [1, 2])
def test_regions_that_are_prompts_of_their_own_keep_the_negative_prompt(webui: WebUI, number: int) -> None:
    """As in latent mode: a region is a part joined with AND, and the negative prompt is wanted as the background."""
    if webui.kind == "embedded":
        pytest.skip("the embedded host has no AND")
    result = webui.txt2img({"method": "lcm"}, prompt=PARTS, batch_size=number, **REGIONS)
    assert seen(result) == f"{3 * number} {2 * number} {number}"
    assert sum(call["batch"] for call in result.passes[0]["calls"]) == 3 * number * 4


def test_an_option_has_everything_evaluated(webui: WebUI) -> None:
    on, off = webui.txt2img({"method": "lcm"}), webui.txt2img({"method": "lcm"}, **OFF)
    assert batches(on) == {1} and batches(off) == {2}
    beside = webui.txt2img({"method": "lcm"}, **OFF, **REGIONS)
    assert seen(beside) == "2 1 1" and batches(beside) == {2}
    difference: Any = abs(on.image - off.image)
    assert difference.max() <= 2, "at CFG 1 the negative prompt cancels out, but for rounding"
    assert "negative" not in on.infotext.lower() and webui.options().get("fewstep_leave_out_negative", True)
