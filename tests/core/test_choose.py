"""Distilled checkpoints, methods without weights, saved settings: what runs, and what is refused with a reason."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib_fewstep.core.choose import choose, runnable
from lib_fewstep.core.decide import make_plan
from lib_fewstep.core.detect import Detection, detect_checkpoint
from lib_fewstep.core.facts import Facts
from lib_fewstep.core.layout import NO_LAYOUT, Layout, layout_of
from lib_fewstep.core.offers import offer_for
from lib_fewstep.core.passes import Counting, Pass, counted
from lib_fewstep.core.plan import Plan
from lib_fewstep.core.profiles import Tables
from lib_fewstep.core.request import NO_LORA, Request, request_from
from lib_fewstep.core.tables import load_tables
from tests.core.situations import HYPER_8, LCM, STYLE, TABLES, TCD, UNET_LAYOUTS, facts, lora

ROWS = """
methods:
  merge: {label: "A merge", families: [sd15], weights: checkpoint, steps: 6, cfg: 2, sampler: Euler, timesteps: host, scheduler: Karras,
          negative_prompt: weak, resolution: {sd15: 512}}
  one: {label: "One step", families: [sd15], weights: checkpoint, steps: 1, cfg: 1, sampler: LCM Few-Step, timesteps: [800],
        scheduler: Automatic, negative_prompt: "no"}
  full: {label: "Full LCM", families: [sd15], weights: checkpoint, steps: {default: 4, min: 1, max: 8}, cfg: 1, sampler: LCM Few-Step,
         guidance: {default: 8, min: 3, max: 13}, timesteps: lcm, scheduler: Automatic, negative_prompt: "no"}
  nitro: {label: "Shifted", families: [sd15], weights: checkpoint, steps: {default: 4, min: 1, max: 4}, cfg: 1, sampler: LCM Few-Step,
          shift: 250, timesteps: [999, 749, 499, 249], scheduler: Simple, negative_prompt: "no"}
  plain: {label: "No LoRA", families: [sd15, sdxl], weights: none, steps: 10, cfg: 7, sampler: Euler, timesteps: host, scheduler: Beta,
          negative_prompt: "yes"}
  staged: {label: "Two stages", families: [sd15], steps: 8, cfg: {default: 5, min: 1, max: 8}, cfg_steps: 2, weight: 1, sampler: Euler,
           timesteps: trailing, scheduler: Simple, negative_prompt: "yes"}
files:
  - {file: merge.safetensors, kind: checkpoint, method: merge, family: sd15, names: ["^my-merge"], sha256: "SHA"}
  - {file: lcm-merged.safetensors, kind: checkpoint, method: lcm, family: sd15, names: ["^lcm-merged"]}
""".replace("SHA", "ab" * 32)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    path: Path = tmp_path_factory.mktemp("tables") / "rows.yaml"
    path.write_text(ROWS, encoding="utf-8")
    made = load_tables([path])
    assert made.problems == ()
    return made


def checkpoint(method: str | None, layout: Layout = UNET_LAYOUTS["sd15"], reason: str = "its name says so") -> Detection:
    return Detection(method, reason, layout)


def loaded(method: str | None, *loras: Any, **more: Any) -> Facts:
    return facts("sd15", *loras, checkpoint=checkpoint(method), **more)


def plan(tables: Tables, there: Facts, **asked: Any) -> Plan:
    return make_plan(Request(**asked), there, tables)


# ------------------------------------------------------------------------------------------------------------- recognised


@pytest.mark.parametrize("name, metadata, sha256, method", [
    ("My_Merge v2", {}, None, "merge"),
    ("renamed", {}, "ab" * 32, "merge"),
    ("renamed", {"modelspec.title": "my-merge"}, None, "merge"),
    ("some-model", {}, "cd" * 32, None),
    ("lcm-lora-sdv1-5", {}, None, None),
])  # fmt: skip
def test_a_checkpoint_is_known_by_hash_title_or_name(tables: Tables, name: str, metadata: Any, sha256: Any, method: Any) -> None:
    found = detect_checkpoint(name, UNET_LAYOUTS["sd15"], metadata, tables, sha256)
    assert found.method == method and found.family == "sd15" and found.reason


def test_a_name_means_nothing_on_another_family(tables: Tables) -> None:
    assert detect_checkpoint("my-merge", UNET_LAYOUTS["sdxl"], {}, tables).method is None
    assert detect_checkpoint("my-merge", NO_LAYOUT, {}, tables).method == "merge"


@pytest.mark.parametrize("name", ["time_embedding.cond_proj.weight", "model.diffusion_model.time_embed.cond_proj.weight"])
def test_a_guidance_embedding_is_seen_in_the_file(name: str) -> None:
    assert layout_of({name: (320, 256)}).guided and not layout_of({name.replace("cond_proj", "0"): (320, 256)}).guided


@pytest.mark.parametrize("family, name", [
    ("flux", "model.diffusion_model.single_blocks.0.linear1.weight"),
    ("flux", "transformer.single_transformer_blocks.3.attn.to_q.lora_A.weight"),
    ("flux", "lora_unet_single_blocks_0_linear1.lora_down.weight"),
    ("sd3", "model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight"),
    ("sd3", "transformer.transformer_blocks.0.attn.to_q.lora_A.weight"),
    (None, "model.diffusion_model.transformer.layers.0.weight"),
])  # fmt: skip
def test_diffusion_transformers_are_told_apart(family: str | None, name: str) -> None:
    assert layout_of({name: (64, 64)}).family == family


# ------------------------------------------------------------------------------------------------------------------- runs


def test_auto_runs_what_the_checkpoint_is_without_a_lora(tables: Tables) -> None:
    found = plan(tables, loaded("merge", LCM, HYPER_8))
    assert (found.method, found.lora, found.tag, found.steps, found.cfg) == ("merge", None, "", 6, 2)
    assert "No LoRA is added" in found.notes[0] and "its name says so" in found.notes[0]
    assert "no LoRA" in found.summary


def test_a_method_that_has_loras_runs_without_one_on_a_checkpoint_of_it(tables: Tables) -> None:
    found = plan(tables, loaded("lcm", LCM), method="lcm")
    assert (found.method, found.lora, found.first.timesteps) == ("lcm", None, (999, 759, 499, 259))


@pytest.mark.parametrize("asked, words", [
    ({"method": "lcm"}, ("A merge itself", "LCM-LoRA was chosen")),
    ({"method": "one"}, ("A merge itself", "One step was chosen")),
    ({"prompt": "a <lora:lcm-sd15:1>"}, ("A merge itself", "<lora:lcm-sd15:1>", "Take the tag out")),
])  # fmt: skip
def test_two_accelerators_are_refused(tables: Tables, asked: dict[str, str], words: tuple[str, ...]) -> None:
    found = plan(tables, loaded("merge", LCM), **asked)
    assert not found.active and all(word in found.notes[0] for word in words), found.notes


@pytest.mark.parametrize("prompt", ["", "a <lora:lcm-sd15:1>"])
def test_who_names_the_lora_means_it(tables: Tables, prompt: str) -> None:
    found = plan(tables, loaded("merge", LCM), lora="lcm-sd15", prompt=prompt)
    assert (found.method, found.lora) == ("lcm", "lcm-sd15") and any("recognised as merge" in note for note in found.notes)


def test_a_checkpoint_method_may_be_chosen_for_an_unknown_checkpoint(tables: Tables) -> None:
    found = plan(tables, loaded(None, LCM), method="merge")
    assert found.active and found.lora is None and "not recognised as A merge" in found.notes[0]


def test_no_lora_means_the_settings_alone(tables: Tables) -> None:
    found = plan(tables, loaded(None, LCM), method="lcm", lora=NO_LORA)
    assert found.active and found.lora is None and found.tag == "" and found.steps == 4
    assert not plan(tables, loaded(None, LCM), lora=NO_LORA).active
    assert plan(tables, loaded("merge", LCM), lora=NO_LORA).method == "merge"
    assert not plan(tables, loaded(None), method="hyper-sdxl-8", lora=NO_LORA).active
    refused = plan(tables, loaded(None, LCM), lora=NO_LORA, prompt="<lora:lcm-sd15:1>")
    assert not refused.active and "set LoRA to Auto" in refused.notes[0]


def test_a_schedule_needs_no_weights_and_never_runs_by_itself(tables: Tables) -> None:
    found = plan(tables, loaded(None, LCM), method="plain")
    assert (found.active, found.lora, found.cfg, found.notes, found.evaluations) == (True, None, 7, (), 20)
    assert plan(tables, loaded(None)).active is False
    assert any("recognised as merge" in note for note in plan(tables, loaded("merge"), method="plain").notes)


def test_a_schedule_that_the_host_lacks_is_refused(tables: Tables) -> None:
    found = plan(tables, loaded(None, schedulers=frozenset({"Karras"})), method="plain")
    assert not found.active and "schedule Beta" in found.notes[0]


def test_a_lora_with_a_method_that_has_none_is_refused(tables: Tables) -> None:
    found = plan(tables, loaded(None, LCM), method="plain", lora="lcm-sd15")
    assert not found.active and "has no LoRA" in found.notes[0]


@pytest.mark.parametrize("prompt, runs", [
    ("a <lora:gone:0.6>", False), ("a <lora:lcm-sd15:1> <lora:gone>", False), ("a <lora:lcm-sd15:1>", True), ("a", True),
    ("a <hypernet:gone:1>", True),
])  # fmt: skip
def test_where_one_unknown_lora_unloads_all_it_is_refused(tables: Tables, prompt: str, runs: bool) -> None:
    found = plan(tables, loaded(None, LCM, unknown_lora_unloads_all=True), prompt=prompt)
    assert found.active == runs and (runs or "<lora:gone" in found.notes[0])
    assert plan(tables, loaded(None, LCM), prompt=prompt).active
    assert plan(tables, loaded("merge", unknown_lora_unloads_all=True), prompt="a <lora:gone:0.6>").active


# ---------------------------------------------------------------------------------------------------------------- numbers


def test_one_step_from_800(tables: Tables) -> None:
    assert plan(tables, loaded("one")).first.timesteps == (800,)
    assert plan(tables, loaded("one"), denoise=0.5).first.timesteps == (499,)
    assert plan(tables, loaded("one"), denoise=0.9).first.timesteps == (800,)


def test_a_shifted_method_asks_at_one_timestep_for_the_noise_of_another(tables: Tables) -> None:
    found = plan(tables, loaded("nitro"), hires_denoise=0.5)
    assert (found.first.timesteps, found.first.noise_timesteps) == ((249, 187, 124, 62), (999, 749, 499, 249))
    assert found.hires is not None
    assert (found.hires.timesteps, found.hires.noise_timesteps) == ((124, 93, 62, 31), (499, 374, 249, 124))


def test_guidance_needs_the_embedding(tables: Tables) -> None:
    guided = Layout(UNET_LAYOUTS["sd15"].transformers, guided=True)
    there = facts("sd15", checkpoint=checkpoint("full", guided))
    assert plan(tables, there).guidance == 8 and "guidance 8" in plan(tables, there).summary
    found = plan(tables, there, guidance=2)
    assert found.guidance == 2 and found.changed == {"guidance": 2} and "Guidance 2 is outside" in found.notes[0]
    without = plan(tables, loaded("full"))
    assert without.guidance is None and any("no guidance embedding" in note for note in without.notes)


@pytest.mark.parametrize("steps, cfg, k, expected", [
    (8, 5, 2, 10), (8, 5, 0, 16), (8, 5, 8, 16), (8, 5, 9, 16), (8, 1, 2, 8), (4, 2, 1, 5),
])  # fmt: skip
def test_two_stages_of_cfg_cost_what_they_cost(tables: Tables, steps: int, cfg: float, k: int, expected: int) -> None:
    found = plan(tables, loaded(None, LCM), method="staged", lora="lcm-sd15", steps=steps, cfg=cfg, cfg_steps=k)
    assert found.evaluations == expected
    assert ("then 1" in found.summary) == (expected not in (8, 16))


def test_two_stages_with_a_sampler_that_asks_twice() -> None:
    found = counted(Pass(8, "Heun"), cfg=5, cfg_steps=2, by=Counting({"Heun": 2}))
    assert (found.guided_calls, found.evaluations) == (4, 4 * 2 + 11)


def test_the_rows_two_stages_are_the_default(tables: Tables) -> None:
    found = plan(tables, loaded(None, LCM), method="staged", lora="lcm-sd15")
    assert (found.cfg_steps, found.evaluations, found.changed) == (2, 10, {})


def test_two_stages_at_cfg_1_are_said_to_have_no_effect(tables: Tables) -> None:
    found = plan(tables, loaded(None, LCM), method="lcm", cfg_steps=2)
    assert found.cfg_steps == 0 and any("has no effect" in note and "first 2" in note for note in found.notes)


@pytest.mark.parametrize("side, told", [(512, False), (768, False), (1024, True)])
def test_a_picture_much_larger_than_the_method_was_made_for_earns_a_note(tables: Tables, side: int, told: bool) -> None:
    found = plan(tables, loaded("merge"), width=side, height=side)
    assert any("512x512" in note and f"{side}x{side}" in note for note in found.notes) == told


# ------------------------------------------------------------------------------------------------------------------ saved


SAVED = {"method": "lcm", "steps": 6, "weight": 0.8}


def test_what_the_user_saved_for_the_checkpoint_runs_under_auto(tables: Tables) -> None:
    found = plan(tables, loaded(None, HYPER_8, LCM, saved=SAVED))
    assert (found.method, found.steps, found.tag) == ("lcm", 6, "<lora:lcm-sd15:0.8>")


@pytest.mark.parametrize("asked, expected", [
    ({"steps": 3}, ("lcm", 3)), ({"method": "hyper-sd15-8"}, ("hyper-sd15-8", 8)),
    ({"lora": "Hyper-SD15-8steps-lora"}, ("hyper-sd15-8", 8)),
    ({"prompt": "<lora:Hyper-SD15-8steps-lora:1>"}, ("hyper-sd15-8", 8)),
])  # fmt: skip
def test_what_is_asked_wins_over_what_is_saved(tables: Tables, asked: dict[str, Any], expected: tuple[str, int]) -> None:
    found = plan(tables, loaded(None, HYPER_8, LCM, saved=SAVED), **asked)
    assert (found.method, found.steps) == expected


def test_damaged_saved_settings_are_told_and_break_nothing(tables: Tables) -> None:
    found = plan(tables, loaded(None, LCM, saved={"method": "lcm", "steps": "many", "junk": 1}))
    assert found.active and found.steps == 4
    assert any("'many'" in note for note in found.notes) and any("junk" in note for note in found.notes)


def test_the_api_may_ask_for_all_of_it() -> None:
    asked = request_from({"lora": "None", "guidance": 7.5, "cfg_steps": 2})
    assert (asked.lora, asked.guidance, asked.cfg_steps, asked.problems) == (NO_LORA, 7.5, 2, ())


# ------------------------------------------------------------------------------------------- what the prompt's tags cannot do


@pytest.mark.parametrize("written", ["<lora:TCD-SD15-LoRA:abc>", "<lora:TCD-SD15-LoRA:>", "<lora:style:x> <lora:TCD-SD15-LoRA:1>"])
def test_a_tag_whose_weight_is_not_a_number_is_refused_because_the_webui_then_loads_no_lora(tables: Tables, written: str) -> None:
    found = plan(tables, loaded(None, TCD, STYLE), prompt=f"a cat {written}")
    assert not found.active
    assert "not a number" in found.notes[0] and written.split(" ")[0] in found.notes[0]


def test_the_same_accelerator_twice_is_refused_because_webuis_add_both(tables: Tables) -> None:
    found = plan(tables, loaded(None, TCD), prompt="<lora:TCD-SD15-LoRA:0.8> a cat <lora:tcd alias:0.5>")
    assert not found.active
    assert all(text in found.notes[0] for text in ("<lora:TCD-SD15-LoRA:0.8>", "<lora:tcd alias:0.5>", "keep one"))


def test_and_inside_the_name_of_a_tag_is_no_second_prompt(tables: Tables) -> None:
    found = plan(tables, loaded(None, replace(LCM, name="cats AND dogs")), prompt="a cat <lora:cats AND dogs:1>")
    assert (found.evaluations, found.tag) == (4, "")


# ------------------------------------------------------------------------------------------------ what other samplers cannot do


def test_a_shifted_method_keeps_its_sampler_and_its_timesteps(tables: Tables) -> None:
    found = plan(tables, loaded("nitro"), sampler="Euler", scheduler="Karras", hires_denoise=0.5, hires_sampler="Heun")
    assert found.hires is not None
    assert (found.first.sampler, found.hires.sampler, found.first.timesteps) == ("LCM Few-Step", "LCM Few-Step", (249, 187, 124, 62))
    for ignored in ("sampler Euler", "sampler Heun", "schedule Karras"):
        assert any(f"{ignored} is ignored" in note for note in found.notes)


def test_a_method_that_predicts_the_picture_runs_with_any_sampler(tables: Tables) -> None:
    found = plan(tables, loaded("one"), sampler="Euler")
    assert (found.first.sampler, found.first.timesteps) == ("Euler", (800,))


# ---------------------------------------------------------------------------------------------------------------- more work


def test_more_work_than_the_users_own_settings_is_warned_of(tables: Tables) -> None:
    there = loaded(None, HYPER_8)
    found = plan(tables, there, steps=30, cfg=6, host_steps=20, host_cfg=7)
    assert found.evaluations == 60 and found.evaluations_without == 40
    assert any("60 UNet evaluations instead of 40" in note and "Reset" in note for note in found.notes)
    assert "8 steps: 30 steps" not in found.summary and "made for 8 steps" in found.summary
    assert not any("more work" in note for note in plan(tables, there, host_steps=4, host_cfg=1).notes)


def test_an_img2img_pass_on_the_webuis_own_schedule_says_that_it_makes_a_share(tables: Tables) -> None:
    found = plan(tables, loaded("merge"), denoise=0.5)
    assert found.first.steps == 4
    assert any("0.5" in note and "4 of 6 steps" in note and "Karras" in note for note in found.notes)


def test_of_several_that_share_an_alias_the_tag_means_the_file_of_that_name(tables: Tables) -> None:
    others = [replace(TCD, name=name, aliases=("TCD-SD15-LoRA",)) for name in ("old", "copy")]
    found = plan(tables, loaded(None, *others, TCD), prompt="<lora:TCD-SD15-LoRA:0.8>")
    assert (found.active, found.lora, found.weight, found.tag) == (True, "TCD-SD15-LoRA", 0.8, "")


# ------------------------------------------------------------------------------------------------- one LoRA, two ways of running it


def test_a_method_runs_on_another_methods_lora_at_its_own_settings() -> None:
    dmd2 = facts("sdxl", lora("dmd2_sdxl_4step_lora_fp16", "dmd2", "sdxl"))
    assert choose(Request(), dmd2, TABLES).profile.key == "dmd2", "Auto takes what the file is"
    for asked in (Request(method="dmd2-community"), Request(method="dmd2-community", prompt="a <lora:dmd2_sdxl_4step_lora_fp16:0.7>")):
        made = make_plan(asked, dmd2, TABLES)
        assert (made.method, made.steps, made.weight, made.lora) == ("dmd2-community", 8, 0.7, "dmd2_sdxl_4step_lora_fp16")
        assert made.notes == ()
    assert [profile.key for profile in runnable(dmd2, TABLES) if profile.weights == "lora"] == ["dmd2", "dmd2-community"]
    nothing = make_plan(Request(method="dmd2-community"), facts("sdxl"), TABLES)
    assert not nothing.active and "dmd2_sdxl_4step_lora_fp16.safetensors from tianweiy/DMD2" in nothing.notes[0]
    offer = offer_for(Request(method="dmd2-community"), facts("sdxl"), TABLES)
    assert offer is not None and offer.repo == "tianweiy/DMD2"
