"""The cards, the lists and the details, in plain records."""
from __future__ import annotations

from dataclasses import replace

import pytest

from lib_fewstep.core.controls import filled
from lib_fewstep.core.detect import Detection
from lib_fewstep.core.facts import Preset
from lib_fewstep.core.profiles import LORA
from lib_fewstep.page import fine
from lib_fewstep.page.cards import Card, cards
from lib_fewstep.page.details import details
from lib_fewstep.page.more import first_steps, groups
from lib_fewstep.page.wording import licence_text, seconds_text, size_text
from tests.core.situations import LCM, LIGHTNING, TABLES, facts, lora
from tests.page.test_status import HYPER, SDXL, seen

DMD2 = lora("dmd2", "dmd2", "sdxl")
CFG = lora("Hyper-SDXL-8steps-CFG-lora", "hyper-sdxl-8-cfg", "sdxl")


def test_auto_comes_first_then_what_can_run_in_its_order() -> None:
    there = facts("sdxl", LIGHTNING, DMD2, CFG, LCM, HYPER)
    assert cards(seen(there)) == [
        Card("auto", "Auto", "Now Hyper-SD, 8 steps", "Best of what is installed"),
        Card("hyper-sdxl-8", "Hyper-SD", "8 steps, 5× faster", "Negative prompt works", works=True),
        Card("dmd2", "DMD2", "4 steps, 10× faster", "Negative prompt works", "non-commercial", works=True),
        Card("lightning-4", "Lightning", "4 steps, 10× faster", "Negative prompt works", works=True),
        Card("hyper-sdxl-8-cfg", "Hyper-SD CFG", "8 steps, 2.5× faster", "Negative prompt works", works=True),
    ]


def test_with_the_negative_prompt_switched_off_no_card_says_that_it_works_but_by_cfg() -> None:
    there = facts("sdxl", LIGHTNING, CFG, lora("lcm-sdxl", "lcm", "sdxl"), HYPER)
    for chosen in ("auto", "lcm"):
        found = {card.key: (card.more, card.works) for card in cards(seen(there, method=chosen, nag=0))}
        assert found == {
            "auto": ("Best of what is installed", False), "hyper-sdxl-8": ("No negative prompt", False),
            "lightning-4": ("No negative prompt", False),
            "lcm": ("No negative prompt", False), "hyper-sdxl-8-cfg": ("Negative prompt works", True),
        }
    listed = {row.key: row.facts for group in groups(seen(there, nag=0)) for row in group.rows}
    assert listed["dmd2"] == "10× faster · no negative prompt"


@pytest.mark.parametrize(("key", "loras", "mark"), [
    ("lcm", (HYPER,), "not installed"), ("lcm", (HYPER, LCM), "does not fit"), ("hyper-sd15-8", (HYPER,), "does not fit"),
    ("dmd2", (HYPER,), "not installed"),
])
def test_a_chosen_method_that_cannot_run_has_a_card_that_says_so(key: str, loras: tuple, mark: str) -> None:
    found = {card.key: card for card in cards(seen(facts("sdxl", *loras), method=key))}
    assert found[key].mark == mark and list(found) == ["auto", "hyper-sdxl-8", key]


def test_what_is_fine_tuned_shows_on_the_chosen_card_alone() -> None:
    before, after = cards(seen(SDXL, method="hyper-sdxl-8")), cards(seen(SDXL, method="hyper-sdxl-8", steps=30))
    assert [(b.key, a.facts) for b, a in zip(before, after, strict=True) if b != a] == [("hyper-sdxl-8", "30 steps, 1.3× faster")]


def test_a_card_that_cannot_run_promises_nothing() -> None:
    card = next(card for card in cards(seen(facts("sdxl", HYPER, LCM), method="lcm")) if card.key == "lcm")
    assert (card.facts, card.more, card.mark, card.works) == ("4 steps", "", "does not fit", False)


def test_there_are_eight_at_most_and_the_rest_can_be_used_all_the_same() -> None:
    keys = [row.key for row in TABLES.profiles.values() if row.weights == LORA and "sdxl" in row.families][:12]
    there = facts("sdxl", *(lora(f"x{i}", key, "sdxl") for i, key in enumerate(keys)))
    last = [key for key in TABLES.auto_order if key in keys][-1]
    for chosen, more in (("auto", 5), (last, 5)):
        made = seen(there, method=chosen)
        shown = [card.key for card in cards(made)]
        installed = next(group for group in groups(made) if group.key == "installed")
        assert len(shown) == 8 and chosen in shown and len(installed.rows) == more
        assert {row.act for row in installed.rows} == {f"use:{row.key}" for row in installed.rows}
        assert {*shown[1:], *(row.key for row in installed.rows)} == set(keys)


@pytest.mark.parametrize("family", ["sd15", "sdxl", "sd21", "vega", "flux", None])
def test_no_method_is_hidden(family: str | None) -> None:
    made = seen(facts(family, HYPER))
    listed = [row.key for group in groups(made) for row in group.rows] + [card.key for card in cards(made)]
    assert len(listed) == len(set(listed))
    missing = set(TABLES.profiles) - set(listed)
    for key in missing:  # whose file nobody may or can fetch, for this family
        row = TABLES.profiles[key]
        assert row.weights == LORA and family in row.families
        assert not [row for row in first_steps(made) if row.key == key]


def test_what_auto_takes_is_told() -> None:
    def auto(*loras: object, **more: object) -> Card:
        return cards(seen(replace(facts("sdxl", *loras), **more)))[0]  # type: ignore[arg-type]

    assert auto().facts == "Nothing to take yet"
    assert auto(HYPER, saved={"method": "hyper-sdxl-8", "steps": 6}) == Card(
        "auto", "Auto", "Now Hyper-SD, 6 steps", "Saved for this checkpoint"
    )
    assert auto(checkpoint=Detection("sdxl-turbo", "x")).more == "This model is distilled"
    assert cards(seen(SDXL, prompt="<lora:sdxl_lightning_4step_lora:1>"))[0].more == "From your prompt"
    assert cards(seen(SDXL, method="lightning-4"))[0].facts == "Now Hyper-SD, 8 steps"


def test_a_start_is_recommended_with_size_and_licence_and_one_without_a_download() -> None:
    rows = first_steps(seen(facts("sdxl")))
    assert (rows[0].key, rows[0].recommended) == ("hyper-sdxl-8", True)
    assert (rows[0].size, rows[0].licence, rows[0].act) == ("787 MB", "Licence openrail++", "download:hyper-sdxl-8")
    assert len(rows) == 4 and not any(row.nc or row.recommended for row in rows[1:])
    assert (rows[-1].key, rows[-1].size, rows[-1].act) == ("ays-10", "no file needed", "use:ays-10")


def test_details_say_what_exactly_runs_and_what_it_is_compared_with() -> None:
    rows = dict(details(seen(SDXL, method="hyper-sdxl-8", host_steps=25, host_cfg=5.0)).rows)
    assert rows["Work"] == "8 UNet evaluations instead of 50, those of your own 25 steps at CFG 5"
    assert rows["Timesteps"] == "999 874 749 624 499 374 249 124" and rows["LoRA"] == "<lora:Hyper-SDXL-8steps-lora:1>"
    assert rows["Made for"] == "about 1024x1024 pixels" and "Hyper-SD README" in rows["Source"]


def test_the_time_is_told_where_it_was_measured() -> None:
    made = replace(seen(SDXL), seconds=0.25)
    assert dict(details(made).rows)["Time"] == "about 2 s a picture instead of 10 s"
    assert "Time" not in dict(details(seen(SDXL)).rows)


@pytest.mark.parametrize(("key", "name", "text"), [
    ("hyper-sdxl-8", "steps", "Made for 8"), ("tcd", "steps", "Recommended 4; 4 to 50 work"),
    ("tcd", "gamma", "Recommended 0.3; 0 adds no noise"),
    ("tcd", "cfg", "Recommended 1"), ("hyper-flux-8", "guidance", "Built into this model, recommended 3.5"),
])
def test_a_slider_says_what_is_recommended(key: str, name: str, text: str) -> None:
    assert fine.info(TABLES.profiles[key], name) == text


def test_what_is_changed_is_counted() -> None:
    row = TABLES.profiles["hyper-sdxl-8"]
    controls = replace(filled(row, True, row.key), steps=12, weight=0.8)
    made = seen(SDXL, method=row.key, steps=12, weight=0.8)
    assert fine.changed(made, controls) == ("steps", "weight") and fine.hint(fine.changed(made, controls)) == "2 changed"
    assert fine.changed(seen(SDXL, method=row.key), filled(row, True, row.key)) == () and fine.hint(()) == "as recommended"


@pytest.mark.parametrize(("size", "text"), [
    (787_359_648, "787 MB"), (999_400_000, "999 MB"), (1_200_000_000, "1.2 GB"), (6_938_040_714, "6.9 GB"), (None, "size unknown"),
    (3000, "1 MB"),
])
def test_sizes_are_told_as_people_do(size: int | None, text: str) -> None:
    assert size_text(size) == text


def test_licences_and_times_are_short() -> None:
    assert licence_text("") == licence_text("unknown") == "licence unknown" and len(licence_text("x" * 90)) <= 24
    assert [seconds_text(s) for s in (0.42, 1.26, 8.4, 12.3, 100, 600)] == ["0.42 s", "1.3 s", "8.4 s", "12 s", "2 min", "10 min"]


def test_the_details_name_the_hosts_preset_as_overridden() -> None:
    preset = Preset("qwen", "LCM", "Normal", 8, 1.0, 9.0)
    rows = dict(details(seen(replace(SDXL, preset=preset))).rows)
    assert rows["Preset"] == "qwen: LCM, Normal, CFG 1, shift 9, 8 steps; overridden by the Accelerator"
    assert "shift" not in dict(details(seen(replace(SDXL, preset=replace(preset, shift=None)))).rows)["Preset"]
    assert "Preset" not in dict(details(seen(SDXL)).rows)
    assert "Preset" not in dict(details(seen(replace(SDXL, preset=preset, loras=()))).rows), "where nothing runs, the preset does"
