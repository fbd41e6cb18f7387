"""The negative prompt at CFG 1: it changes the picture, costs no evaluation, and where it is off or empty nothing is as without it."""
from __future__ import annotations

import json
from typing import Any

import pytest

from .client import PROMPT, Result, WebUI
from .hosts import EMBEDDED
from .latents import last_steps
from .test_generation import EULER_METHOD, difference, hires_fields, same

GREEN = {"negative_prompt": "a green background"}
LONG = "red circle, " * 60
KEYS = ("lcm", "tcd", "euler")


def accelerator(webui: WebUI, key: str = "lcm", **settings: Any) -> dict[str, Any]:
    return {"method": EULER_METHOD[webui.family] if key == "euler" else key, "nag": 2, **settings}


def calls(result: Result) -> list[list[tuple[list[float], int]]]:
    """Timesteps and rows of every call of the UNet, by pass."""
    return [[(call["t"], call["batch"]) for call in each["calls"]] for each in result.passes]


def encoded(result: Result) -> list[str]:
    return [text for each in result.probe["encoded"] for text in each["texts"]]


@pytest.mark.parametrize("key", KEYS)
def test_it_changes_the_picture_with_the_same_evaluations(webui: WebUI, key: str) -> None:
    before, off = webui.options(), webui.txt2img(accelerator(webui, key, nag=0), **GREEN)
    on = webui.txt2img(accelerator(webui, key), **GREEN)
    assert not same(on.image, off.image) and calls(on) == calls(off)
    assert on.evaluations == 4 and {batch for _, batch in calls(on)[0]} == {1}
    other = webui.txt2img(accelerator(webui, key), negative_prompt="a red circle")
    assert not same(on.image, other.image), "whatever the negative prompt says"
    assert "Accelerator NAG: 2" in on.infotext and "NAG" not in off.infotext and webui.options() == before
    assert "Negative prompt on (about +12 % time)" in on.comments


@pytest.mark.parametrize("key", KEYS)
def test_off_and_without_a_negative_prompt_it_is_as_before_to_the_last_bit(webui: WebUI, key: str) -> None:
    bare = webui.txt2img(accelerator(webui, key, nag=0))
    empty, off = webui.txt2img(accelerator(webui, key, nag=5)), webui.txt2img(accelerator(webui, key, nag=0), **GREEN)
    assert (empty.image == bare.image).all() and (off.image == bare.image).all()
    assert empty.infotext == bare.infotext and empty.files == bare.files
    webui.txt2img(accelerator(webui, key), **GREEN)
    assert webui.txt2img(accelerator(webui, key, nag=0)).files == bare.files, "nothing of it stays"


def test_it_is_on_by_default_where_the_row_has_numbers(webui: WebUI) -> None:
    default = webui.txt2img({"method": "lcm"}, **GREEN)
    assert default.files == webui.txt2img(accelerator(webui), **GREEN).files


def test_it_acts_in_the_first_half_of_four_steps_alone(webui: WebUI) -> None:
    """Below its end the UNet answers as it does without: given what it was given then, it would answer the same."""
    webui.txt2img(accelerator(webui, "euler", nag=0), **GREEN)
    plain = last_steps(webui)
    webui.txt2img(accelerator(webui, "euler"), **GREEN)
    assert (last_steps(webui)[0].given == plain[0].given).all() and (last_steps(webui)[0].answered != plain[0].answered).any()
    webui.txt2img(accelerator(webui, "euler", nag_until=1000), **GREEN)  # above any noise level, so in the first half of the pass
    ends_early = last_steps(webui)
    webui.txt2img(accelerator(webui, "euler"), **GREEN)
    assert all((one.answered == other.answered).all() for one, other in zip(ends_early, last_steps(webui), strict=True))


def test_the_negative_prompt_is_read_once(webui: WebUI) -> None:
    text = {"negative_prompt": "a text of its own"}
    first = webui.txt2img(accelerator(webui), **text)
    second = webui.txt2img(accelerator(webui), **text)
    assert encoded(first).count("a text of its own") == 1
    assert webui.kind == EMBEDDED or "a text of its own" not in encoded(second), "hosts keep it from picture to picture"
    assert first.files == second.files


def test_it_comes_back_from_the_picture_and_older_pictures_come_out_as_they_were(webui: WebUI) -> None:
    for settings in ({"nag": 3}, {"nag": 0}):
        made = webui.txt2img(accelerator(webui, "lcm", **settings), **GREEN)
        read = webui.restored(made.files[0])
        asked = {"method": read["Accelerator"], "lora": read["Accelerator LoRA"], "nag": read.get("Accelerator NAG", 0)}
        again = webui.txt2img(asked, **GREEN)
        assert again.files == made.files


# ----------------------------------------------------------------------------------------------------------------- passes


def test_hires_has_its_own_negative_prompt(webui: WebUI) -> None:
    fields = {**hires_fields(webui), **GREEN}
    off, on = (webui.txt2img(accelerator(webui, nag=nag), **fields) for nag in (0, 2))
    other = webui.txt2img(accelerator(webui), **fields, hr_negative_prompt="a blue square")
    assert calls(on) == calls(off) == calls(other) and [each["hires"] for each in on.passes] == [False, True]
    assert not same(on.image, off.image) and not same(on.image, other.image)
    alone = webui.txt2img(accelerator(webui), **hires_fields(webui), hr_negative_prompt="a blue square")
    assert not same(alone.image, webui.txt2img(accelerator(webui, nag=0), **hires_fields(webui)).image), "in the hires pass alone"


@pytest.mark.parametrize("denoise", [0.75, 0.4])
def test_img2img(webui: WebUI, denoise: float) -> None:
    """At 0.4 the pass begins below sigma 4."""
    source = webui.txt2img().files[0]
    off, on = (webui.img2img_again(source, accelerator(webui, nag=nag), denoising_strength=denoise, **GREEN) for nag in (0, 2))
    assert calls(on) == calls(off) and not same(on.image, off.image)
    bare = webui.img2img_again(source, accelerator(webui), denoising_strength=denoise)
    assert (bare.image == off.image).all()


# ---------------------------------------------------------------------------------------------------------------- prompts


@pytest.mark.parametrize("prompt, negative", [(LONG, "green"), (PROMPT, "green, " * 60), (LONG, "green, " * 30), ("", "green")])
def test_prompts_of_any_length_on_either_side(webui: WebUI, prompt: str, negative: str) -> None:
    off, on = (webui.txt2img(accelerator(webui, nag=nag), prompt=prompt, negative_prompt=negative) for nag in (0, 2))
    assert not same(on.image, off.image) and calls(on) == calls(off)


def test_parts_joined_with_and(webui: WebUI) -> None:
    if webui.kind == EMBEDDED:
        pytest.skip("the embedded host has no AND")
    off, on = (webui.txt2img(accelerator(webui, nag=nag), prompt="red circle AND blue square", **GREEN) for nag in (0, 2))
    assert not same(on.image, off.image) and on.evaluations == off.evaluations


@pytest.mark.parametrize("negative", ["[green:blue:0.25]", "[green|blue]", "(green:1.4), [blue]", "green BREAK blue"])
def test_prompt_syntax_in_the_negative_prompt(webui: WebUI, negative: str) -> None:
    if webui.kind == EMBEDDED:
        pytest.skip("the embedded host knows no prompt syntax")
    everywhere = accelerator(webui, nag_until=0)  # the hosts change over after the second of four steps at the earliest
    plain, edited = (webui.txt2img(everywhere, negative_prompt=text) for text in ("green", negative))
    assert (edited.image != plain.image).any() and calls(edited) == calls(plain)


def strength(webui: WebUI) -> float:
    """For pictures of a batch and alone: SDXL's random weights make much of the rounding that differs, and guidance multiplies it."""
    return 0.1 if webui.family == "sdxl" else 2


@pytest.mark.parametrize("negatives", [["green", "blue"], ["green", ""], ["", "green"]])
def test_every_picture_of_a_batch_has_its_own_negative_prompt(webui: WebUI, negatives: list[str]) -> None:
    """As extensions for wildcards make them: each picture comes out as it does alone."""
    gentle = accelerator(webui, nag=strength(webui))
    told = {"alwayson_scripts": {"Trouble": {"args": [json.dumps({"negatives": negatives})]}}}
    pair = webui.txt2img(gentle, batch_size=2, **told)
    seeds = (12345, 12346)
    texts = list(zip(seeds, negatives, negatives[::-1], strict=True))
    alone = [webui.txt2img(gentle, seed=seed, negative_prompt=text) for seed, text, _ in texts]
    swapped = [webui.txt2img(gentle, seed=seed, negative_prompt=text) for seed, _, text in texts]
    assert [same(made.image, each) for made, each in zip(alone, pair.images[-2:], strict=True)] == [True, True]
    each = zip(alone, swapped, pair.images[-2:], strict=True)
    nearer = [difference(own.image, made) < difference(other.image, made) for own, other, made in each]
    assert nearer == [True, True]
    assert {batch for _, batch in calls(pair)[0]} == {2} and pair.evaluations == 8


# ------------------------------------------------------------------------------------------------------------------- CFG


def test_after_cfg_in_the_first_step(webui: WebUI) -> None:
    two_stages = {"cfg": 2, "cfg_steps": 1}
    off, on = (webui.txt2img(accelerator(webui, "lcm", nag=nag, **two_stages), **GREEN) for nag in (0, 2))
    assert calls(on) == calls(off) and not same(on.image, off.image)


def test_above_cfg_1_it_is_not_needed(webui: WebUI) -> None:
    off, on = (webui.txt2img(accelerator(webui, nag=nag, cfg=2), **GREEN) for nag in (0, 2))
    assert on.files == off.files or (on.image == off.image).all()
