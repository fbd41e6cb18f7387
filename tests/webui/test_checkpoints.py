"""Checkpoints that are distilled themselves, and methods that are no more than a schedule: neither has a LoRA.

Each is judged by what the UNet was asked, by the picture that the same settings make by hand, and by what the picture says of its making.
"""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lib_fewstep.core.profiles import NOTHING, Profile

from .checkpoints import chosen, installed
from .client import PROMPT, Result, WebUI
from .hosts import TABLES, checkpoints_of
from .test_generation import assert_no_option_changed, published_timesteps, same

DISTILLED = {"sd15": "lcm-full", "sdxl": "sdxl-turbo"}
SCHEDULES = [profile.key for profile in TABLES.profiles.values() if profile.weights == NOTHING]
TWICE_A_STEP = ("DPM++ SDE",)
"""Samplers that ask the UNet twice in each step but the last (k-diffusion's sample_dpmpp_sde)."""

Published = tuple[str, Profile]
"""What a checkpoint's file is called, and its method."""


def asked_timesteps(method: Profile) -> list[int] | None:
    """The rule's timesteps, shifted as NitroFusion's scheduler does it; None where the host's schedule decides."""
    nominal = published_timesteps(method.timesteps, int(method.steps.default))
    return nominal if nominal is None or not method.timestep_shift else [int(t * method.timestep_shift / 1000) for t in nominal]


def expected_evaluations(method: Profile) -> int:
    steps = int(method.steps.default)
    calls = 2 * steps - 1 if method.sampler in TWICE_A_STEP else steps
    return calls * (1 if method.cfg.default == 1 else 2)


def settings_by_hand(method: Profile) -> dict[str, Any]:
    steps, cfg = int(method.steps.default), method.cfg.default
    return {"steps": steps, "cfg_scale": cfg, "sampler_name": method.sampler, "scheduler": method.scheduler}


def without_negative_prompt(webui: WebUI, cfg: float = 1) -> dict[str, Any]:
    """At CFG 1 the host's own option to leave it out, else the one to evaluate it apart: in a batch of two, nine evaluations are rounded
    otherwise.
    """
    defaults = webui.get("/probe/defaults")
    found = next(({name: value} for name, value in (("skip_early_cond", 1.0), ("batch_cond_uncond", False)) if name in defaults), {})
    return {"override_settings": found} if cfg == 1 and found else {}


def schedules(webui: WebUI) -> set[str]:
    return {schedule["label"] for schedule in webui.get("/sdapi/v1/schedulers")}


def unmet_need(webui: WebUI, method: Profile) -> str | None:
    """What the host lacks for a method whose schedule is the host's own."""
    if method.timesteps is None and method.scheduler not in schedules(webui):
        return f"needs the schedule {method.scheduler}, which this WebUI does not have"
    if method.sampler not in webui.get("/probe/registry")["samplers"]:
        return f"needs the sampler {method.sampler}, which this WebUI does not have"
    return None


# ---------------------------------------------------------------------------------------------------- distilled checkpoints


def test_a_distilled_checkpoint_runs_by_itself(webui: WebUI, published: Published) -> None:
    name, method = published
    with chosen(webui, name):
        need, before = unmet_need(webui, method), webui.options()
        plan, result = webui.plan(), webui.txt2img({})
        assert_no_option_changed(webui, before, result)
        if need is not None:
            assert not plan["active"] and need in result.comments and "Accelerator" not in result.infotext
            assert result.files == webui.txt2img().files
            return
        steps, cfg, expected = int(method.steps.default), method.cfg.default, asked_timesteps(method)
        assert (plan["method"], plan["lora"], plan["tag"]) == (method.key, None, "")
        if expected is not None:
            assert result.timesteps() == pytest.approx(expected, abs=1)
        else:
            by_hand = webui.txt2img(**settings_by_hand(method), **without_negative_prompt(webui, cfg))
            assert result.timesteps() == by_hand.timesteps() and same(result.image, by_hand.image)
        assert result.evaluations == plan["evaluations"] == expected_evaluations(method)
        assert result.loras == [] and result.probe["prompts"] == [PROMPT]
        assert f"Steps: {steps}, Sampler: {method.sampler}" in result.infotext
        assert f"CFG scale: {cfg:g}" in result.infotext.replace(f"{cfg:.1f}", f"{cfg:g}")
        assert f"Accelerator: {method.key}, Accelerator LoRA: none" in result.infotext
        assert f"No LoRA is added, because the loaded checkpoint is {method.label} itself (its name says {method.key})" in result.comments
        assert result.image.std() > 1
        restores(webui, result)


def restores(webui: WebUI, made: Result) -> None:
    """The picture's own infotext makes it again."""
    read = webui.restored(made.files[0])
    assert read["Prompt"] == PROMPT
    accelerator = {"method": read["Accelerator"], "lora": read["Accelerator LoRA"], "steps": read["Steps"], "cfg": read["CFG scale"]}
    again = webui.txt2img(accelerator, seed=int(read["Seed"]))
    assert again.infotext == made.infotext and again.files == made.files


def published_name(webui: WebUI) -> str:
    return next(name for name, method in checkpoints_of(webui.family) if method.key == DISTILLED[webui.family])


def test_a_checkpoint_for_one_request_leaves_the_usual_one(webui: WebUI) -> None:
    """`override_settings`: the method follows the checkpoint there, and back."""
    before = webui.txt2img({})
    with installed(webui, published_name(webui)) as file:
        result = webui.txt2img({}, override_settings={"sd_model_checkpoint": file})
        assert f"Accelerator: {DISTILLED[webui.family]}, Accelerator LoRA: none" in result.infotext and result.loras == []
        after = webui.txt2img({})
    assert after.infotext == before.infotext and after.files == before.files and len(after.loras) == 1


@pytest.fixture
def distilled(webui: WebUI) -> Iterator[str]:
    """A distilled checkpoint is chosen; its label."""
    with chosen(webui, published_name(webui)):
        yield TABLES.profiles[DISTILLED[webui.family]].label


def test_two_accelerators_are_refused(webui: WebUI, distilled: str) -> None:
    plain, tag = webui.txt2img(), f"<lora:{webui.lora_of(TABLES.profiles['lcm'])}:1>"
    tagged = webui.txt2img({}, prompt=f"{PROMPT} {tag}")
    assert f"The loaded checkpoint is {distilled} itself" in tagged.comments
    assert f"the prompt holds {tag}. Take the tag out" in tagged.comments
    assert "Steps: 6, Sampler: Euler" in tagged.infotext and "Accelerator" not in tagged.infotext
    chosen_too = webui.txt2img({"method": "tcd"})
    assert f"The loaded checkpoint is {distilled} itself" in chosen_too.comments and "Set Method to Auto" in chosen_too.comments
    assert chosen_too.files == plain.files and chosen_too.infotext == plain.infotext


def test_who_names_a_lora_on_a_distilled_checkpoint_means_it(webui: WebUI, distilled: str) -> None:
    lora = webui.lora_of(TABLES.profiles["tcd"])
    result = webui.txt2img({"lora": lora})
    assert f"Accelerator: tcd, Accelerator LoRA: {lora}" in result.infotext and [each["name"] for each in result.loras] == [lora]
    assert f"recognised as {DISTILLED[webui.family]}; two accelerators together usually spoil the picture" in result.comments


def test_no_lora_on_an_ordinary_checkpoint(webui: WebUI) -> None:
    """A method's settings alone, for a checkpoint that has it merged in under a name that says nothing."""
    plain = webui.txt2img()
    refused = webui.txt2img({"lora": "none"})
    assert "not recognised as distilled. Choose the method" in refused.comments and refused.files == plain.files
    for key in ("lcm", "tcd"):
        result = webui.txt2img({"method": key, "lora": "none"})
        sampler = TABLES.profiles[key].sampler
        by_hand = webui.txt2img(steps=4, cfg_scale=1, sampler_name=sampler, scheduler="Automatic")
        assert result.loras == [] and same(result.image, by_hand.image)
        assert result.timesteps() == by_hand.timesteps() == pytest.approx([999, 759, 499, 259], abs=1)
        assert f"not recognised as {TABLES.profiles[key].label}; its settings are used as chosen" in result.comments
        restores(webui, result)


# ------------------------------------------------------------------------------------------------------ schedules, no LoRA


@pytest.mark.parametrize("key", SCHEDULES)
def test_a_schedule_alone_is_what_it_is_by_hand(webui: WebUI, key: str) -> None:
    method, words = TABLES.profiles[key], {"negative_prompt": "blue square"}
    before, plan, result = webui.options(), webui.plan(method=key), webui.txt2img({"method": key}, **words)
    assert_no_option_changed(webui, before, result)
    if (need := unmet_need(webui, method)) is not None:
        assert need in result.comments and "Accelerator" not in result.infotext and not plan["active"]
        assert result.files == webui.txt2img(**words).files
        return
    by_hand = webui.txt2img(**settings_by_hand(method), **words)
    assert result.timesteps() == by_hand.timesteps() and same(result.image, by_hand.image)
    assert result.loras == [] and result.comments == ""
    assert result.evaluations == by_hand.evaluations == plan["evaluations"] == 2 * int(method.steps.default)
    assert f"Accelerator: {key}, Accelerator LoRA: none" in result.infotext
    assert not same(result.image, webui.txt2img({"method": key}).image), "the negative prompt does nothing"


def test_a_schedule_alone_runs_on_a_distilled_checkpoint_too(webui: WebUI, distilled: str) -> None:
    result = webui.txt2img({"method": "dpmpp-2m-karras"})
    assert "Accelerator: dpmpp-2m-karras" in result.infotext
    assert f"recognised as {DISTILLED[webui.family]}" in result.comments
