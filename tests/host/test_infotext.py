"""What a picture's parameters say of us, and what a paste makes of them."""
from __future__ import annotations

import importlib
from typing import Any

import pytest

from lib_fewstep.core.controls import ORDER, parse_args
from lib_fewstep.core.decide import make_plan
from lib_fewstep.core.request import Request, request_from
from tests.core.situations import LCM, TABLES, TCD, facts, lora, ready_for

infotext = importlib.import_module("lib_fewstep.host.infotext")
TAG = "<lora:TCD-SD15-LoRA:0.8>"


def pasted(prompt: str, *installed: Any, **more: str) -> str:
    params = {"Prompt": prompt, "Accelerator": "tcd", "Accelerator LoRA": "TCD-SD15-LoRA", **more}
    infotext.take_tag_out(params, TABLES, lambda: installed)
    return params["Prompt"]


def read(*installed: Any, **params: str) -> dict[str, Any]:
    found = infotext.read({"Accelerator": "tcd", **params}, TABLES, lambda: installed)
    assert found is not None
    return found


def test_the_tag_that_we_added_leaves_the_prompt_and_of_two_equal_ones_the_last() -> None:
    assert pasted(f"a cat {TAG}", TCD) == "a cat"
    assert pasted(f"{TAG} a cat, rain {TAG}", TCD) == f"{TAG} a cat, rain"


def test_the_tag_of_a_method_that_is_not_known_here_stays() -> None:
    assert pasted(f"a cat {TAG}", TCD, Accelerator="warp-9") == f"a cat {TAG}"
    assert infotext.read({"Accelerator": "warp-9"}, TABLES, lambda: ()) is None


@pytest.mark.parametrize("installed, written", [(TCD, "tcd alias"), (lora("renamed", "tcd"), "renamed")])
def test_the_tag_leaves_under_the_name_that_the_webui_writes_by_now(installed: Any, written: str) -> None:
    assert pasted(f"a cat <lora:{written}:0.8>", installed, LCM) == "a cat"
    assert pasted("a cat <lora:lcm-sd15:1>", installed, LCM) == "a cat <lora:lcm-sd15:1>"


def test_a_file_that_has_another_name_by_now_is_found_by_its_method() -> None:
    named = {"Accelerator LoRA": "TCD-SD15-LoRA"}
    assert read(lora("renamed", "tcd"), **named)["lora"] == "auto"
    assert read(TCD, **named)["lora"] == "TCD-SD15-LoRA"
    assert read(LCM, **named)["lora"] == "TCD-SD15-LoRA"


@pytest.mark.parametrize("text", ["inf", "nan", "-1", "many", "4.5", "1e400"])
def test_a_number_that_makes_no_sense_is_as_recommended(text: str) -> None:
    assert read(TCD, Steps=text)["steps"] == TABLES.profiles["tcd"].steps.default


def test_what_differs_from_the_row_is_written_and_read_again() -> None:
    plan = make_plan(Request(method="tcd", weight=0.8, gamma=0.5), facts("sd15", TCD), TABLES)
    written = infotext.entries(plan)
    assert written == {
        "Accelerator": "tcd", "Accelerator LoRA": "TCD-SD15-LoRA", "Accelerator weight": "0.8", "Accelerator gamma": "0.5",
    }  # fmt: skip
    assert {name: read(TCD, **written)[name] for name in ("weight", "gamma")} == {"weight": 0.8, "gamma": 0.5}


@pytest.mark.parametrize(("asked", "written"), [
    ({}, {"Accelerator NAG": "2"}), ({"nag": 3}, {"Accelerator NAG": "3"}), ({"nag": 0}, {}),
    ({"nag_alpha": 0.25, "nag_until": 1}, {"Accelerator NAG": "2", "Accelerator NAG alpha": "0.25", "Accelerator NAG until": "1"}),
])  # fmt: skip
def test_how_the_negative_prompt_acted_is_written_and_read_again(asked: dict[str, float], written: dict[str, str]) -> None:
    plan = make_plan(request_from({"method": "tcd", **asked}, Request(negative_prompt="blurry")), facts("sd15", TCD), TABLES)
    found = infotext.entries(plan)
    assert {name: text for name, text in found.items() if "NAG" in name} == written
    assert read(TCD, **found, **{"Negative prompt": "blurry"})["nag"] == asked.get("nag", 2)


@pytest.mark.parametrize("asked", [{"nag_tau": 3}, {"nag_alpha": 0.25, "nag_until": 1}, {}])
def test_what_goes_with_the_negative_prompt_comes_back_through_the_page(asked: dict[str, float]) -> None:
    base = Request(negative_prompt="blurry")
    plan = make_plan(request_from({"method": "tcd", **asked}, base), facts("sd15", TCD), TABLES)
    pasted_ = read(TCD, **infotext.entries(plan), **{"Negative prompt": "blurry"})
    _, request = parse_args([{**pasted_, "enabled": True}[name] for name in ORDER], TABLES, base)
    again = make_plan(request, facts("sd15", TCD), TABLES)
    assert again.negative == plan.negative and infotext.entries(again) == infotext.entries(plan)


@pytest.mark.parametrize("text", ["", "nonsense", "[1]", "5", 5, None, '{"nag_tau": "much"}', '{"lora": "x", "steps": 9}', "[" * 9999])
def test_what_the_page_sends_in_its_place_is_not_trusted(text: Any) -> None:
    values = {**read(TCD), "enabled": True, "beside": text}
    request = parse_args([values[name] for name in ORDER], TABLES, Request())[1]
    assert request == parse_args([{**values, "beside": ""}[name] for name in ORDER], TABLES, Request())[1]


def test_a_picture_of_an_earlier_version_had_none() -> None:
    """It names no NAG, and comes out as it was. Without a negative prompt there is nothing to keep from acting."""
    assert read(TCD, **{"Negative prompt": "blurry"})["nag"] == 0
    assert read(TCD)["nag"] == read(TCD, **{"Negative prompt": ""})["nag"] == 2


def test_a_weight_that_the_prompt_holds_already_is_not_written() -> None:
    plan = make_plan(Request(method="tcd", prompt="<lora:TCD-SD15-LoRA:0.7>"), facts("sd15", TCD), TABLES)
    assert plan.changed["weight"] == 0.7 and infotext.entries(plan) == {"Accelerator": "tcd"}


def test_a_schedule_that_the_host_does_not_make_itself_is_named() -> None:
    plan = make_plan(Request(method="hyper-sd15-8"), facts("sd15", lora("x", "hyper-sd15-8")), TABLES)
    assert infotext.entries(plan).get("Schedule type", "Automatic") == plan.scheduler


def test_a_shift_by_size_is_written_and_read_again() -> None:
    there = ready_for(TABLES.profiles["hyper-flux-8"], "flux")
    for asked in (True, False):
        plan = make_plan(Request(method="hyper-flux-8", by_size=asked, width=512, height=512), there, TABLES)
        written = {key: str(value) for key, value in infotext.entries(plan).items()}
        found = infotext.read(written, TABLES, lambda: there.loras)
        assert found is not None and found["by_size"] is asked
        assert (written.get("Accelerator shift by size"), written.get("Schedule type")) == (("True", "Simple") if asked else (None, None))
        values = [found.get(name, name == "enabled") for name in ORDER]
        assert parse_args(values, TABLES, Request())[1].by_size is asked
