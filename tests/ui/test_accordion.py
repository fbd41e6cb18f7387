"""The accordion in a real gradio page, driven as a browser drives it; under the gradio that is installed: hosts ship 3.41 and 4.40."""

from __future__ import annotations

import html
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("gradio")

from lib_fewstep.core.controls import ORDER, parse_args
from lib_fewstep.core.decide import make_plan
from lib_fewstep.core.plan import Plan
from lib_fewstep.core.request import AUTO, Request
from lib_fewstep.ui.accordion import HOST_CONTROLS
from tests.core.situations import HYPER_8, LCM, LIGHTNING, STYLE, TABLES, TCD, UNET_LAYOUTS, facts, lora, ready_for
from tests.ui.page import Page, Source


@pytest.fixture
def page() -> Page:
    """An SD1.5 checkpoint, with LCM, TCD and a style LoRA."""
    return Page(Source(facts("sd15", STYLE, LCM, TCD)))


def what_runs(page: Page, **base: Any) -> Plan:
    """The plan of a generation that gets what the page passes to the script."""
    asked = Request(**{"prompt": "a cat", "host_steps": 20, "host_cfg": 7.0, "host_sampler": "Euler", **base})
    on, request = parse_args(page.args(), TABLES, asked)
    assert on is page["enabled"]
    return make_plan(request, page.source.facts, TABLES)


def assert_says(page: Page, plan: Plan) -> None:
    """What the page says is what `plan` does."""
    assert page.line() == plan.summary
    profile = TABLES.profiles.get(plan.method or "")
    assert page["details_list"].count('role="listitem"') >= len(plan.notes) + len(profile.notes if profile else ())
    assert (page.state() in ("on", "check", "slower")) is plan.active


# ------------------------------------------------------------------------------------------------------------------ building


def test_a_fresh_page_is_off_on_auto_and_shows_no_gamma(page: Page) -> None:
    assert [component.elem_id for component in page.inputs] == [
        "fewstep_txt2img_accordion-checkbox",
        *(f"fewstep_txt2img_{name}" for name in ORDER[1:]),
    ]
    assert (page["enabled"], page["method"], page["lora"]) == (False, "auto", "Auto")
    assert not page.is_visible("gamma")
    assert what_runs(page).changed == {}


def test_every_control_has_an_id_of_its_tab_and_no_saved_default(page: Page) -> None:
    other = Page(Source(facts("sd15", LCM)), tab="img2img")
    assert {component.elem_id for component in page.parts.values()}.isdisjoint(component.elem_id for component in other.parts.values())
    assert all(page.parts[name].do_not_save_to_config for name in (*ORDER, "act", "memory", "go", "data", "status", "compare", "save"))


def test_the_values_go_to_the_script_in_the_order_of_the_controls(page: Page) -> None:
    page.switch_on()
    page.set("method", "tcd")
    assert page.args() == [True, "tcd", "Auto", 4, 1.0, 1.0, 0.3, "tcd", 8.0, 0, 2.0, 3.0, 0.0, "", False, False]


@pytest.mark.parametrize("host", [[], ["prompt"], list(HOST_CONTROLS)])
def test_it_works_with_as_many_of_the_hosts_controls_as_there_are(host: list[str]) -> None:
    page = Page(Source(facts("sd15", LCM)), host=host)
    page.switch_on()
    assert "4 UNet evaluations instead of 40" in page.line()


# ---------------------------------------------------------------------------------------------------------------- switching on


def test_switching_on_fills_in_what_auto_comes_down_to_and_says_so(page: Page) -> None:
    page.switch_on()
    assert (page["method"], page["filled_for"], page["steps"], page["gamma"]) == ("auto", "tcd", 4, 0.3)
    assert page.is_visible("gamma")
    assert "TCD-LoRA: 4 steps, CFG 1, TCD Few-Step, gamma 0.3" in page.line()
    assert_says(page, what_runs(page))


def test_the_answer_says_for_which_values_it_was_made(page: Page) -> None:
    page.switch_on()
    assert (page.data()["on"], page.data()["method"]) == (True, "auto")
    page.set("method", "lcm")
    assert page.data()["method"] == "lcm"
    page.set("steps", 6)
    assert page.data()["asked"] == {"steps": 6, "cfg": 1, "weight": 1, "nag": 2}


def test_the_negative_prompt_stays_switched_off_with_another_method_until_reset(page: Page) -> None:
    page.switch_on()
    page.set("negative", False)
    for method in ("lcm", "tcd", "auto"):
        page.set("method", method)
        assert (page["nag"], page["negative"]) == (0, False)
        assert not any(card["works"] for card in page.data()["cards"])
    page.act("reset")
    assert (page["nag"], page["negative"]) == (2, True) and page.data()["cards"][1]["more"] == "Negative prompt works"


def test_the_strength_of_the_negative_prompt_is_there_only_while_it_can_act(page: Page) -> None:
    page.switch_on()
    assert page.is_visible("nag")
    page.set("cfg", 2)
    assert not page.is_visible("nag")
    page.set("cfg_steps", 2)  # the other steps run at CFG 1
    assert page.is_visible("nag")
    page.set("negative", False)
    assert not page.is_visible("nag")


def test_the_list_of_more_methods_is_made_anew_where_it_is_seen(page: Page) -> None:
    page.switch_on()
    before, page.source.facts = page["more_list"], facts("sd15")
    page.act("sync")
    assert page["more_list"] == before and page.state() == "setup"
    page.act("sync:more")
    assert page["more_list"] != before and 'data-act="download:tcd"' in page["more_list"]


def test_the_cards_are_what_can_run_and_what_is_chosen(page: Page) -> None:
    page.switch_on()
    assert page.cards() == ["auto", "tcd", "lcm"] and page.choices("method") == ["Auto", "TCD", "LCM"]
    assert page.choices("lora") == ["Auto", "TCD-SD15-LoRA — TCD-LoRA", "lcm-sd15 — LCM-LoRA", "None"]
    page.act("use:lightning-4")
    assert page["method"] == "lightning-4" and page.state() == "cannot"
    assert page.cards() == ["auto", "tcd", "lcm", "lightning-4"]  # what is chosen stays
    assert_says(page, what_runs(page))


def test_a_text_of_older_pages_is_still_understood(page: Page) -> None:
    page.switch_on()
    args = [True, "TCD-LoRA, 4–50 steps", *page.args()[2:]]
    assert parse_args(args, TABLES, Request())[1].method == "tcd"


def test_choosing_a_card_while_it_is_off_switches_it_on(page: Page) -> None:
    page.set("enabled", False)
    assert page.state() == "off" and "Turn on" in page["status"]
    page.set("method", "lcm")
    assert page["enabled"] is True and page.state() == "on"


def test_a_card_brings_what_is_recommended_even_for_the_method_that_auto_took(page: Page) -> None:
    page.switch_on()
    page.set("steps", 30)
    page.set("method", "tcd")
    assert page["steps"] == 4 and page.data()["changed"] == []


@pytest.mark.parametrize("act", ["", "warp", "use:warp", "download:", "download:warp", "use", "on:x", "untag", "<b>", "9#9#use:lcm9"])
def test_any_act_may_come_in(page: Page, act: str) -> None:
    page.switch_on()
    page.act(act)
    assert page.state() == "on" and not page.downloads.started and page["method"] == "auto"


def test_the_second_accelerator_is_taken_out_of_the_prompt(page: Page) -> None:
    page.switch_on()
    page.set_host("prompt", "a cat <lora:lcm-sd15:1> on <lora:style:1> <lora:TCD-SD15-LoRA:0.5>")
    assert page.state() == "cannot" and page.status()["note"] == "lcm-sd15, TCD-SD15-LoRA"
    page.act("untag")
    assert page.values[page.host["prompt"]._id] == "a cat <lora:lcm-sd15:1> on <lora:style:1>"
    assert page.state() == "on"


@pytest.mark.parametrize("key", TABLES.profiles)
def test_a_method_that_is_chosen_fills_in_what_its_row_recommends(key: str) -> None:
    row = TABLES.profiles[key]
    page = Page(Source(ready_for(row, row.families[0])))
    page.switch_on()
    page.set("method", key)
    assert (page["steps"], page["cfg"], page["filled_for"]) == (row.steps.default, row.cfg.default, key)
    assert row.weight is None or page["weight"] == row.weight.default
    assert page.is_visible("gamma") == (row.gamma is not None)
    assert row.gamma is None or page["gamma"] == row.gamma.default
    plan = what_runs(page)
    assert plan.active and plan.method == key and plan.changed == {}
    assert plan.notes == () or row.weights == "checkpoint"  # which is told that it runs without a LoRA
    assert_says(page, plan)


@pytest.mark.parametrize("name, value", [("steps", 6), ("steps", 30), ("cfg", 1.5), ("weight", 0.65), ("gamma", 0.85)])
def test_a_number_that_is_set_is_what_the_line_says_and_what_runs(name: str, value: float, page: Page) -> None:
    page.switch_on()
    page.set("method", "tcd")
    page.set(name, value)
    assert page[name] == value
    plan = what_runs(page)
    assert plan.active and plan.changed == {name: value} and getattr(plan, name) == value
    assert_says(page, plan)


def test_numbers_stay_when_something_else_is_touched(page: Page) -> None:
    page.switch_on()
    page.set("method", "tcd")
    page.set("steps", 6)
    page.set("lora", "TCD-SD15-LoRA — TCD-LoRA")
    page.sync()
    assert page["steps"] == 6
    assert_says(page, what_runs(page))


def test_reset_brings_the_recommended_values_back(page: Page) -> None:
    page.switch_on()
    page.set("method", "tcd")
    fresh = page.args()
    for name, value in (("steps", 9), ("cfg", 3.0), ("weight", 0.6), ("gamma", 0.9)):
        page.set(name, value)
    page.fire("reset", "click")
    assert page.args() == fresh
    assert_says(page, what_runs(page))


def test_gamma_comes_and_goes_with_the_method(page: Page) -> None:
    page.switch_on()
    page.set("method", "tcd")
    assert page.is_visible("gamma")
    page.set("method", "lcm")
    assert not page.is_visible("gamma")
    assert what_runs(page).gamma is None


def test_choosing_a_lora_fills_in_for_what_it_is(page: Page) -> None:
    page.switch_on()
    page.set("lora", "lcm-sd15 — LCM-LoRA")
    assert (page["filled_for"], page["method"], page["lora"]) == ("lcm", "auto", "lcm-sd15 — LCM-LoRA")
    plan = what_runs(page)
    assert (plan.method, plan.lora) == ("lcm", "lcm-sd15")
    assert_says(page, plan)


@pytest.mark.parametrize("name", ("steps", "cfg", "weight", "gamma", "lora"))
def test_an_emptied_control_means_recommended_on_the_line_too(name: str, page: Page) -> None:
    page.switch_on()
    page.set(name, None)
    plan = what_runs(page)
    assert plan.active and plan.changed == {}
    assert_says(page, plan)


# ------------------------------------------------------------------------------------------------------- the world around it


def test_another_checkpoint_fills_in_anew() -> None:
    page = Page(Source(facts("sd15", LCM, LIGHTNING)))
    page.switch_on()
    assert page["filled_for"] == "lcm"
    page.source.facts = facts("sdxl", LCM, LIGHTNING)
    page.sync()
    assert page["filled_for"] == "lightning-4" and "lightning-4" in page.cards()
    assert_says(page, what_runs(page))


def test_a_number_set_before_the_page_knows_of_another_checkpoint_is_what_the_line_says() -> None:
    page = Page(Source(facts("sd15", LCM, HYPER_8)))
    page.switch_on()
    page.set("method", "auto")
    assert page["filled_for"] == "hyper-sd15-8"
    page.source.facts = facts("sdxl", LIGHTNING)
    page.set("steps", 6)
    plan = what_runs(page)
    assert (plan.method, plan.steps) == ("lightning-4", 6)
    assert_says(page, plan)


def test_the_rescan_button_finds_a_new_file() -> None:
    page = Page(Source(facts("sd15", LCM)))
    page.switch_on()
    page.source.in_folder = (HYPER_8,)
    page.sync()
    assert page.choices("lora") == ["Auto", "lcm-sd15 — LCM-LoRA", "None"]
    page.act("rescan")
    assert page.choices("lora") == ["Auto", "Hyper-SD15-8steps-lora — Hyper-SD SD1.5, 8 steps", "lcm-sd15 — LCM-LoRA", "None"]
    assert page["filled_for"] == "hyper-sd15-8"


def test_settings_are_saved_for_the_checkpoint_and_auto_fills_them_in() -> None:
    page = Page(Source(facts("sd15", LCM, HYPER_8)))
    page.switch_on()
    assert not page.is_visible("forget")
    page.set("method", "lcm")
    page.set("weight", 0.8)
    page.fire("save", "click")
    assert page.source.facts.saved == {"method": "lcm", "weight": 0.8} and page.is_visible("forget")
    assert page["save"] == "Saved"
    page.set("method", "auto")
    assert (page["weight"], page["steps"]) == (0.8, 4)
    plan = what_runs(page)
    assert (plan.method, plan.weight) == ("lcm", 0.8)
    assert_says(page, plan)
    page.set("weight", 0.9)
    assert what_runs(page).weight == 0.9
    page.fire("forget", "click")
    assert page.source.facts.saved == {} and not page.is_visible("forget")
    assert (page["filled_for"], page["weight"]) == ("hyper-sd15-8", 1.0) and what_runs(page).changed == {}


def test_an_answer_that_comes_late_does_not_undo_what_was_set_meanwhile(page: Page) -> None:
    page.switch_on()
    names = [name for name in HOST_CONTROLS if name in page.host]
    asked = tuple(page.values[component._id] for component in [*page.inputs, *(page.host[n] for n in names)])
    answer = page.accordion._followed(page.accordion._asked(asked))
    assert not [update for update in answer[: len(ORDER)] if "value" in update], "what stays is not sent"
    changed = page.accordion._followed(page.accordion._asked((True, "lcm", *asked[2:])))
    assert changed[ORDER.index("filled_for")]["value"] == "lcm" and "value" not in changed[1]


def test_an_accelerator_in_the_prompt_goes_before_what_is_saved_and_brings_its_own_values() -> None:
    page = Page(Source(replace(facts("sd15", LCM, TCD), saved={"method": "tcd", "steps": 8})))
    page.switch_on()
    assert page["steps"] == 8 and "TCD-LoRA: 8 steps" in page.line()
    page.set_host("prompt", "a cat <lora:lcm-sd15:1>")
    assert page["steps"] == 4 and "LCM-LoRA: 4 steps" in page.line()
    page.set_host("prompt", "a cat")
    assert page["steps"] == 8 and "TCD-LoRA: 8 steps" in page.line()


def test_what_is_saved_for_one_checkpoint_is_not_asked_of_another() -> None:
    page = Page(Source(replace(facts("sd15", LCM, TCD), saved={"method": "tcd", "steps": 8, "weight": 0.9})))
    page.switch_on()
    on, asked = parse_args(page.args(), TABLES, Request(prompt="a cat"))
    with_none = make_plan(asked, facts("sd15", LCM, TCD), TABLES)
    assert on and (with_none.method, with_none.steps, with_none.weight, with_none.changed) == ("tcd", 4, 1, {})
    other = make_plan(asked, replace(facts("sd15", LCM, TCD), saved={"method": "lcm", "steps": 6}), TABLES)
    assert (other.method, other.steps) == ("lcm", 6)
    page.set("steps", 5)
    on, asked = parse_args(page.args(), TABLES, Request(prompt="a cat"))
    assert make_plan(asked, page.source.facts, TABLES).changed == {"steps": 5, "weight": 0.9}


@pytest.mark.parametrize("garbage", ["saved: ", "saved: [1]", "saved: {", "saved: " + "[" * 99999, 'saved: {"steps": "x", "gamma": true}'])
def test_any_text_may_come_in_as_what_was_filled_in(garbage: str) -> None:
    page = Page(Source(facts("sd15", LCM)))
    page.switch_on()
    args = page.args()
    args[ORDER.index("filled_for")] = garbage
    assert make_plan(parse_args(args, TABLES, Request())[1], page.source.facts, TABLES).active


def test_what_cannot_run_is_not_saved() -> None:
    page = Page(Source(facts("sd15")))
    page.switch_on()
    page.fire("save", "click")
    assert page.source.facts.saved == {} and "Nothing is saved" in page["message"]


def test_what_cannot_be_written_is_told(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def keep(settings: object) -> None:
        raise ValueError("the disk is full")

    monkeypatch.setattr(page.source, "keep", keep)
    page.switch_on()
    page.fire("save", "click")
    assert "the disk is full" in page["message"] and page["save"] != "Saved"


def test_the_line_follows_the_hosts_controls(page: Page) -> None:
    page.switch_on()
    page.set_host("prompt", "a cat <lora:lcm-sd15:0.7>")
    assert "<lora:lcm-sd15:0.7>" in page.line() and page["filled_for"] == "lcm"
    page.set_host("steps", 30)
    assert "instead of 60" in page.line()
    page.set_host("neg_prompt", "blurry")
    assert "Negative prompt on" in page["details_list"]
    page.set_host("sampling", "DPM++ SDE")
    assert "instead of 118" in page.line()
    page.set_host("cfg_scale", 1.0)
    assert_says(
        page,
        what_runs(
            page, prompt="a cat <lora:lcm-sd15:0.7>", negative_prompt="blurry", host_steps=30, host_sampler="DPM++ SDE", host_cfg=1.0
        ),
    )


def test_the_line_counts_the_hires_pass(page: Page) -> None:
    page.switch_on()
    page.set_host("hr-checkbox", True)
    page.set_host("hires_steps", 3)
    assert "4 steps + 3 hires" in page.line() and "instead of 46" in page.line()
    assert_says(page, what_runs(page, hires_denoise=0.75, hires_steps=3, host_hires_steps=3))


def test_the_line_takes_a_sampler_of_the_hires_pass_into_account(page: Page) -> None:
    page.switch_on()
    page.set_host("hr-checkbox", True)
    page.set_host("hr_sampler", "DPM++ SDE")
    assert "4 steps + 4 hires (DPM++ SDE)" in page.line()
    assert_says(page, what_runs(page, hires_denoise=0.75, hires_sampler="DPM++ SDE"))


def test_a_large_folder_is_looked_at_in_pieces_and_nothing_is_decided_before(page: Page) -> None:
    page.source.unseen = 4000
    page.switch_on()
    seen = len(page.source.facts.loras)
    before = page.args()
    assert page.state() == "looking" and page.status()["headline"] == f"{seen} of {seen + 4000}" and not page.data()["decides"]
    page.sync()  # what the page's script does then
    assert page.args() == before and page.state() == "looking"
    page.source.unseen = 0
    page.sync()
    assert_says(page, what_runs(page))


def test_a_method_chosen_while_a_large_folder_is_looked_at_waits_for_all_of_it(page: Page) -> None:
    page.switch_on()
    page.source.unseen = 4000
    page.set("steps", 6)
    assert page.state() == "looking" and page["steps"] == 6
    page.set("method", "tcd")
    assert_says(page, what_runs(page))


def test_hires_steps_of_a_preset_are_not_the_users_wish(page: Page) -> None:
    page.source.preset = 30  # Forge Neo sets the control to this whenever the page is loaded
    page.switch_on()
    page.set_host("hr-checkbox", True)
    page.set_host("hires_steps", 30)
    assert "4 steps + 4 hires" in page.line() and "instead of 100" in page.line()
    assert "Hires steps 30 comes from the WebUI's preset and is ignored" in html.unescape(page["details_list"])
    page.set_host("hires_steps", 6)
    assert "4 steps + 6 hires" in page.line() and "preset" not in page["details_list"]


def test_the_line_of_img2img_counts_what_is_left_of_the_noise() -> None:
    page = Page(Source(facts("sd15", LCM)), tab="img2img")
    page.switch_on()
    page.set_host("denoising_strength", 0.5)
    assert_says(page, what_runs(page, denoise=0.5))
    assert "instead of 22" in page.line()


HOSTILE: list[Any] = [None, "", "x", -5, 0, 10**9, 10**400, float("nan"), float("inf"), True, [], {}]


@pytest.mark.parametrize("name", HOST_CONTROLS)
def test_no_value_of_the_hosts_makes_it_raise(name: str, page: Page) -> None:
    page.switch_on()
    names = [name for name in page.host if name in HOST_CONTROLS]
    for value in HOSTILE:
        values = (*page.args(), *(value if other == name else page.values[page.host[other]._id] for other in names))
        asked = page.accordion._asked(values)
        for answer in (page.accordion._line(asked), page.accordion._followed(asked)):
            assert any((isinstance(part, str) and 'data-state="on"' in part) or 'data-state="slower"' in str(part) for part in answer)


def test_without_the_script_a_card_fills_in_its_values_all_the_same(page: Page) -> None:
    page.switch_on()
    page.values[page.parts["method"]._id] = "lcm"
    page.fire("method", "change")
    assert (page["filled_for"], page.state()) == ("lcm", "on") and what_runs(page).changed == {}


# ------------------------------------------------------------------------------------------------------------- from an infotext


def restored(page: Page, **values: Any) -> None:
    """Pastes an infotext that says `values`; none of them: one that does not speak of us."""
    page.paste(page.accordion.paste_fields(lambda params: params or None), values)


def test_an_infotext_restores_every_control_and_the_same_runs(page: Page) -> None:
    numbers = {
        "steps": 7, "cfg": 1.3, "weight": 0.8, "gamma": 0.6, "guidance": 8.0, "cfg_steps": 0, "nag": 2.0, "shift": 3.0, "variety": 0.4,
    }
    restored(page, method="tcd", lora="TCD-SD15-LoRA", filled_for="tcd", beside='{"nag_tau": 3}', draft=False, by_size=False, **numbers)
    assert page.args() == [True, "tcd", "TCD-SD15-LoRA", 7, 1.3, 0.8, 0.6, "tcd", 8.0, 0, 2.0, 3.0, 0.4, '{"nag_tau": 3}', False, False]
    assert page.is_visible("gamma")
    plan = what_runs(page)
    assert plan.changed == {"steps": 7, "cfg": 1.3, "weight": 0.8, "gamma": 0.6, "variety": 0.4} and plan.lora == "TCD-SD15-LoRA"
    page.sync()
    assert_says(page, plan)
    assert what_runs(page) == plan


def test_the_shift_by_size_is_offered_where_there_is_one() -> None:
    page = Page(Source(ready_for(TABLES.profiles["hyper-flux-8"], "flux", "Hyper-FLUX.1-dev-8steps-lora")))
    page.switch_on()
    for side in ("width", "height"):
        page.set_host(side, 512)
    assert page.is_visible("by_size") and "schedule Simple" in page["details_list"] and "Switch on Shift by size" in page["details_list"]
    page.set("by_size", True)
    assert "(shift 1.88, by the picture&#x27;s size)" in page["details_list"] and "Switch on" not in page["details_list"]
    assert what_runs(page).by_size and "by_size" in page.data()["changed"]
    page.fire("reset", "click")
    assert page["by_size"] is False and not what_runs(page).by_size
    page.source.facts = facts("sd15", LCM)
    page.sync()
    assert not page.is_visible("by_size")


def test_a_restored_method_without_gamma_hides_it(page: Page) -> None:
    page.switch_on()
    assert page.is_visible("gamma")
    numbers = {
        "steps": 4, "cfg": 1.0, "weight": 1.0, "gamma": 0.0, "guidance": 8.0, "cfg_steps": 0, "nag": 2.0, "shift": 3.0, "variety": 0.0,
    }
    restored(page, method="lcm", lora=AUTO, filled_for="lcm", beside="", draft=False, by_size=False, **numbers)
    assert not page.is_visible("gamma")
    assert what_runs(page).changed == {}


def test_what_another_checkpoint_used_is_restored_all_the_same(page: Page) -> None:
    """The page's checkpoint is restored by the host at the same time."""
    numbers = {
        "steps": 4, "cfg": 1.0, "weight": 1.0, "gamma": 0.0, "guidance": 8.0, "cfg_steps": 0, "nag": 2.0, "shift": 3.0, "variety": 0.0,
    }
    restored(page, method="lightning-4", lora="gone", filled_for="lightning-4", beside="", draft=False, by_size=False, **numbers)
    assert page["method"] == "lightning-4" and "lightning-4" in page.cards()
    assert page["lora"] == "gone" and "gone" in page.choices("lora")
    page.sync()
    assert (page["method"], page["lora"]) == ("lightning-4", "gone")
    page.source.facts = facts("sdxl", lora("gone", "lightning-4", "sdxl"))
    page.sync()
    assert page["lora"] == "gone — SDXL-Lightning, 4 steps"
    assert what_runs(page).active
    assert_says(page, what_runs(page))


def test_an_infotext_that_does_not_speak_of_us_switches_off_and_touches_nothing_else(page: Page) -> None:
    page.switch_on()
    page.set("method", "tcd")
    page.set("steps", 7)
    before = page.args()
    restored(page)
    assert page.args() == [False, *before[1:]]


def test_a_checkpoint_that_reads_a_picture_is_told(page: Page) -> None:
    page.source.facts = type(page.source.facts)(type(UNET_LAYOUTS["sd15"])(UNET_LAYOUTS["sd15"].transformers, 8), (LCM,))
    page.switch_on()
    assert "InstructPix2Pix" in page.line() and page.state() not in ("on", "check", "slower")
