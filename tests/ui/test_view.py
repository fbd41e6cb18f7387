"""What the accordion shows, without gradio: choices, filled values, and a plan line that says what will run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lib_fewstep.core.controls import ORDER, Controls, filled, initial, parse_args
from lib_fewstep.core.decide import make_plan
from lib_fewstep.core.facts import Facts
from lib_fewstep.core.plan import Plan
from lib_fewstep.core.request import AUTO, Request
from lib_fewstep.ui.view import Around, View, lora_choices, make_view
from tests.core.situations import BROKEN, HYPER_8, LCM, LIGHTNING, STYLE, TABLES, TCD, facts, lora

pytest.importorskip("hypothesis")
from hypothesis import given
from hypothesis import strategies as st

BASE = Request(prompt="a cat")
LCM_ROW, TCD_ROW, HYPER_ROW = TABLES.profiles["lcm"], TABLES.profiles["tcd"], TABLES.profiles["hyper-sd15-8"]


def view(controls: Controls, there: Facts, base: Request = BASE, **options: Any) -> View:
    return make_view(controls, base, there, TABLES, **options)


def what_runs(shown: View, there: Facts, base: Request = BASE) -> Plan:
    """The plan of a generation that gets what the page shows."""
    values = {**vars(shown.controls), "lora": shown.lora}
    return make_plan(parse_args([values[name] for name in ORDER], TABLES, base)[1], there, TABLES)


@pytest.mark.parametrize(("family", "key", "guided"), [("flux", "hyper-flux-8", True), ("sd15", "hyper-sd15-8", False)])
def test_the_hosts_own_controls_that_a_plan_sets_are_named(family: str, key: str, guided: bool) -> None:
    """Forge's "Distilled CFG Scale" is FLUX.1's guidance: marked while it is set, and only then."""
    there, controls = facts(family, lora("x", key, family)), replace(initial(TABLES), enabled=True, method=key)
    decided = view(controls, there).data()["decides"]
    assert {"steps", "cfg_scale", "sampling", "scheduler"} <= set(decided) and ("distilled_cfg_scale" in decided) is guided
    assert view(replace(controls, enabled=False), there).data()["decides"] == []


# -------------------------------------------------------------------------------------------------------------- filling in


def test_auto_is_filled_with_what_it_comes_down_to() -> None:
    shown = view(initial(TABLES), facts("sd15", STYLE, HYPER_8))
    assert (shown.controls.method, shown.lora, shown.controls.filled_for) == ("auto", "Auto", "hyper-sd15-8")
    assert (shown.controls.steps, shown.controls.cfg, shown.controls.weight) == (8, 1.0, 1.0)
    assert shown.situation.plan.active and shown.situation.plan.changed == {} and "gamma" not in shown.numbers


def test_a_chosen_method_is_filled_in_once_and_the_users_changes_stay() -> None:
    there = facts("sd15", TCD, LCM)
    chosen = view(filled(LCM_ROW, True, "tcd"), there)
    assert (chosen.controls.filled_for, chosen.controls.gamma, "gamma" in chosen.numbers) == ("tcd", 0.3, True)
    changed = view(replace(chosen.controls, steps=8, gamma=0.5), there)
    assert (changed.controls.steps, changed.controls.gamma) == (8, 0.5)
    assert changed.situation.plan.changed == {"steps": 8, "gamma": 0.5}


def test_reset_fills_in_again() -> None:
    there = facts("sd15", TCD)
    changed = replace(filled(TCD_ROW, True, "tcd"), steps=9, cfg=3.0, weight=0.6, gamma=0.9)
    assert view(changed, there, refill=True).controls == filled(TCD_ROW, True, "tcd")
    assert view(changed, there).controls == changed


def test_the_weight_written_in_the_prompt_is_told() -> None:
    shown = view(initial(TABLES), facts("sd15", LCM), replace(BASE, prompt="<lora:lcm-sd15:0.7>"))
    assert shown.situation.plan.weight == 0.7 and "<lora:lcm-sd15:0.7>" in shown.situation.plan.summary


def test_nothing_that_fits_leaves_the_values_and_says_why() -> None:
    shown = view(initial(TABLES), facts("sdxl", LCM))
    assert shown.controls == initial(TABLES)
    assert not shown.situation.plan.active and "SDXL" in shown.situation.plan.summary


def test_a_chosen_method_that_cannot_run_shows_its_values_all_the_same() -> None:
    shown = view(filled(LCM_ROW, True, "lightning-4"), facts("sd15", LCM))
    assert shown.controls.filled_for == "lightning-4" and shown.controls.steps == 4
    assert not shown.situation.plan.active


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


@given(controls=CONTROLS, there=THERE, prompt=PROMPTS, refill=st.booleans())
def test_what_the_controls_show_is_what_runs(controls: Controls, there: Facts, prompt: str, refill: bool) -> None:
    base = replace(BASE, prompt=prompt)
    shown = view(controls, there, base, refill=refill)
    assert what_runs(shown, there, base) == shown.situation.plan
    assert shown.controls.method in [key for _, key in shown.choices] and shown.lora in shown.loras
    assert shown.controls.enabled == controls.enabled


@given(controls=CONTROLS, there=THERE)
def test_what_is_shown_stays_when_it_is_shown_again(controls: Controls, there: Facts) -> None:
    once = view(controls, there)
    again = view(once.controls, there)
    assert (again.controls, again.data_html, again.status_html) == (once.controls, once.data_html, once.status_html)


HOSTILE: list[Any] = [None, "", 5, [], {}, "warp-9", float("nan"), ["lcm"]]


@pytest.mark.parametrize("name", ORDER)
@pytest.mark.parametrize("value", HOSTILE, ids=repr)
def test_no_value_of_a_control_makes_it_raise(name: str, value: Any) -> None:
    there = facts("sd15", LCM, TCD)
    shown = view(replace(filled(TCD_ROW, True, "tcd"), **{name: value}), there)
    assert shown.status.headline and shown.status_html and shown.more_html and shown.details_html and shown.data_html


# ------------------------------------------------------------------------------------------------------------------- choices


def test_loras_are_the_recognised_ones_that_fit_with_what_they_are() -> None:
    there = facts("sd15", STYLE, BROKEN, LIGHTNING, TCD, LCM)
    assert lora_choices(there, TABLES) == ["Auto", "TCD-SD15-LoRA — TCD-LoRA", "lcm-sd15 — LCM-LoRA", "None"]
    assert lora_choices(there, TABLES, method="lcm") == ["Auto", "lcm-sd15 — LCM-LoRA", "None"]
    assert lora_choices(there, TABLES, method="lcm", keep="style") == ["Auto", "lcm-sd15 — LCM-LoRA", "None", "style"]


# --------------------------------------------------------------------------------------------------------------------- as HTML


def test_a_name_cannot_bring_markup_into_the_page() -> None:
    evil = replace(LCM, name="<img src=x onerror=alert(1)>\"'")
    made = view(initial(TABLES), facts("sd15", evil))
    assert "<img" not in made.details_html + made.data_html + made.status_html and "&lt;img" in made.details_html
    refused = view(replace(initial(TABLES), enabled=True, lora="<b>x</b>"), facts("sd15", LCM))
    assert "<b>" not in refused.status_html + refused.details_html + refused.data_html


def test_details_hold_all_notes_and_what_is_known_of_the_method() -> None:
    asked = replace(BASE, negative_prompt="blurry")
    shown = view(replace(filled(LCM_ROW, True, "lcm"), steps=20), facts("sd15", LCM), asked)
    assert shown.details_html.count('role="listitem"') == len(shown.situation.plan.notes) + len(LCM_ROW.notes)
    for words in ("20 UNet evaluations instead of 40", "LCM Few-Step, CFG 1", "&lt;lora:lcm-sd15:1&gt;", "openrail++"):
        assert words in shown.details_html


def test_the_page_speaks_the_language_of_the_webui() -> None:
    shown = make_view(replace(initial(TABLES), enabled=True), BASE, facts("sd15", LCM), TABLES, Around(language="ja"))
    assert "オン" in shown.status_html and "faster" not in shown.status_html + shown.data_html
    assert "UNet evaluations" in shown.data()["summary"], "the API's words stay English"
