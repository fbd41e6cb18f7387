"""Whole generations: what the network is asked, batch by batch and pass by pass, and what stands in the prompts and under the picture."""
from __future__ import annotations

from typing import Any

import pytest

from .generator import FIELDS, HIRES, HYPER, LCM, SIZE, STYLE, TCD, Generator

FOUR = [999, 759, 499, 259]
"""Four steps of LCM and TCD: diffusers' LCMScheduler and TCDScheduler."""
HALF = [499, 379, 259, 139]
"""The same at strength 0.5."""
EIGHT = [999, 874, 749, 624, 499, 374, 249, 124]
"""Eight evenly spaced ones: diffusers' "trailing"."""
TAG = f"<lora:{TCD}:1>"


def one_row(timesteps: list[int]) -> list[tuple[int, int]]:
    return [(timestep, 1) for timestep in timesteps]


def test_off_is_off(generator: Generator) -> None:
    made = generator.make(generator.txt2img())
    assert len(generator.asked) == FIELDS["steps"] and {rows for _, rows in generator.asked} == {2}
    assert "Sampler: Euler, Schedule type: Karras, CFG scale: 6.0" in made.infotexts[0] and "Accelerator" not in made.infotexts[0]
    assert generator.model.encoded == ["rain", "a cat"] and made.comments == ""


@pytest.mark.parametrize("settings, asked, said", [
    ({"method": "tcd"}, FOUR, "tcd"), ({"method": "lcm"}, FOUR, "lcm"), ({"lora": HYPER}, EIGHT, "hyper-sd15-8"),
    ({"method": "tcd", "steps": 2}, [999, 499], "tcd"),
], ids=str)  # fmt: skip
def test_the_network_is_asked_at_the_methods_timesteps(generator: Generator, settings: Any, asked: list[int], said: str) -> None:
    made = generator.make(generator.txt2img(), settings)
    assert generator.asked == one_row(asked) and f"Accelerator: {said}" in made.infotexts[0]


# -------------------------------------------------------------------------------------------------------------- prompts


def test_the_tag_stands_in_every_batch_and_wherever_others_look(generator: Generator) -> None:
    p = generator.txt2img(n_iter=2, batch_size=2, **HIRES)
    texts = generator.make(p, {"method": "tcd"}).infotexts
    assert len(texts) == 4 and all(text.startswith(f"a cat {TAG}\n") for text in texts)
    assert p.all_prompts == p.all_hr_prompts == [f"a cat {TAG}"] * 4 and p.main_prompt == f"a cat {TAG}"
    assert p.all_negative_prompts == ["rain"] * 4


def test_a_tag_that_stands_there_is_not_added_again(generator: Generator) -> None:
    p = generator.txt2img(prompt=f"a cat <lora:{TCD}:0.7>")
    text = generator.make(p, {}).infotexts[0]
    assert p.all_prompts == [f"a cat <lora:{TCD}:0.7>"] and "Accelerator: tcd" in text
    assert "Accelerator LoRA" not in text and "Accelerator weight" not in text


def test_each_batch_has_the_plan_of_its_own_prompt(generator: Generator) -> None:
    prompts = [f"a <lora:{LCM}:1> <lora:{TCD}:1>", f"b <lora:{LCM}:0.9>", f"c <lora:{TCD}:1>", "d"]
    for job in (generator.txt2img, generator.img2img):
        p = job(prompt=prompts, negative_prompt=["rain"] * 4, n_iter=4)
        made = generator.make(p, {"steps": 4})
        methods = [text.partition("Accelerator: ")[2].partition(",")[0] for text in made.infotexts]
        samplers = [text.partition("Sampler: ")[2].partition(",")[0] for text in made.infotexts]
        assert methods == ["", "lcm", "tcd", "hyper-sd15-8"]
        assert samplers == ["Euler", "LCM Few-Step", "TCD Few-Step", "Euler"]
        assert "2 accelerator LoRAs" in made.comments
        schedules = [text.partition("Schedule type: ")[2].partition(",")[0] for text in made.infotexts]
        assert schedules == ["Karras", "Automatic", "Automatic", "Simple"]
    own = len(generator.timesteps(generator.img2img()))
    assert generator.timesteps(p, {"steps": 4})[own : own + 8] == HALF * 2 and len(generator.asked) == own + 12


def test_at_cfg_1_the_negative_prompt_is_not_read(generator: Generator) -> None:
    p = generator.txt2img(**HIRES)
    text = generator.make(p, {"method": "lcm", "nag": 0}).infotexts[0]
    assert "rain" not in generator.model.encoded and "Negative prompt: rain" in text
    assert p.negative_prompts == ["rain"], "the host takes it from there again for the text"


@pytest.mark.parametrize("settings, fields", [
    ({"cfg": 1.5}, {}), ({"nag": 2}, {}), ({}, {"prompt": "a cat AND a dog"}), ({}, {"prompt": "a cat :0.5"}), ({"option": False}, {}),
], ids=str)  # fmt: skip
def test_where_it_has_an_effect_it_is_read(generator: Generator, settings: dict[str, Any], fields: dict[str, Any]) -> None:
    generator.host.shared.opts.data["fewstep_leave_out_negative"] = settings.pop("option", True)
    generator.make(generator.txt2img(**fields), {"method": "lcm", "nag": 0, **settings})
    assert "rain" in generator.model.encoded


def test_of_two_passes_each_has_the_negative_prompt_that_its_own_prompt_needs(generator: Generator) -> None:
    generator.make(generator.txt2img(**HIRES, hr_prompt="a cat AND a dog", hr_negative_prompt="snow"), {"method": "lcm", "nag": 0})
    assert "rain" not in generator.model.encoded and "snow" in generator.model.encoded


# ------------------------------------------------------------------------------------------------------- CFG, then without


@pytest.mark.parametrize("cfg_steps, rows", [(1, [2, 1, 1, 1]), (2, [2, 2, 1, 1]), (3, [2, 2, 2, 1]), (0, [2, 2, 2, 2])])
def test_cfg_is_for_the_first_steps_of_every_batch(generator: Generator, cfg_steps: int, rows: list[int]) -> None:
    generator.make(generator.txt2img(n_iter=2), {"method": "lcm", "cfg": 2, "cfg_steps": cfg_steps})
    assert [rows for _, rows in generator.asked] == rows * 2


def test_cfg_is_for_the_first_steps_of_both_passes(generator: Generator) -> None:
    generator.make(generator.txt2img(**HIRES), {"method": "lcm", "cfg": 2, "cfg_steps": 1})
    assert [rows for _, rows in generator.asked] == [2, 1, 1, 1] * 2


# ---------------------------------------------------------------------------------------------------- below full noise


@pytest.mark.parametrize("settings, hires", [
    ({"method": "tcd"}, HALF), ({"lora": HYPER}, [499, 437, 374, 311, 249, 187, 124, 61]),
    ({"method": "tcd", "hires_steps": 2}, [499, 259]),
], ids=str)  # fmt: skip
def test_the_hires_pass_has_its_own_timesteps(generator: Generator, settings: dict[str, Any], hires: list[int]) -> None:
    first = generator.timesteps(generator.txt2img(), settings)
    assert generator.timesteps(generator.txt2img(**HIRES), settings) == first + hires
    again = generator.txt2img(**HIRES, n_iter=2)
    assert generator.timesteps(again, settings) == (first + hires) * 2


def test_with_the_option_off_the_passes_are_the_hosts_share(generator: Generator) -> None:
    """The WebUIs' formulas: img2img makes the last `int(strength * steps) + 1` of its steps, the hires pass the last `steps` of
    `int(steps / strength)`."""
    generator.host.shared.opts.data["fewstep_all_steps"] = False
    assert generator.timesteps(generator.img2img(), {"lora": HYPER}) == [624, 499, 374, 249, 124]
    asked = generator.timesteps(generator.txt2img(**HIRES), {"lora": HYPER, "steps": 4})
    assert asked == [999, 749, 499, 249, 499, 374, 249, 124]


@pytest.mark.parametrize("strength, asked", [(0.5, HALF), (1.0, FOUR), (0.05, [39, 19]), (0, [])])
def test_img2img_makes_all_steps_within_what_is_left(generator: Generator, strength: float, asked: list[int]) -> None:
    assert generator.timesteps(generator.img2img(denoising_strength=strength), {"method": "lcm"}) == asked


def test_img2img_after_a_refused_batch_is_the_hosts_again(generator: Generator) -> None:
    p = generator.img2img(prompt=[f"a <lora:{TCD}:1>", f"b <lora:{TCD}:1> <lora:{LCM}:1>"], negative_prompt=["", ""], n_iter=2)
    own = generator.timesteps(generator.img2img())
    assert generator.timesteps(p, {}) == HALF + own


@pytest.mark.parametrize("sampler, option", [(None, True), ("DPM++ 3M SDE", False), ("DPM++ 3M SDE", True)])
def test_a_penultimate_level_that_the_host_drops_is_none_of_the_methods(generator: Generator, sampler: str | None, option: bool) -> None:
    """A user's option, and the nature of some samplers: the host asks for one level more, and drops the last but one."""
    generator.host.shared.opts.data["always_discard_next_to_last_sigma"] = option
    settings = {"method": "lcm"} | ({"sampler": sampler} if sampler else {})
    for p, asked in ((generator.txt2img(), FOUR), (generator.img2img(), HALF), (generator.txt2img(**HIRES), FOUR + HALF)):
        assert generator.timesteps(p, settings) == asked


# ------------------------------------------------------------------------------------------------------------------- cost


def test_a_plots_label_says_what_a_method_would_cost(generator: Generator) -> None:
    cost, facts = generator.host.our("generation").cost, generator.facts
    assert cost(generator.txt2img(), "tcd", facts) == "TCD-LoRA, 4 evaluations"
    assert cost(generator.txt2img(prompt=["a", "b"], **HIRES), "tcd", facts) == "TCD-LoRA, 8 evaluations"
    assert cost(generator.txt2img(), "lightning-4", facts) == "lightning-4: not possible"


def test_a_style_beside_it_stays(generator: Generator) -> None:
    p = generator.txt2img(prompt=f"a cat <lora:{STYLE}:0.6>", width=SIZE)
    assert generator.make(p, {"method": "tcd"}).infotexts[0].startswith(f"a cat <lora:{STYLE}:0.6> {TAG}\n")
