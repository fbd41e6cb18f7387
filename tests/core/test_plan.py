"""The decision: a table of situations, each with what has to come out of it, and what holds for all of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from lib_fewstep.core.choose import fitting
from lib_fewstep.core.decide import make_plan
from lib_fewstep.core.facts import Facts, InstalledLora
from lib_fewstep.core.passes import Counting, Pass, calls, counted
from lib_fewstep.core.plan import Plan
from lib_fewstep.core.profiles import Tables
from lib_fewstep.core.prompts import lora_tags, with_tag
from lib_fewstep.core.request import AUTO, NO_LORA, Request, changed_by_user, host_request, recommended, request_from
from lib_fewstep.core.schedules import MAX_STEPS, max_steps
from tests.core.situations import BROKEN, HYPER_8, LCM, LIGHTNING, STYLE, TABLES, TCD, UNET_LAYOUTS, facts, lora, ready_for

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st

SECOND_ORDER = {"DPM++ SDE": 2, "Heun": 2}


def plan(request: Request, there: Facts, tables: Tables = TABLES) -> Plan:
    return make_plan(request, there, tables)


def shown(found: Plan, name: str) -> Any:
    """A value of the plan, or of one of its passes."""
    hires = found.hires or Pass(0, "")
    passes = {
        "sampler": found.first.sampler, "timesteps": found.first.timesteps,
        "hires_steps": hires.steps, "hires_timesteps": hires.timesteps, "hires_sampler": hires.sampler,
    }  # fmt: skip
    return passes[name] if name in passes else getattr(found, name)


def assert_active(found: Plan, **expected: Any) -> None:
    assert found.active, found.notes
    assert {name: shown(found, name) for name in expected} == expected


def assert_refused(found: Plan, *words: str) -> None:
    """An inactive plan asks for nothing, and says why."""
    assert not found.active and found.notes
    for word in words:
        assert word in found.notes[0]
    without = found.evaluations_without
    assert found == Plan(active=False, notes=found.notes, evaluations_without=without)
    assert found.evaluations == without
    assert found.summary == f"Accelerator is not active. {found.notes[0]}"


# ------------------------------------------------------------------------------------------------------ what the row says runs


def test_auto_takes_what_is_installed_with_the_rows_settings() -> None:
    found = plan(Request(prompt="a cat"), facts("sd15", STYLE, LCM))
    assert_active(
        found, method="lcm", lora="lcm-sd15", weight=1.0, tag="<lora:lcm-sd15:1>", steps=4, cfg=1.0, gamma=None, sampler="LCM Few-Step",
        timesteps=(999, 759, 499, 259), evaluations=4, evaluations_without=40, notes=(), changed={},
    )  # fmt: skip
    assert found.summary == "LCM-LoRA: 4 steps, CFG 1, LCM Few-Step, <lora:lcm-sd15:1>: 4 UNet evaluations instead of 40"


PUBLISHED = {
    ("lcm", 1): (999,), ("lcm", 4): (999, 759, 499, 259), ("lcm", 8): (999, 879, 759, 639, 499, 379, 259, 139), ("lcm", 2): (999, 499),
    ("flow", 4): (1000, 750, 500, 250),
    ("trailing", 2): (999, 499), ("trailing", 4): (999, 749, 499, 249), ("trailing", 8): (999, 874, 749, 624, 499, 374, 249, 124),
}  # fmt: skip


SHIFTED: dict[tuple[int, float | None], tuple[float, ...]] = {
    (4, 3): (1000, 900, 750, 500), (8, 3): (1000, 955, 900, 833, 750, 643, 500, 300), (2, 3): (1000, 750), (4, 5): (1000, 938, 833, 625),
}
"""Published noise levels of flow models, times 1000, by steps and shift."""


@pytest.mark.parametrize("key", TABLES.profiles)
def test_every_row_runs_as_written_on_each_of_its_families(key: str) -> None:
    row = TABLES.profiles[key]
    for family in row.families:
        found = plan(Request(method=key if row.weights == "none" else AUTO), ready_for(row, family))
        assert_active(
            found,
            method=key,
            label=row.label,
            lora="x" if row.weights == "lora" else None,
            steps=row.steps.default,
            cfg=row.cfg.default,
            gamma=row.gamma.default if row.gamma else None,
            sampler=row.sampler,
            scheduler=row.scheduler,
            rule=row.timesteps,
            changed={},
        )
        if row.weights == "lora":
            assert_active(found, weight=recommended(row, "weight"), notes=())
        if row.timesteps is None:
            assert found.first.timesteps is None
        elif (found.steps, found.shift) in SHIFTED:
            assert found.first.timesteps == pytest.approx(SHIFTED[found.steps, found.shift], abs=0.5)
        elif isinstance(row.timesteps, str) and (row.timesteps, found.steps) in PUBLISHED and row.shift is None:
            assert found.first.timesteps == PUBLISHED[row.timesteps, found.steps]
        assert found.first.timesteps is None or len(found.first.timesteps) == found.steps


@pytest.mark.parametrize("key", TABLES.profiles)
def test_a_method_that_is_chosen_is_taken_among_all_that_are_installed(key: str) -> None:
    family, own = TABLES.profiles[key].families[-1], TABLES.profiles[key].weights == "lora"
    having = [row.key for row in TABLES.for_family(family) if row.weights == "lora"]
    others = [lora(f"of {other}", other, family) for other in having]
    there = facts(family if family in UNET_LAYOUTS else None, *others)
    assert_active(plan(Request(method=key), there), method=key, lora=f"of {key}" if own else None)


def test_auto_takes_the_first_of_the_tables_order_that_fits() -> None:
    assert_active(plan(Request(), facts("sd15", LCM, TCD, HYPER_8)), method="hyper-sd15-8")
    assert_active(plan(Request(), facts("sd15", LCM, TCD, LIGHTNING)), method="tcd")
    assert_active(plan(Request(), facts("sdxl", LCM, TCD, LIGHTNING)), method="lightning-4")
    assert_active(plan(Request(), facts("sd15", TCD, LCM), replace(TABLES, auto_order=("lcm", "tcd"))), method="lcm")


def test_of_two_files_of_a_method_the_first_by_name_that_is_not_replaced_is_taken() -> None:
    old = lora("a", "lcm", superseded=True, reason="replaced")
    there = facts("sd15", lora("C", "lcm"), lora("b", "lcm"), old)
    assert_active(plan(Request(), there), lora="b")
    assert [found.name for found in fitting(there, TABLES)] == ["b", "C", "a"]


# ----------------------------------------------------------------------------------------------------- what the user says wins


def test_what_the_user_set_wins_and_inside_the_range_earns_no_note() -> None:
    asked = Request(steps=6, cfg=1.5, weight=0.8)
    assert_active(
        plan(asked, facts("sd15", LCM)), steps=6, cfg=1.5, weight=0.8, tag="<lora:lcm-sd15:0.8>", timesteps=(999, 839, 679, 499, 339, 179),
        notes=(), changed={"steps": 6, "cfg": 1.5, "weight": 0.8}, evaluations=12,
    )  # fmt: skip


@pytest.mark.parametrize(
    "asked, there, field, value, words",
    [
        (Request(steps=20), LCM, "steps", 20, ["Steps 20", "2 to 8", "4 is recommended"]),
        (Request(cfg=7), LCM, "cfg", 7, ["CFG 7", "1 to 2", "1 is recommended"]),
        (Request(weight=1.5), LCM, "weight", 1.5, ["weight 1.5", "0.5 to 1.2"]),
        (Request(steps=4), HYPER_8, "steps", 4, ["Steps 4", "(8)", "8 is recommended"]),
        (Request(gamma=0.9), lora("x", "tdd", "sdxl"), "gamma", 0.9, ["Gamma 0.9", "0 to 0.3"]),
    ],
)
def test_what_the_user_set_outside_the_range_wins_and_earns_a_note(
    asked: Request, there: InstalledLora, field: str, value: float, words: list[str]
) -> None:
    found = plan(asked, facts(there.detection.family, there))
    assert_active(found, **{field: value})
    (note,) = found.notes
    assert all(word in note for word in words)


def test_more_steps_than_the_method_has_timesteps_are_cut_and_noted() -> None:
    found = plan(Request(steps=80), facts("sd15", LCM))
    assert_active(found, steps=50)
    assert any("80" in note and "50" in note for note in found.notes)


def test_gamma_is_only_for_methods_that_have_one() -> None:
    assert_active(plan(Request(gamma=0.7), facts("sd15", LCM)), gamma=None, changed={}, notes=())
    assert_active(plan(Request(gamma=0.7), facts("sd15", TCD)), gamma=0.7, changed={"gamma": 0.7})
    assert ", gamma 0.7, " in plan(Request(gamma=0.7), facts("sd15", TCD)).summary


def test_a_lora_that_is_chosen_runs_as_what_it_was_recognised_as() -> None:
    assert_active(plan(Request(lora="lcm-sd15"), facts("sd15", HYPER_8, LCM)), method="lcm", lora="lcm-sd15")


def test_a_lora_that_is_not_recognised_runs_as_the_method_that_is_chosen() -> None:
    assert_active(plan(Request(lora="style", method="lcm"), facts("sd15", STYLE)), method="lcm", tag="<lora:style:1>")


def test_a_sampler_or_schedule_of_the_users_wins() -> None:
    there = facts("sd15", LCM, samplers=frozenset({"LCM Few-Step", "Euler a"}))
    assert_active(plan(Request(sampler="Euler a"), there), sampler="Euler a", timesteps=(999, 759, 499, 259))
    assert_active(plan(Request(scheduler="Karras"), there), scheduler="Karras", rule=None, timesteps=None, sampler="LCM Few-Step")
    found = plan(Request(sampler="Eular"), there)
    assert_active(found, sampler="LCM Few-Step")
    assert "'Eular'" in found.notes[0]


# ------------------------------------------------------------------------------------------------------- the prompt's own tags


@pytest.mark.parametrize(
    "written, weight",
    [
        ("<lora:TCD-SD15-LoRA>", 1.0),
        ("<lora:TCD-SD15-LoRA:0.7>", 0.7),
        ("<lora:tcd alias:0.9:0.6>", 0.6),
        ("<lora:TCD-SD15-LoRA:unet=1.1>", 1.1),
    ],
)
def test_auto_takes_the_accelerator_that_the_prompt_holds_at_the_weight_written_there(written: str, weight: float) -> None:
    found = plan(Request(prompt=f"a cat {written}, rain"), facts("sd15", LCM, TCD, HYPER_8))
    assert_active(found, method="tcd", weight=weight, tag="", notes=())
    assert found.lora in ("TCD-SD15-LoRA", "tcd alias")


def test_the_prompts_weight_is_judged_and_wins_over_the_controls() -> None:
    found = plan(Request(prompt="<lora:lcm-sd15:2>", weight=0.8), facts("sd15", LCM))
    assert_active(found, weight=2.0, tag="")
    assert any("weight 2" in note and "0.5 to 1.2" in note for note in found.notes)
    assert any("0.8" in note and "ignored" in note for note in found.notes)


def test_other_loras_in_the_prompt_do_not_matter() -> None:
    assert_active(
        plan(Request(prompt="<lora:style:0.5> <lora:unknown:1>"), facts("sd15", STYLE, LCM)), method="lcm", tag="<lora:lcm-sd15:1>"
    )


def test_a_chosen_lora_that_the_prompt_holds_is_not_added_again() -> None:
    there = facts("sd15", STYLE, LCM)
    assert_active(plan(Request(prompt="<lora:lcm-sd15:0.9>", lora="lcm-sd15"), there), tag="", weight=0.9)
    assert_active(plan(Request(prompt="<lora:style:0.9>", lora="style", method="lcm"), there), tag="", weight=0.9)


REFUSALS: list[tuple[Request, Facts, list[str]]] = [
    # a second accelerator beside the first
    (
        Request(prompt="<lora:lcm-sd15:1> <lora:TCD-SD15-LoRA:1>"),
        facts("sd15", LCM, TCD),
        ["2 accelerator", "<lora:lcm-sd15:1>", "<lora:TCD-SD15-LoRA:1>"],
    ),
    (Request(prompt="<lora:lcm-sd15:1>", lora="TCD-SD15-LoRA"), facts("sd15", LCM, TCD), ["<lora:lcm-sd15:1>", "'TCD-SD15-LoRA'"]),
    (Request(prompt="<lora:lcm-sd15:1>", lora="style", method="lcm"), facts("sd15", LCM, STYLE), ["<lora:lcm-sd15:1>", "'style'"]),
    (Request(prompt="<lora:lcm-sd15:1>", method="tcd"), facts("sd15", LCM, TCD), ["<lora:lcm-sd15:1>", "LCM-LoRA", "TCD-LoRA"]),
    # what does not fit
    (
        Request(lora="sdxl_lightning_4step_lora"),
        facts("sd15", LIGHTNING),
        ["'sdxl_lightning_4step_lora'", "made for SDXL", "Stable Diffusion 1.5"],
    ),
    (Request(prompt="<lora:sdxl_lightning_4step_lora:1>"), facts("sd15", LIGHTNING, LCM), ["made for SDXL", "Stable Diffusion 1.5"]),
    (Request(method="lightning-4"), facts("sd15", LIGHTNING), ["SDXL-Lightning, 4 steps", "SDXL", "Stable Diffusion 1.5"]),
    (Request(method="tcd"), facts("sdxl", TCD), ["'TCD-SD15-LoRA'", "made for Stable Diffusion 1.5", "SDXL"]),
    (Request(), facts("sdxl", LCM, TCD), ["No installed accelerator", "lcm-sd15", "made for Stable Diffusion 1.5"]),
    (Request(), facts("sd15", lora("wide", "lcm", "ssd1b")), ["wide", "SSD-1B"]),
    # what is not there or not known
    (Request(), facts("sd15"), ["No accelerator LoRA is installed", "Lora folder"]),
    (Request(), facts("sd15", STYLE, BROKEN), ["No accelerator LoRA is installed"]),
    (Request(method="tcd"), facts("sd15", LCM), ["TCD-LoRA", "h1t/TCD-SD15-LoRA", "Lora folder"]),
    (Request(method="warp-9"), facts("sd15", LCM), ["'warp-9'", "auto"]),
    (Request(lora="gone"), facts("sd15", LCM), ["'gone'", "not installed"]),
    (Request(lora="style"), facts("sd15", STYLE), ["'style'", "not recognised", "Choose the method"]),
    # what this WebUI cannot use
    (Request(lora="broken", method="lcm"), facts("sd15", BROKEN), ["'broken'", "the file is empty"]),
    (Request(lora="peft"), facts("sd15", lora("peft", "lcm", naming="peft")), ["'peft'", "cannot load", "kohya"]),
    (Request(), facts("sd15", LCM, samplers=frozenset({"Euler", "LCM"})), ["LCM-LoRA", "LCM Few-Step", "does not have"]),
    (Request(lora="rank=64"), facts("sd15", lora("rank=64", "lcm")), ["'rank=64'", "Rename"]),
    (Request(), facts("sd15", lora("a:b", "lcm")), ["'a:b'", "Rename"]),
    (Request(), replace(facts("sd15", LCM), unet=replace(UNET_LAYOUTS["sd15"], channels=8)), ["InstructPix2Pix"]),
]


@pytest.mark.parametrize("asked, there, words", REFUSALS, ids=lambda value: value[0] if isinstance(value, list) else "")
def test_what_cannot_be_done_leaves_the_users_settings_and_says_why(asked: Request, there: Facts, words: list[str]) -> None:
    assert_refused(plan(asked, there), *words)


def test_a_refusal_is_the_first_thing_said_when_the_request_was_wrong_too() -> None:
    asked = request_from({"steps": "many", "method": "warp-9"})
    found = plan(asked, facts("sd15", LCM))
    assert_refused(found, "'warp-9'")
    assert "'many'" in found.notes[1]


def test_a_checkpoint_that_cannot_be_read_refuses_nothing() -> None:
    assert_active(plan(Request(method="lightning-4"), facts(None, LIGHTNING)), method="lightning-4")


# ----------------------------------------------------------------------------------------------------------------------- notes


def test_a_negative_prompt_at_cfg_1_earns_a_note_and_above_it_none() -> None:
    asked = Request(negative_prompt="blurry", nag=0)
    assert any("negative prompt has no effect" in note for note in plan(asked, facts("sd15", LCM)).notes)
    assert plan(replace(asked, cfg=1.5), facts("sd15", LCM)).notes == ()
    assert plan(replace(asked, negative_prompt=" \n"), facts("sd15", LCM)).notes == ()
    assert plan(asked, facts("sd15", lora("x", "hyper-sd15-8-cfg"))).notes == ()


def test_a_replaced_upload_earns_a_note() -> None:
    old = lora("old", "lcm", superseded=True, reason="its sha256 is that of …; download the file again")
    assert any("download the file again" in note for note in plan(Request(), facts("sd15", old)).notes)


def test_what_was_wrong_with_the_request_is_told_beside_the_plan() -> None:
    found = plan(request_from({"steps": 4.5, "cgf": 2}), facts("sd15", LCM))
    assert_active(found, steps=4)
    assert "4.5" in found.notes[0] and "a whole number" in found.notes[0] and "'cgf'" in found.notes[1]


# ----------------------------------------------------------------------------------------------------------------- evaluations


@pytest.mark.parametrize(
    "steps, cfg, sampler, skips, expected",
    [
        (20, 7.0, "Euler", False, 40),
        (20, 7.0, "Euler", True, 40),
        (4, 1.0, "Euler", False, 8),  # stock A1111 evaluates the negative prompt at CFG 1 too
        (4, 1.0, "Euler", True, 4),
        (8, 1.5, "DPM++ SDE", False, 30),  # two calls a step but one in the last, both prompts
        (8, 1.0, "Heun", True, 15),
        (1, 1.0, "DPM++ SDE", True, 1),
    ],
)
def test_evaluations_are_counted(steps: int, cfg: float, sampler: str, skips: bool, expected: int) -> None:
    by = Counting(SECOND_ORDER, skips_uncond=skips)
    assert counted(Pass(steps, sampler), cfg, 0, by).evaluations == expected


def test_a_sampler_that_steps_by_the_unconditional_prediction_keeps_it_at_cfg_1() -> None:
    by = Counting({}, keeps_uncond={"DDIM CFG++"})
    assert counted(Pass(4, "DDIM CFG++"), 2, 2, by).evaluations == counted(Pass(4, "DDIM CFG++"), 1, 0, by).evaluations == 8
    there = replace(facts("sd15", LCM), keeps_uncond=frozenset({"DDIM CFG++"}))
    found = plan(Request(method="lcm", sampler="DDIM CFG++", negative_prompt="x", nag=0), there)
    assert not any("not evaluated" in note for note in found.notes) and found.evaluations == 8
    neos = Counting({}, keeps_uncond={"Euler CFG++"}, has_none_at_1=True)
    assert [counted(Pass(4, "Euler CFG++"), cfg, 2, neos).evaluations for cfg in (2, 1)] == [8, 4]


def test_a_sampler_of_third_order_ends_with_less_and_an_adaptive_one_cannot_be_counted() -> None:
    by = Counting({"HeunPP2": 3, "DPM adaptive": 0})
    assert [calls(n, n, "HeunPP2", by) for n in (1, 2, 3, 8)] == [1, 3, 6, 21]
    assert counted(Pass(8, "HeunPP2"), 5, 2, by).guided_calls == 6
    assert counted(Pass(8, "DPM adaptive"), 5, 0, by).evaluations is None


def test_the_plan_counts_with_and_without() -> None:
    found = plan(Request(host_steps=30, host_cfg=7, host_sampler="DPM++ SDE"), facts("sdxl", lora("x", "turbomix-sde", "sdxl")))
    assert_active(found, evaluations=30, evaluations_without=118, timesteps=None, rule=None, scheduler="Karras")
    assert_active(plan(Request(host_cfg=1), facts("sd15", LCM)), evaluations=4, evaluations_without=40)
    assert_active(plan(Request(host_cfg=1), facts("sd15", LCM, skips_uncond=True)), evaluations=4, evaluations_without=20)


# ---------------------------------------------------------------------------------------------------------- img2img and hires


def test_img2img_makes_all_steps_in_the_noise_that_is_left() -> None:
    found = plan(Request(denoise=0.5, host_steps=20), facts("sd15", LCM))
    assert_active(found, timesteps=(499, 379, 259, 139), evaluations=4, evaluations_without=22)  # A1111: int(0.5 * 20) + 1 steps, twice


def test_img2img_can_make_the_hosts_share_of_the_steps() -> None:
    found = plan(Request(denoise=0.5), facts("sd15", LCM, fit_steps_to_strength=False))
    assert_active(found, timesteps=(759, 499, 259), evaluations=3)  # A1111: int(0.5 * 4) + 1


def test_hires_is_planned_and_counted() -> None:
    found = plan(Request(hires_denoise=0.5, host_steps=20), facts("sd15", LCM))
    assert_active(
        found, timesteps=(999, 759, 499, 259), hires_timesteps=(499, 379, 259, 139), hires_steps=4, evaluations=8, evaluations_without=80
    )
    assert "4 steps + 4 hires" in found.summary
    assert_active(plan(Request(hires_denoise=0.5, hires_steps=2), facts("sd15", LCM)), hires_timesteps=(499, 259), evaluations=6)


def test_no_noise_means_no_step() -> None:
    assert_active(plan(Request(denoise=0.0), facts("sd15", LCM)), timesteps=(), evaluations=0)


# -------------------------------------------------------------------------------------------------------------- what always holds

METHODS = st.sampled_from([AUTO, "auto", "warp-9", *TABLES.profiles])
INSTALLED = st.builds(
    lora,
    name=st.sampled_from(["a", "b", "c d", "é", "x.1"]),
    method=st.none() | st.sampled_from(list(TABLES.profiles)) | st.just("gone"),
    family=st.sampled_from([*UNET_LAYOUTS, ""]),
    aliases=st.sampled_from([(), ("a2",), ("b", "c")]),
    readable=st.booleans(),
    naming=st.sampled_from(["kohya", "kohya", "peft", "other"]),
    superseded=st.booleans(),
)
FACTS = st.builds(
    Facts,
    unet=st.none() | st.sampled_from(list(UNET_LAYOUTS.values())),
    loras=st.lists(INSTALLED, max_size=4, unique_by=lambda found: found.name).map(tuple),
    samplers=st.none()
    | st.sampled_from([frozenset({"Euler"}), frozenset({"Euler", "Euler a", "DPM++ SDE", "LCM Few-Step", "TCD Few-Step"})]),
    fit_steps_to_strength=st.booleans(),
    skips_uncond=st.booleans(),
)
TAGS = st.sampled_from(
    ["<lora:a>", "<lora:a:0.5>", "<lora:b:1:2>", "<lora:a2:1>", "<lora:c d:unet=0>", "<lora:é:x>", "<lora:unknown:1>", "<lora:", "a cat"]
)
ANY_NUMBER = st.none() | st.integers(-3, 200) | st.floats() | st.integers()
REQUESTS = st.builds(
    Request,
    method=METHODS,
    lora=st.sampled_from([AUTO, "a", "b", "a2", "é", "nowhere"]),
    steps=st.none() | st.integers(1, 150),
    cfg=st.none() | st.floats(1, 30),
    weight=st.none() | st.floats(-10, 10),
    gamma=st.none() | st.floats(0, 1),
    sampler=st.sampled_from([None, None, "Euler", "Eular"]),
    scheduler=st.sampled_from([None, None, "Karras"]),
    prompt=st.lists(TAGS, max_size=4).map(" ".join),
    negative_prompt=st.sampled_from(["", "blurry"]),
    denoise=st.floats(0, 1),
    hires_denoise=st.none() | st.floats(0, 1),
    hires_steps=st.integers(0, 150),
    host_steps=st.integers(1, 150),
    host_cfg=st.floats(1, 30),
    host_sampler=st.sampled_from(["Euler", "DPM++ SDE", "Mine"]),
)
many = settings(max_examples=max(200, settings().max_examples))


def chosen(found: Plan, there: Facts) -> list[InstalledLora]:
    return [installed for installed in there.loras if installed.is_called(found.lora or "")]


@many
@given(asked=REQUESTS, there=FACTS)
def test_the_same_gives_the_same_and_can_be_sent(asked: Request, there: Facts) -> None:
    found = plan(asked, there)
    assert found == plan(replace(asked), replace(there))
    json.dumps(found.as_dict(), allow_nan=False)
    assert found.summary and "\n" not in found.summary


@many
@given(asked=REQUESTS, there=FACTS)
def test_an_inactive_plan_asks_for_nothing_and_says_why(asked: Request, there: Facts) -> None:
    found = plan(asked, there)
    if not found.active:
        assert_refused(found)


@many
@given(asked=REQUESTS, there=FACTS)
def test_never_a_second_copy_never_a_second_accelerator(asked: Request, there: Facts) -> None:
    found = plan(asked, there)
    if not found.active:
        return
    if found.lora is None:  # a checkpoint or a schedule
        assert TABLES.profiles[found.method or ""].weights != "lora" and not found.tag
        return
    prompt = with_tag(asked.prompt, found.tag) if found.tag else asked.prompt
    names = [tag.name for tag in lora_tags(prompt)]
    assert found.lora in names
    before = [tag.name for tag in lora_tags(asked.prompt)]
    (used, *_) = chosen(found, there)
    if found.tag:
        assert not any(used.is_called(name) for name in before)
    accelerators = {
        one.name for one in there.loras if one.detection.method in TABLES.profiles and any(one.is_called(name) for name in names)
    }
    assert len(accelerators | {used.name}) <= 1 + sum(used.is_called(alias) for one in there.loras for alias in one.aliases)


@many
@given(asked=REQUESTS, there=FACTS)
def test_what_the_user_set_explicitly_wins(asked: Request, there: Facts) -> None:
    found = plan(asked, there)
    if not found.active:
        return
    row = TABLES.profiles[found.method or ""]
    assert asked.method in (AUTO, found.method)
    assert asked.cfg in (None, found.cfg) and (asked.cfg is not None or found.cfg == row.cfg.default)
    most = MAX_STEPS if row.timesteps is None else max_steps(row.timesteps)
    assert asked.steps is None or found.steps == min(asked.steps, most)
    assert found.gamma == (None if row.gamma is None else row.gamma.default if asked.gamma is None else asked.gamma)
    if found.tag:
        assert found.weight == (recommended(row, "weight") if asked.weight is None else asked.weight)
    for name, value in found.changed.items():
        assert value == getattr(found, name) != getattr(row, name).default
    outside = [
        name for name in ("steps", "cfg", "weight", "gamma") if name in found.changed and found.changed[name] not in getattr(row, name)
    ]
    assert len(found.notes) >= len(outside)


@many
@given(asked=REQUESTS, there=FACTS)
def test_nothing_that_does_not_fit_is_ever_used(asked: Request, there: Facts) -> None:
    found = plan(asked, there)
    if found.active and found.lora is not None:
        used = [one for one in chosen(found, there) if one.detection.readable and one.detection.naming == "kohya"]
        assert any(there.unet is None or one.detection.layout.misfit(there.unet, "x") is None for one in used)


@many
@given(asked=REQUESTS, there=FACTS)
def test_the_evaluations_add_up(asked: Request, there: Facts) -> None:
    found = plan(asked, there)
    if not found.active:
        assert found.evaluations == found.evaluations_without
        return
    passes = [found.first.timesteps, found.hires and found.hires.timesteps]
    for visited in passes:
        assert visited is None or (list(visited) == sorted(set(visited), reverse=True) and all(0 <= t <= 1000 for t in visited))
    if found.first.timesteps is not None and found.first.sampler not in ("DPM++ SDE",):
        each = 1 if found.cfg == 1 else 2
        assert found.evaluations == each * sum(len(visited or ()) for visited in passes)


@many
@given(asked=REQUESTS, there=FACTS, name=st.sampled_from(["steps", "cfg", "weight", "gamma", "hires_steps"]), value=ANY_NUMBER)
def test_an_impossible_number_is_not_used_and_told(asked: Request, there: Facts, name: str, value: Any) -> None:
    found = plan(request_from({name: value}, asked), there)
    limits = {"steps": (1, 150), "cfg": (1, 30), "weight": (-10, 10), "gamma": (0, 1), "hires_steps": (0, 150)}[name]
    possible = value is None or (limits[0] <= value <= limits[1] and (name not in ("steps", "hires_steps") or value == int(value)))
    assert possible or any(f"'{name}' is" in note for note in found.notes)
    json.dumps(found.as_dict(), allow_nan=False)


# ---------------------------------------------------------------------------------------------------------------- the request


@pytest.mark.parametrize(
    "values, problem",
    [
        ({"steps": "many"}, ["'steps'", "'many'", "a whole number from 1 to 150"]),
        ({"steps": 4.5}, ["'steps'", "4.5", "a whole number"]),
        ({"steps": 0}, ["'steps'", "0", "from 1 to 150"]),
        ({"steps": True}, ["'steps'", "True"]),
        ({"steps": [4]}, ["'steps'", "[4]"]),
        ({"cfg": float("nan")}, ["'cfg'", "nan", "a number from 1 to 30"]),
        ({"cfg": "1e999"}, ["'cfg'", "1e999"]),
        ({"cfg": 10**400}, ["'cfg'", "1000"]),
        ({"weight": 11}, ["'weight'", "11", "-10 to 10"]),
        ({"gamma": 1.01}, ["'gamma'", "1.01", "from 0 to 1"]),
        ({"method": 5}, ["'method'", "5", "text"]),
        ({"lora": ["x"]}, ["'lora'", "['x']", "text"]),
        ({"setps": 4}, ["'setps'", "such as steps"]),
        ({"x" * 1000: 4}, ["xxx", "such as enabled, method, lora"]),
        ({"cfg": "y" * 10_000}, ["yyy"]),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_what_is_expected(values: dict[str, Any], problem: list[str]) -> None:
    found = request_from(values)
    (said,) = found.problems
    assert all(word in said for word in problem) and len(said) < 250
    assert replace(found, problems=()) == Request()


def test_values_are_taken_as_numbers_and_texts_are_read() -> None:
    found = request_from({"steps": "4", "cfg": 2, "weight": "0.8", "gamma": 0, "method": " AUTO ", "lora": "x", "enabled": True})
    assert found == Request(steps=4, cfg=2.0, weight=0.8, gamma=0.0, method=AUTO, lora="x")
    assert type(found.steps) is int


@pytest.mark.parametrize("nothing", (None, ""))
def test_nothing_keeps_what_the_base_says(nothing: str | None) -> None:
    base = Request(method="lcm", steps=6, prompt="a cat", problems=("old",))
    assert request_from(dict.fromkeys(("method", "lora", "steps", "cfg", "weight", "gamma"), nothing), base) == base


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(["method", "lora", "steps", "cfg", "weight", "gamma", "sampler", "enabled"]) | st.text(max_size=6)


@given(values=st.dictionaries(KEYS, ANYTHING, max_size=5))
def test_no_value_makes_it_raise(values: dict[str, Any]) -> None:
    found = request_from(values)
    assert found.steps is None or (type(found.steps) is int and 1 <= found.steps <= 150)
    assert plan(found, facts("sd15", LCM, TCD)).notes is not None


def test_a_sampler_of_the_hires_pass_is_counted_and_named() -> None:
    found = plan(Request(hires_denoise=0.5, hires_sampler="DPM++ SDE", hires_scheduler="Karras"), facts("sd15", LCM))
    assert_active(found, evaluations=4 + 7, hires_timesteps=(499, 379, 259, 139), hires_sampler="DPM++ SDE")
    assert "4 steps + 4 hires (DPM++ SDE)" in found.summary
    assert "Hires schedule type Karras is ignored; this method uses its own timesteps" in found.notes
    assert plan(Request(hires_sampler="Euler"), facts("sd15", LCM)).hires is None


def test_a_sampler_that_chooses_its_timesteps_itself_gets_none() -> None:
    there = replace(facts("sd15", LCM), self_timed={"DDIM": 1, "PLMS": 0})
    found = plan(Request(sampler="DDIM"), there)
    assert_active(found, sampler="DDIM", rule="lcm", timesteps=None, steps=4)
    assert "Sampler DDIM uses its own timesteps" in found.notes[0]
    second = plan(Request(hires_denoise=0.5, hires_sampler="PLMS"), there)
    assert_active(second, timesteps=(999, 759, 499, 259), hires_timesteps=None, hires_steps=4)
    assert second.hires is not None and second.hires.evaluations == 3
    only_first = plan(Request(sampler="DDIM", hires_denoise=0.5, hires_sampler="Euler"), there)
    assert_active(only_first, timesteps=None, hires_timesteps=(499, 379, 259, 139))


@pytest.mark.parametrize(
    ("sampler", "steps", "denoise", "asked"),
    [("DDIM", 20, 1, 19), ("DDIM", 6, 1, 6), ("DDIM", 12, 1, 12), ("PLMS", 20, 1, 20), ("DDIM", 20, 0.5, 9), ("PLMS", 20, 0.5, 10),
     ("DDIM", 1, 1, 0)],
)
def test_what_a_sampler_of_its_own_timesteps_asks_is_counted(sampler: str, steps: int, denoise: float, asked: int) -> None:
    """The host's `range(0, 1000, 1000 // steps)`: 20 of them for 20 steps and 7 for 6, and DDIM does not ask at the last."""
    there = replace(facts("sd15", LCM), self_timed={"DDIM": 1, "PLMS": 0})
    own = plan(Request(host_sampler=sampler, host_steps=steps, denoise=denoise, host_cfg=1), replace(there, skips_uncond=True))
    assert own.evaluations_without == asked


def test_hires_steps_that_cannot_be_are_not_taken_for_a_preset() -> None:
    values = {"enable_hr": True, "denoising_strength": 0.5, "hr_second_pass_steps": 200}
    found = plan(host_request(values, is_img2img=False, preset_hires_steps=0), facts("sd15", LCM))
    assert found.hires and found.hires.steps == 4 and not any("preset" in note for note in found.notes)
    assert "'hires_steps' is 200; expected a whole number from 0 to 150" in found.notes[0]


@pytest.mark.parametrize(
    "skips_uncond, allowed, evaluations, words",
    [(False, True, 4, "is not evaluated"), (False, False, 8, "but is evaluated"), (True, False, 4, "is not evaluated")],
    ids=["left out by us", "not left out", "left out by the host"],
)
def test_a_negative_prompt_that_the_user_wants_evaluated_counts(skips_uncond: bool, allowed: bool, evaluations: int, words: str) -> None:
    there = replace(facts("sd15", LCM), skips_uncond=skips_uncond, leaves_out_negative=allowed)
    found = plan(Request(negative_prompt="x", method="lcm", nag=0), there)
    assert found.evaluations == evaluations and [words in note for note in found.notes] == [True]
    assert plan(Request(method="lcm"), there).evaluations == evaluations


def test_where_weights_do_not_bring_it_back_the_negative_prompt_has_no_effect() -> None:
    found = plan(Request(prompt="a cat :1.3", negative_prompt="x", method="lcm", nag=0), replace(facts("sd15", LCM), skips_uncond=True))
    assert found.evaluations == 4 and any("negative prompt has no effect" in note for note in found.notes)


@pytest.mark.parametrize("all_of_them, made", [(False, 11), (True, 20)])
def test_what_the_host_makes_of_its_steps_in_img2img_hangs_on_its_option(all_of_them: bool, made: int) -> None:
    there = replace(facts("sd15", LCM), host_img2img_exact_steps=all_of_them)
    assert plan(Request(denoise=0.5, host_steps=20), there).evaluations_without == 2 * made


def test_a_second_checkpoint_that_no_lora_makes_fit_is_told() -> None:
    merged = Request(method="lcm", lora=NO_LORA, second_checkpoint="base.safetensors")
    words = "'base.safetensors' (Refiner or hires checkpoint) also gets only few steps"
    assert any(words in note for note in plan(merged, facts("sd15", LCM)).notes)
    with_lora = replace(merged, lora=AUTO)
    assert not any("Refiner" in note for note in plan(with_lora, facts("sd15", LCM)).notes)


def test_changed_by_the_user_is_what_differs_from_what_was_filled_in() -> None:
    row = {"steps": 4, "cfg": 1, "weight": 1.0, "gamma": 0.3}
    shown = {"steps": 4, "cfg": 1.0, "weight": 0.8, "gamma": 0.30000000000000004}
    assert changed_by_user(shown, row) == {"weight": 0.8}
    assert changed_by_user({**shown, "steps": None}, row) == {"weight": 0.8}
    assert changed_by_user(shown, None) == shown
    assert "gamma" not in changed_by_user({**shown, "gamma": 0.9}, {**row, "gamma": None})


@pytest.mark.parametrize("prompt", ["a cat AND a dog", "a poster 16:9", "a poster 16:9 <lora:lcm-sd15:1>", "a cat :1.5 AND a dog"])
def test_weights_of_prompts_keep_the_negative_prompt_at_cfg_1(prompt: str) -> None:
    """A1111 combines uncond + sum of weight * (cond - uncond): only one part at weight 1 leaves no uncond in it."""
    found = plan(Request(prompt=prompt, negative_prompt="blurry", method="lcm", nag=0), facts("sd15", LCM))
    assert_active(found, evaluations=4 * (prompt.count("AND") + 2))
    assert not any("negative prompt" in note for note in found.notes)
