"""The negative prompt at CFG 1 beside what others do in the network: both act, and afterwards all is as it was before.

ControlNet and ADetailer run where the host's description names them (see others.py), the hosts' own features everywhere.
"""
from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .client import PROMPT, SMALL, Result, WebUI
from .test_generation import same
from .test_nag import GREEN, accelerator, calls
from .test_recovery import aside, wait_for_evaluations  # noqa: F401  # a fixture

Fields = dict[str, Any]
LARGE = {"width": 256, "height": 256}
"""What is shared out or merged needs a picture large enough."""


def controlnet(webui: WebUI) -> Fields:
    return _unit(webui, module="none", model="tiny-controlnet")


def reference(webui: WebUI) -> Fields:
    """Without a model of its own: it reads another picture in the UNet's self-attention."""
    return _unit(webui, module="reference_only", model="None")


def _unit(webui: WebUI, **unit: Any) -> Fields:
    if not webui.has_script("controlnet"):
        pytest.skip("sd-webui-controlnet is not among this host's extensions")
    known = ["None", *webui.get("/controlnet/model_list")["model_list"]]
    unit["model"] = next((name for name in known if name.startswith(unit["model"])), None)
    if unit["model"] is None:
        pytest.skip("Forge and its kin build a ControlNet in its real size alone")
    picture = webui.txt2img(seed=9, prompt="blue square").files[0]
    return {"alwayson_scripts": {"ControlNet": {"args": [{"enabled": True, "image": picture, "weight": 1.0, **unit}]}}}


def adetailer(webui: WebUI) -> Fields:
    if not webui.has_script("adetailer"):
        pytest.skip("ADetailer is not among this host's extensions")
    detail = {"ad_model": "tiny-detector.pt", "ad_prompt": "blue square", "ad_mask_k": 1, "ad_denoising_strength": 0.7}
    return {"alwayson_scripts": {"ADetailer": {"args": [True, False, detail]}}}


def hypertile(webui: WebUI) -> Fields:
    wanted = {"hypertile_enable_unet": True, "hypertile_max_tile_unet": 128, "hypertile_max_depth_unet": 3, "hypertile_swap_size_unet": 1}
    return _options(webui, wanted)


def token_merging(webui: WebUI) -> Fields:
    return _options(webui, {"token_merging_ratio": 0.5})


def _options(webui: WebUI, wanted: Fields) -> Fields:
    if not wanted.keys() <= webui.get("/probe/defaults").keys():
        pytest.skip("this host has no such option")
    return {**LARGE, "override_settings": wanted}


BESIDE = (controlnet, reference, adetailer, hypertile, token_merging)


def trouble(fields: Fields, **told: Any) -> Fields:
    """The same with the extension in `trouble/`, which is told what to do."""
    return {**fields, "alwayson_scripts": {**fields.get("alwayson_scripts", {}), "Trouble": {"args": [json.dumps(told)]}}}


@pytest.fixture(params=BESIDE, ids=lambda each: each.__name__)
def beside(webui: WebUI, request: pytest.FixtureRequest) -> Fields:
    """The fields of a request in which another one is at work."""
    return request.param(webui)


@pytest.fixture(autouse=True)
def all_is_as_before(webui: WebUI, beside: Fields) -> Iterator[None]:
    """No error is told, a plain picture is the one before, and in the network stands what the other one leaves there without us."""
    webui.txt2img(accelerator(webui, nag=0), **GREEN, **beside)
    plain, standing = webui.txt2img(steps=2), webui.get("/probe/network")
    told = len(webui.running.log.read_text(encoding="utf-8", errors="replace"))
    yield
    assert webui.txt2img(steps=2).files == plain.files
    assert webui.get("/probe/network") == standing
    assert "*** Error" not in webui.running.log.read_text(encoding="utf-8", errors="replace")[told:]


def test_both_act(webui: WebUI, beside: Fields) -> None:
    size = {key: beside[key] for key in LARGE if key in beside}
    alone = webui.txt2img(accelerator(webui), **GREEN, **size)
    off, on = (webui.txt2img(accelerator(webui, nag=nag), **GREEN, **beside) for nag in (0, 2))
    assert not same(on.image, off.image) and calls(on) == calls(off)
    assert (on.image != alone.image).any(), "the other one is at work"
    assert webui.txt2img(accelerator(webui), **GREEN, **beside).files == on.files


def test_without_a_negative_prompt_it_is_as_without_us(webui: WebUI, beside: Fields) -> None:
    off, on = (webui.txt2img(accelerator(webui, nag=nag), **beside) for nag in (0, 2))
    assert on.files == off.files


def test_memory_that_runs_out_in_the_middle(webui: WebUI, beside: Fields) -> None:
    whole = webui.txt2img(accelerator(webui), **GREEN, **beside)
    body = {"prompt": PROMPT, **SMALL, **GREEN, **trouble(beside, break_at=2)}
    body["alwayson_scripts"] = {**body["alwayson_scripts"], "Accelerator": {"args": [accelerator(webui)]}}
    assert webui.request("POST", "/sdapi/v1/txt2img", json=body).status_code == 500
    assert webui.txt2img(accelerator(webui), **GREEN, **beside).files == whole.files


def test_an_interrupt(webui: WebUI, beside: Fields, aside: Callable[..., Any]) -> None:  # noqa: F811
    whole: Result = webui.txt2img(accelerator(webui), **GREEN, **beside)
    began = time.time()
    running = aside(webui.txt2img, accelerator(webui, steps=8), **GREEN, **trouble(beside, slow=0.25))
    wait_for_evaluations(webui, began, 2)
    webui.request("POST", "/sdapi/v1/interrupt")
    running.result()
    assert webui.txt2img(accelerator(webui), **GREEN, **beside).files == whole.files
