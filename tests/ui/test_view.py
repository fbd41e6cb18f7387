"""What the accordion shows, without gradio: choices, filled values, and a plan line that says what will run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lib_fewstep.core.controls import ORDER, Controls, filled, initial, method_text, parse_args
from lib_fewstep.core.decide import make_plan
from lib_fewstep.core.facts import Facts
from lib_fewstep.core.plan import Plan
from lib_fewstep.core.request import AUTO, Request
from lib_fewstep.ui.view import View, lora_choices, make_view, method_choices, plan_html
from tests.core.situations import BROKEN, HYPER_8, LCM, LIGHTNING, STYLE, TABLES, TCD, facts

pytest.importorskip("hypothesis")
from hypothesis import given
from hypothesis import strategies as st

BASE = Request(prompt="a cat")
LCM_ROW, TCD_ROW, HYPER_ROW = TABLES.profiles["lcm"], TABLES.profiles["tcd"], TABLES.profiles["hyper-sd15-8"]


def view(controls: Controls, there: Facts, base: Request = BASE, **options: bool) -> View:
    return make_view(controls, base, there, TABLES, **options)


def what_runs(shown: View, there: Facts, base: Request = BASE) -> Plan:
    """The plan of a generation that gets what the page shows."""
    values = {**vars(shown.controls), "method": shown.method, "lora": shown.lora}
    return make_plan(parse_args([values[name] for name in ORDER], TABLES, base)[1], there, TABLES)


# -------------------------------------------------------------------------------------------------------------- filling in


def test_auto_is_filled_with_what_it_comes_down_to() -> None:
    shown = view(initial(TABLES), facts("sd15", STYLE, HYPER_8))
    assert (shown.method, shown.lora, shown.controls.filled_for) == ("Auto", "Auto", "hyper-sd15-8")
    assert (shown.controls.steps, shown.controls.cfg, shown.controls.weight) == (8, 1.0, 1.0)
    assert shown.plan.active and shown.plan.changed == {} and "gamma" not in shown.numbers


def test_a_chosen_method_is_filled_in_once_and_the_users_changes_stay() -> None:
    there = facts("sd15", TCD, LCM)
    chosen = view(filled(LCM_ROW, True, "tcd"), there)
    assert (chosen.controls.filled_for, chosen.controls.gamma, "gamma" in chosen.numbers) == ("tcd", 0.3, True)
    changed = view(replace(chosen.controls, steps=8, gamma=0.5), there)
    assert (changed.controls.steps, changed.controls.gamma) == (8, 0.5)
    assert changed.plan.changed == {"steps": 8, "gamma": 0.5}


def test_reset_fills_in_again() -> None:
    there = facts("sd15", TCD)
    changed = replace(filled(TCD_ROW, True, "tcd"), steps=9, cfg=3.0, weight=0.6, gamma=0.9)
    assert view(changed, there, refill=True).controls == filled(TCD_ROW, True, "tcd")
    assert view(changed, there).controls == changed


def test_the_weight_written_in_the_prompt_is_told() -> None:
    shown = view(initial(TABLES), facts("sd15", LCM), replace(BASE, prompt="<lora:lcm-sd15:0.7>"))
    assert shown.plan.weight == 0.7 and "<lora:lcm-sd15:0.7>" in shown.plan.summary


def test_nothing_that_fits_leaves_the_values_and_says_why() -> None:
    shown = view(initial(TABLES), facts("sdxl", LCM))
    assert shown.controls == initial(TABLES)
    assert not shown.plan.active and "SDXL" in shown.plan.summary


def test_a_chosen_method_that_cannot_run_shows_its_values_all_the_same() -> None:
    shown = view(filled(LCM_ROW, True, "lightning-4"), facts("sd15", LCM), all_methods=True)
    assert shown.controls.filled_for == "lightning-4" and shown.controls.steps == 4
    assert not shown.plan.active


# ------------------------------------------------------------------------------------------- what the controls show is what runs

NUMBERS = st.none() | st.integers(-1, 160) | st.floats(-1, 3) | st.sampled_from([float("nan"), float("inf"), "", "4", "x", [], {}, True])
LORAS = [LCM, TCD, HYPER_8, STYLE, LIGHTNING, BROKEN]
CONTROLS = st.builds(
    Controls,
    enabled=st.booleans(),
    method=st.sampled_from([AUTO, *TABLES.profiles]),
    lora=st.sampled_from([AUTO, "nowhere", "a — b", *(lora.name for lora in LORAS)]),
    steps=NUMBERS, cfg=NUMBERS, weight=NUMBERS, gamma=NUMBERS,
    filled_for=st.sampled_from([*TABLES.profiles, "gone", ""]),
)  # fmt: skip
THERE = st.builds(
    lambda family, loras: facts(family, *loras),
    st.sampled_from([None, "sd15", "sdxl", "sd21"]),
    st.lists(st.sampled_from(LORAS), unique_by=lambda lora: lora.name),
)
PROMPTS = st.sampled_from(
    ["", "a cat", "<lora:lcm-sd15:0.7>", "<lora:TCD-SD15-LoRA>", "<lora:lcm-sd15:1> <lora:TCD-SD15-LoRA:1>", "<lora:style:1>"]
)


@given(controls=CONTROLS, there=THERE, prompt=PROMPTS, refill=st.booleans(), all_methods=st.booleans())
def test_what_the_controls_show_is_what_runs(controls: Controls, there: Facts, prompt: str, refill: bool, all_methods: bool) -> None:
    base = replace(BASE, prompt=prompt)
    shown = view(controls, there, base, refill=refill, all_methods=all_methods)
    assert what_runs(shown, there, base) == shown.plan
    assert shown.method in shown.methods and shown.lora in shown.loras
    assert shown.controls.enabled == controls.enabled


@given(controls=CONTROLS, there=THERE)
def test_what_is_shown_stays_when_it_is_shown_again(controls: Controls, there: Facts) -> None:
    once = view(controls, there)
    assert view(once.controls, there) == once


HOSTILE: list[Any] = [None, "", 5, [], {}, "warp-9", float("nan"), ["lcm"]]


@pytest.mark.parametrize("name", ORDER)
@pytest.mark.parametrize("value", HOSTILE, ids=repr)
def test_no_value_of_a_control_makes_it_raise(name: str, value: Any) -> None:
    there = facts("sd15", LCM, TCD)
    shown = view(replace(filled(TCD_ROW, True, "tcd"), **{name: value}), there)
    assert shown.plan.summary and shown.method in shown.methods
    assert plan_html(shown.plan, there)


# ------------------------------------------------------------------------------------------------------------------- choices


def test_methods_are_those_of_the_checkpoints_family_after_auto() -> None:
    assert method_text(TCD_ROW) in method_choices(facts("sd21"), TABLES)
    texts = method_choices(facts("sd15"), TABLES)
    assert texts == ["Auto", *(method_text(row) for row in TABLES.profiles.values() if "sd15" in row.families)]
    assert not any("SDXL-Lightning" in text for text in texts)


@pytest.mark.parametrize("there, all_methods", [(facts("sd15"), True), (facts(None), False), (Facts(), False)])
def test_all_methods_are_shown_where_asked_or_where_the_family_is_not_known(there: Facts, all_methods: bool) -> None:
    assert len(method_choices(there, TABLES, all_methods)) == 1 + len(TABLES.profiles)


def test_a_method_that_was_restored_stays_among_the_choices_once() -> None:
    texts = method_choices(facts("sd15"), TABLES, keep="lightning-4")
    assert texts.count(method_text(TABLES.profiles["lightning-4"])) == 1
    assert method_choices(facts("sd15"), TABLES, keep="lcm").count(method_text(LCM_ROW)) == 1


def test_loras_are_the_recognised_ones_that_fit_with_what_they_are() -> None:
    there = facts("sd15", STYLE, BROKEN, LIGHTNING, TCD, LCM)
    assert lora_choices(there, TABLES) == ["Auto", "TCD-SD15-LoRA — TCD-LoRA", "lcm-sd15 — LCM-LoRA", "None"]
    assert lora_choices(there, TABLES, method="lcm") == ["Auto", "lcm-sd15 — LCM-LoRA", "None"]
    assert lora_choices(there, TABLES, method="lcm", keep="style") == ["Auto", "lcm-sd15 — LCM-LoRA", "None", "style"]


# -------------------------------------------------------------------------------------------------------------- the plan line


def test_the_line_tells_steps_cfg_sampler_lora_and_evaluations() -> None:
    line = plan_html(view(initial(TABLES), facts("sd15", TCD)).plan, facts("sd15", TCD))
    assert 'data-active="true"' in line and 'data-family="Stable Diffusion 1.5"' in line
    for words in ("4 steps", "CFG 1", "TCD Few-Step", "gamma 0.3", "&lt;lora:TCD-SD15-LoRA:1&gt;", "4 UNet evaluations instead of 40"):
        assert words in line
    assert "<li>" not in line


def test_a_name_cannot_bring_markup_into_the_page() -> None:
    evil = replace(LCM, name="<img src=x onerror=alert(1)>\"'")
    line = plan_html(view(initial(TABLES), facts("sd15", evil)).plan, facts("sd15", evil))
    assert "<img" not in line and "&lt;img" in line
    refused = view(replace(initial(TABLES), lora="<b>x</b>"), facts("sd15", LCM))
    assert "<b>" not in plan_html(refused.plan, Facts())


def test_notes_stand_under_the_line_and_a_reason_only_once() -> None:
    asked = replace(BASE, negative_prompt="blurry")
    shown = view(replace(filled(LCM_ROW, True, "lcm"), steps=20), facts("sd15", LCM), asked)
    line = plan_html(shown.plan, facts("sd15", LCM))
    assert line.count("<li>") == len(shown.plan.notes) == 2
    refused = plan_html(view(initial(TABLES), facts("sd15")).plan, facts("sd15"))
    assert 'data-active="false"' in refused and "<li>" not in refused
    assert refused.count("No accelerator LoRA is installed") == 1
