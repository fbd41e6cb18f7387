"""What is set once: settings saved for a checkpoint, the options of the Settings page, and CFG in the first steps of every pass."""
from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .client import Result, WebUI
from .test_generation import EULER_METHOD, assert_no_option_changed, best_method, differ, hires_fields, same

NEGATIVE = {"negative_prompt": "blue square"}

# ----------------------------------------------------------------------------------------------- saved for the checkpoint

Save = Callable[[Any], None]


@pytest.fixture
def save(webui: WebUI) -> Iterator[Save]:
    """Writes the file of saved settings: text as it is, or settings for the chosen checkpoint. It is gone afterwards."""
    path = webui.running.data / "fewstep-checkpoints.json"

    def write(content: Any) -> None:
        text = content if isinstance(content, str) else json.dumps({webui.running.host.checkpoint(webui.family).name: content})
        path.write_text(text, encoding="utf-8")

    yield write
    path.unlink(missing_ok=True)


def test_what_is_saved_for_the_checkpoint_is_what_auto_means(webui: WebUI, save: Save) -> None:
    saved = {"method": "tcd", "gamma": 0.6, "steps": 5}
    asked, usual = webui.txt2img(saved), webui.txt2img({})
    save(saved)
    for arguments in ({}, {"method": "auto", "lora": "auto"}, [True]):
        result = webui.txt2img(arguments)
        assert result.infotext == asked.infotext and result.files == asked.files and result.comments == asked.comments
    assert "Accelerator gamma: 0.6" in asked.infotext and webui.plan()["changed"] == {"gamma": 0.6, "steps": 5}
    assert asked.infotext != usual.infotext


def test_what_is_asked_for_wins_over_what_is_saved(webui: WebUI, save: Save) -> None:
    save({"method": "tcd", "gamma": 0.6, "steps": 5})
    result = webui.txt2img({"gamma": 0.2, "weight": 0.9})
    assert "Steps: 5, Sampler: TCD Few-Step" in result.infotext
    assert "Accelerator weight: 0.9, Accelerator gamma: 0.2" in result.infotext
    other = webui.txt2img({"method": "lcm"})
    assert "Accelerator: lcm" in other.infotext and "Steps: 4" in other.infotext, "of another method nothing is saved"
    tag = f"<lora:{webui.plan(method='lcm')['lora']}:1>"
    tagged = webui.txt2img({}, prompt=f"red circle {tag}")
    assert "Accelerator: lcm" in tagged.infotext and "Steps: 4" in tagged.infotext


def test_what_is_saved_for_another_checkpoint_is_not_used(webui: WebUI, save: Save) -> None:
    save(json.dumps({"another.safetensors": {"method": "tcd", "gamma": 0.6}}))
    assert f"Accelerator: {best_method(webui)}," in webui.txt2img({}).infotext


def test_a_saved_method_that_cannot_run_says_where_it_comes_from(webui: WebUI, save: Save) -> None:
    save({"method": {"sd15": "lightning-4", "sdxl": "hyper-sd15-4"}[webui.family]})
    result = webui.txt2img({})
    assert "is made for" in result.comments and "This method is saved for the loaded checkpoint" in result.comments
    assert result.files == webui.txt2img().files


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", '{"\ud7ff": 1}', '"text"', "null", "\x00\x01"])
def test_a_damaged_file_leaves_what_is_recommended(webui: WebUI, save: Save, content: str) -> None:
    save(content)
    assert f"Accelerator: {best_method(webui)}," in webui.txt2img({}).infotext


@pytest.mark.parametrize("settings", [[1], "lcm", 5, {"steps": "many"}, {"method": 7}, {"nonsense": {}}])
def test_a_damaged_entry_breaks_nothing(webui: WebUI, save: Save, settings: Any) -> None:
    save({} if isinstance(settings, str) else settings)
    result = webui.txt2img({})
    assert f"Accelerator: {best_method(webui)}," in result.infotext and "An error kept it" not in result.comments


# -------------------------------------------------------------------------------------------------- options on the page


def test_the_order_of_auto_is_an_option(webui: WebUI) -> None:
    for order, method in (("tcd, lcm", "tcd"), ("no-such-method lcm", "lcm"), ("", best_method(webui))):
        before, result = webui.options(), webui.txt2img({}, override_settings={"fewstep_auto_order": order})
        assert f"Accelerator: {method}," in result.infotext, order
        assert webui.options() == {"fewstep_auto_order": "", **before}


def test_notes_may_be_switched_off_but_not_refusals(webui: WebUI) -> None:
    quiet = {"override_settings": {"fewstep_notes": False}}
    assert "Negative prompt on" in webui.txt2img({"method": "lcm"}, **NEGATIVE).comments
    assert webui.txt2img({"method": "lcm", "steps": 3, "weight": 0.2}, **NEGATIVE, **quiet).comments == ""
    assert "'no-such-lora' is not installed" in webui.txt2img({"lora": "no-such-lora"}, **quiet).comments


# ------------------------------------------------------------------------------------------------- CFG in the first steps


def rows(made: dict[str, Any]) -> list[int]:
    """How many rows each step of a pass had evaluated: one a picture, or two where the negative prompt is."""
    found: list[tuple[float, int]] = []
    for call in made["calls"]:
        if found and found[-1][0] == call["t"][0]:
            found.append((call["t"][0], found.pop()[1] + call["batch"]))
        else:
            found.append((call["t"][0], call["batch"]))
    return [number for _, number in found]


def two_stages(webui: WebUI, cfg_steps: int, **fields: Any) -> Result:
    settings = {"method": EULER_METHOD[webui.family], "cfg": 2, "cfg_steps": cfg_steps}
    before, result = webui.options(), webui.txt2img(settings, **{**NEGATIVE, **fields})
    assert_no_option_changed(webui, before, result)
    return result


@pytest.mark.parametrize(("cfg_steps", "expected"), [(1, [2, 1, 1, 1]), (2, [2, 2, 1, 1]), (4, [2] * 4), (9, [2] * 4), (0, [2] * 4)])
def test_cfg_in_the_first_steps_of_every_pass(webui: WebUI, cfg_steps: int, expected: list[int]) -> None:
    plain = webui.txt2img()
    alone, pair = two_stages(webui, cfg_steps), two_stages(webui, cfg_steps, batch_size=2)
    in_turn = two_stages(webui, cfg_steps, n_iter=2)
    twice = two_stages(webui, cfg_steps, **{**hires_fields(webui), "denoising_strength": 0.5})
    doubled = [2 * number for number in expected]
    assert [rows(each) for each in alone.passes] == [expected] and [rows(each) for each in pair.passes] == [doubled]
    assert [rows(each) for each in twice.passes] == [rows(each) for each in in_turn.passes] == [expected, expected]
    assert same(pair.images[-2], alone.image) and same(in_turn.images[-2], alone.image)
    shown = f"Accelerator CFG steps: {cfg_steps}" in alone.infotext
    assert shown == (expected[-1] == 1)
    after = webui.txt2img()
    assert after.files == plain.files and after.evaluations == plain.evaluations


def test_cfg_in_the_first_step_comes_back_from_the_picture(webui: WebUI) -> None:
    made = two_stages(webui, 1)
    read = webui.restored(made.files[0])
    again = webui.txt2img({
        "method": read["Accelerator"], "lora": read["Accelerator LoRA"], "steps": read["Steps"], "cfg": read["CFG scale"],
        "cfg_steps": read["Accelerator CFG steps"],
    }, **NEGATIVE)
    assert again.infotext == made.infotext and again.files == made.files
    assert not same(made.image, two_stages(webui, 1, negative_prompt="").image), "the negative prompt does nothing in its step"
    for stages in (0, 2):
        assert differ(webui, made.image, two_stages(webui, stages).image), stages


def test_a_sampler_that_asks_twice_a_step_has_cfg_in_both(webui: WebUI) -> None:
    settings = {"method": EULER_METHOD[webui.family], "cfg": 2, "cfg_steps": 1, "sampler": "DPM++ SDE", "steps": 3}
    result = webui.txt2img(settings, **NEGATIVE)
    assert rows(result.passes[0]) == [2, 2, 1, 1, 1]
    assert result.evaluations == webui.plan(**settings)["evaluations"] == 7


def test_img2img_has_cfg_in_its_own_first_steps(webui: WebUI) -> None:
    settings = {"method": EULER_METHOD[webui.family], "cfg": 2, "cfg_steps": 2}
    result = webui.img2img(webui.txt2img(seed=3).files[0], settings, denoising_strength=0.5, **NEGATIVE)
    assert rows(result.passes[0]) == [2, 2, 1, 1]
