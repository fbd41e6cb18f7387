"""After something went wrong in the middle, the next generation is byte for byte the one before."""
from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from .client import PROMPT, SMALL, Result, WebUI
from .test_generation import EULER_METHOD, hires_fields, plot

Fields = dict[str, Any]
SLOW = 0.25


def trouble(**told: Any) -> Fields:
    """The extension in `trouble/` is told what to do."""
    return {"alwayson_scripts": {"Trouble": {"args": [json.dumps(told)]}}}


@pytest.fixture(autouse=True)
def all_is_as_before(webui: WebUI) -> Iterator[None]:
    """With a method, in two passes and without: what came before the test comes again after it, and no option has changed."""
    def make() -> list[Result]:
        return [webui.txt2img(steps=3), webui.txt2img({"method": "tcd"}), webui.txt2img({"method": "lcm"}, **hires_fields(webui))]

    before, options = make(), webui.options()
    yield
    for each, again in zip(before, make(), strict=True):
        assert again.files == each.files and again.infotext == each.infotext and again.loras == each.loras
    assert webui.options() == options


# -------------------------------------------------------------------------------------------------------------- exceptions


@pytest.mark.parametrize("hook", ["before_process", "process", "before_process_batch", "process_batch", "postprocess_batch", "postprocess"])
def test_another_extension_that_raises_in_a_hook_changes_nothing(webui: WebUI, hook: str) -> None:
    undisturbed = webui.txt2img({"method": "lcm"})
    disturbed = webui.txt2img({"method": "lcm"}, **trouble(raise_in=hook))
    assert disturbed.files == undisturbed.files and disturbed.timesteps() == undisturbed.timesteps()


def failing(webui: WebUI, tab: str, fields: Fields) -> int:
    """The status of a request that is to fail."""
    body = {"prompt": PROMPT, **SMALL, **fields}
    body["alwayson_scripts"] = {**body["alwayson_scripts"], "Accelerator": {"args": [{"method": "lcm"}]}}
    return webui.request("POST", f"/sdapi/v1/{tab}", json=body).status_code


@pytest.mark.parametrize("break_at", [1, 3, 6])
def test_memory_that_runs_out_in_either_pass(webui: WebUI, break_at: int) -> None:
    assert failing(webui, "txt2img", {**hires_fields(webui), **trouble(break_at=break_at)}) == 500
    assert sum(len(each["calls"]) for each in webui.get("/probe/last")["passes"]) in (break_at - 1, break_at)


@pytest.mark.parametrize("break_at", [1, 2])
def test_memory_that_runs_out_in_img2img(webui: WebUI, break_at: int) -> None:
    start = webui.txt2img(seed=3).files[0]
    assert failing(webui, "img2img", {"init_images": [start], "denoising_strength": 0.5, **trouble(break_at=break_at)}) == 500


@pytest.mark.parametrize("where", ["unet", "vae"])
def test_a_model_that_gives_no_numbers(webui: WebUI, where: str) -> None:
    """A1111 stops with an error; Forge and its kin make a picture of it."""
    assert failing(webui, "txt2img", trouble(nan_in=where)) in (200, 500)


# ------------------------------------------------------------------------------------------------------- interrupt and skip


@pytest.fixture
def aside() -> Iterator[Callable[..., Future[Any]]]:
    """Runs a function beside the test."""
    with ThreadPoolExecutor(8) as pool:
        yield pool.submit


def wait_for_evaluations(webui: WebUI, began: float, count: int) -> None:
    """Until the generation that began since then has made `count` evaluations."""
    patience = time.monotonic() + 120
    while time.monotonic() < patience:
        running = webui.generations(began)
        if running and running[-1]["unet_evaluations"] >= count:
            return
        time.sleep(0.05)
    raise AssertionError("the generation did not come so far")


def asked(generation: Fields) -> int:
    return sum(len(each["calls"]) for each in generation["passes"])


def test_an_interrupted_generation_gives_what_there_is(webui: WebUI, aside: Callable[..., Future[Any]]) -> None:
    began = time.time()
    running = aside(webui.txt2img, {"method": "tcd", "steps": 20}, **trouble(slow=SLOW))
    wait_for_evaluations(webui, began, 2)
    webui.request("POST", "/sdapi/v1/interrupt")
    assert len(running.result().files) == 1
    assert 2 <= asked(webui.generations(began)[-1]) < 15


def test_a_generation_interrupted_in_the_hires_pass(webui: WebUI, aside: Callable[..., Future[Any]]) -> None:
    began = time.time()
    running = aside(webui.txt2img, {"method": "lcm"}, hr_second_pass_steps=20, **hires_fields(webui), **trouble(slow=SLOW))
    wait_for_evaluations(webui, began, 6)
    webui.request("POST", "/sdapi/v1/interrupt")
    running.result()
    assert 6 <= asked(webui.generations(began)[-1]) < 20


def test_what_waits_in_the_queue_is_made_after_an_interrupt(webui: WebUI, aside: Callable[..., Future[Any]]) -> None:
    alone, began = webui.txt2img({"method": EULER_METHOD[webui.family]}), time.time()
    running = aside(webui.txt2img, {"method": "tcd", "steps": 20}, **trouble(slow=SLOW))
    wait_for_evaluations(webui, began, 1)
    waiting = aside(WebUI(webui.running, webui.family).txt2img, {"method": EULER_METHOD[webui.family]})
    wait_for_evaluations(webui, began, 3)
    webui.request("POST", "/sdapi/v1/interrupt")
    running.result()
    assert waiting.result().files == alone.files


def test_a_skipped_batch_is_followed_by_the_next(webui: WebUI, aside: Callable[..., Future[Any]]) -> None:
    alone, began = webui.txt2img({"method": "tcd", "steps": 10}, seed=SMALL["seed"] + 1), time.time()
    running = aside(webui.txt2img, {"method": "tcd", "steps": 10}, n_iter=2, **trouble(slow=SLOW))
    wait_for_evaluations(webui, began, 2)
    webui.request("POST", "/sdapi/v1/skip")
    result = running.result()
    passes = webui.generations(began)[-1]["passes"]
    assert len(passes) == 2 and len(passes[0]["calls"]) < 8
    assert [call["t"] for call in passes[1]["calls"]] == [call["t"] for call in alone.passes[0]["calls"]]
    assert passes[0]["loras"] == passes[1]["loras"] == alone.loras
    assert (result.images[-1] == alone.image).all()


def test_an_interrupted_plot_leaves_nothing_behind(webui: WebUI, aside: Callable[..., Future[Any]]) -> None:
    began = time.time()
    running = aside(plot, webui, {"[Accelerator] Method": "tcd, lcm", "[Accelerator] Steps": "6, 7, 8"}, **trouble(slow=SLOW))
    wait_for_evaluations(webui, began, 2)
    webui.request("POST", "/sdapi/v1/interrupt")
    running.exception()  # A1111 may fail at a plot of unfinished cells
    assert len(webui.generations(began)) < 6


# -------------------------------------------------------------------------------------------------------- several at once


def test_requests_at_once_are_each_as_if_made_alone(webui: WebUI, aside: Callable[..., Future[Any]]) -> None:
    wanted: list[Fields | None] = [{"method": "lcm"}, {"method": "tcd", "gamma": 0.7}, {"method": EULER_METHOD[webui.family]}, None]
    alone = [webui.txt2img(each).files for each in wanted]
    for _ in range(3):
        together = [aside(WebUI(webui.running, webui.family).txt2img, each) for each in wanted]
        assert [each.result().files for each in together] == alone


# --------------------------------------------------------------------------------------------------------- a LoRA that is gone


@pytest.mark.parametrize("refreshed", [True, False], ids=["refreshed", "not-refreshed"])
def test_a_lora_deleted_after_it_was_chosen_is_named_and_the_users_settings_run(webui: WebUI, refreshed: bool) -> None:
    own, name = webui.txt2img(), webui.plan(method="tcd")["lora"]
    file = next((webui.running.data / "models" / "Lora").rglob(f"{name}.safetensors"))
    target = file.readlink()
    file.unlink()
    try:
        if refreshed:
            webui.post("/sdapi/v1/refresh-loras")
        for accelerator, word in (({"method": "tcd", "lora": name}, name), ({"lora": name}, name), ({"method": "tcd"}, "TCD-")):
            made = webui.txt2img(accelerator)
            assert made.comments.startswith("Accelerator: ") and word in made.comments
            assert made.files == own.files and made.loras == []
        assert "Accelerator: lcm" in webui.txt2img({"method": "lcm"}).infotext
    finally:
        file.symlink_to(target)
        webui.post("/sdapi/v1/refresh-loras")
