"""Variety: pictures of different seeds differ more, each comes back from its seed alone, and at 0 nothing is otherwise."""
from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from .client import WebUI
from .latents import last_result, last_steps
from .test_generation import EULER_METHOD, differ, difference, hires_fields, same

KEYS = ("lcm", "tcd", "euler")


def accelerator(webui: WebUI, key: str = "lcm", **settings: Any) -> dict[str, Any]:
    return {"method": EULER_METHOD[webui.family] if key == "euler" else key, "variety": 1, **settings}


@pytest.mark.parametrize("key", KEYS)
def test_it_changes_the_picture_and_at_0_it_is_as_before_to_the_last_bit(webui: WebUI, key: str) -> None:
    before, plain = webui.options(), webui.txt2img({"method": accelerator(webui, key)["method"]})
    varied, again = webui.txt2img(accelerator(webui, key)), webui.txt2img(accelerator(webui, key))
    off = webui.txt2img(accelerator(webui, key, variety=0))
    assert off.files == plain.files and off.infotext == plain.infotext and "variety" not in plain.infotext
    assert varied.files == again.files and not same(varied.image, plain.image)
    assert varied.evaluations == plain.evaluations and webui.options() == before
    assert "Accelerator variety: 1" in varied.infotext and "Variety 1" in varied.comments


def test_only_the_first_of_four_steps_is_asked_otherwise(webui: WebUI) -> None:
    webui.txt2img(accelerator(webui, "euler", variety=0))
    plain = last_steps(webui)
    webui.txt2img(accelerator(webui, "euler"))
    varied = last_steps(webui)
    assert (varied[0].given == plain[0].given).all() and (varied[0].answered != plain[0].answered).any()


def test_the_pictures_of_a_batch_are_what_they_are_alone(webui: WebUI) -> None:
    pair = webui.txt2img(accelerator(webui), batch_size=2)
    alone = [webui.txt2img(accelerator(webui), seed=12345 + i) for i in range(2)]
    plain = webui.txt2img(accelerator(webui, variety=0), seed=12346)
    assert [same(made.image, each) for made, each in zip(alone, pair.images[-2:], strict=True)] == [True, True]
    assert difference(alone[1].image, pair.images[-1]) < difference(plain.image, pair.images[-1])


def test_a_picture_restores_its_own_making(webui: WebUI) -> None:
    made = webui.txt2img(accelerator(webui, variety=0.5))
    read = webui.restored(made.files[0])
    asked = {"method": read["Accelerator"], "lora": read["Accelerator LoRA"], "variety": read["Accelerator variety"]}
    again = webui.txt2img(asked, prompt=read["Prompt"], seed=int(read["Seed"]))
    assert again.files == made.files and again.infotext == made.infotext


def test_img2img(webui: WebUI) -> None:
    source = webui.txt2img().files[0]
    off, on = (webui.img2img_again(source, accelerator(webui, variety=variety)) for variety in (0, 1))
    assert not same(on.image, off.image) and on.evaluations == off.evaluations


def test_the_hires_pass_is_asked_as_without(webui: WebUI) -> None:
    plain, varied = (webui.txt2img(accelerator(webui, variety=variety), **hires_fields(webui)) for variety in (0, 1))
    assert differ(webui, varied.image, plain.image) and [each["hires"] for each in varied.passes] == [False, True]
    assert varied.evaluations == plain.evaluations


def test_every_picture_of_a_batch_is_varied(webui: WebUI) -> None:
    made = []
    for variety in (0, 1):
        webui.txt2img(accelerator(webui, variety=variety), batch_size=8)
        made.append(last_result(webui))
    changes = [float(np.linalg.norm(varied - plain)) for plain, varied in zip(*made, strict=True)]
    assert len(changes) == 8 and min(changes) > 0.01


def test_different_seeds_differ_more(webui: WebUI) -> None:
    """By the latents of eight seeds: the mean distance between two of them."""
    if webui.running.host.heeds_text_little(webui.family):
        pytest.skip("the random checkpoint of this WebUI makes little of the text")
    spread = []
    for variety in (0, 1):
        webui.txt2img(accelerator(webui, variety=variety), batch_size=8)
        latents = last_result(webui)
        spread.append(float(np.mean([np.linalg.norm(one - other) for one, other in combinations(latents, 2)])))
    assert spread[1] > 1.02 * spread[0]
