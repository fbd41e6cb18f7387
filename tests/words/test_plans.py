"""What a plan says, it can say in another language as a whole: its line, its notes, and all that these are composed of."""
from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from lib_fewstep.core.decide import make_plan
from lib_fewstep.core.detect import Detection, detect_checkpoint
from lib_fewstep.core.facts import Facts
from lib_fewstep.core.layout import OTHER as OTHER_NAMING
from lib_fewstep.core.layout import Layout, layout_of
from lib_fewstep.core.plan import Plan
from lib_fewstep.core.request import Request, request_from
from lib_fewstep.words.say import ENGLISH, Sentence, in_language, say
from tests.core.situations import HYPER_8, LCM, LIGHTNING, STYLE, TABLES, TCD, UNET_LAYOUTS, facts, lora
from tests.words.test_sentences import NAMES, latin

BROKEN = lora("broken", None, "", readable=False, reason=say("unreadable.because", reason=say("unreadable.empty")))
DMD2 = replace(facts("sdxl"), checkpoint=detect_checkpoint("dmd2-merge", UNET_LAYOUTS["sdxl"], {"title": "dmd2_sdxl_4step"}, TABLES, None))
IS_LCM = replace(facts("sd15", LCM), checkpoint=Detection("lcm", say("found.by_name", method="lcm"), UNET_LAYOUTS["sd15"]))
ORDINARY = replace(facts("sd15", LCM), checkpoint=Detection(None, say("found.nothing"), UNET_LAYOUTS["sd15"]))
WAN = lora("wan", "wan22-lightning-4", layout=Layout(frozenset(), named="wan"))
WAN_NET = {"blocks.0.self_attn.q.weight": (64, 64)}
ODD = {"blocks.0.self_attn.q.lora_down.weight": (4, 64), **{f"blocks.0.mlp.{n}.lora_down.weight": (4, 64) for n in range(3)}}
LOADED = "<lora:lcm-sd15:1>"


def narrow(**sizes: int) -> Any:
    """A LoRA for SD 1.5 of other sizes than the UNet's."""
    there = next(each for each in sorted(UNET_LAYOUTS["sd15"].transformers) if each.context)
    layout = Layout(frozenset({replace(there, **sizes)}))
    return facts("sd15", lora("narrow", "lcm", layout=layout))


SITUATIONS: dict[str, tuple[dict[str, Any], Facts]] = {
    "plain": ({"method": "lcm"}, facts("sd15", LCM)),
    "every number": (
        {"method": "tcd", "steps": 49, "cfg": 9, "gamma": 0.9, "weight": 0.2, "cfg_steps": 2, "negative_prompt": "x"}, facts("sd15", TCD),
    ),
    "no switch": ({"method": "lcm", "draft": "x"}, facts("sd15", LCM)),
    "too many steps": ({"method": "lcm", "steps": 90}, facts("sd15", LCM)),
    "made for others": ({"method": "hyper-sd15-8", "steps": 3}, facts("sd15", HYPER_8)),
    "negative": ({"method": "lcm", "nag": 0, "negative_prompt": "x"}, facts("sd15", LCM)),
    "negative, prompts joined": (
        {"method": "lcm", "nag": 0, "prompt": "a AND b", "negative_prompt": "x"}, facts("sd15", LCM, skips_uncond=True),
    ),
    "negative, evaluated": ({"method": "lcm", "nag": 0, "negative_prompt": "x"}, facts("sd15", LCM, leaves_out_negative=False)),
    "negative, on": ({"method": "lcm", "negative_prompt": "x"}, facts("sd15", LCM)),
    "negative, on, a schedule of the host's": ({"method": "lcm", "scheduler": "Karras", "negative_prompt": "x"}, facts("sd15", LCM)),
    "no CFG": ({"method": "lcm", "cfg_steps": 1}, facts("sd15", LCM)),
    "uncountable": (
        {"method": "lcm", "cfg": 2, "cfg_steps": 1, "sampler": "DPM adaptive"}, facts("sd15", LCM, calls_per_step={"DPM adaptive": 0}),
    ),
    "hires": (
        {"method": "lcm", "hires_denoise": 0.5, "hires_scheduler": "Karras", "host_hires_steps": 20, "hires_sampler": "Euler"},
        facts("sd15", LCM),
    ),
    "prompt's weight": ({"prompt": "<lora:lcm-sd15:0.2>", "weight": 1.5}, facts("sd15", LCM)),
    "sampler": ({"method": "lcm", "sampler": "nope", "scheduler": "neither"}, facts("sd15", LCM, samplers=frozenset({"LCM Few-Step"}),
                                                                               schedulers=frozenset({"Simple"}))),
    "self-timed": ({"method": "lcm", "sampler": "DDIM"}, facts("sd15", LCM, self_timed={"DDIM": 1})),
    "no such sampler here": ({"method": "lcm"}, facts("sd15", LCM, samplers=frozenset({"Euler"}))),
    "large": ({"method": "lcm", "width": 2048, "height": 2048}, facts("sd15", LCM)),
    "itself": ({"second_checkpoint": "other"}, IS_LCM),
    "by its header": ({}, DMD2),
    "as chosen": ({"method": "tcd", "lora": "none"}, ORDINARY),
    "not distilled": ({"lora": "none"}, ORDINARY),
    "two accelerators": ({"lora": "lcm-sd15"}, replace(IS_LCM, checkpoint=Detection("tcd", say("found.nothing")))),
    "lora as chosen": ({"lora": "lcm-sd15", "method": "tcd"}, facts("sd15", LCM)),
    "an old one": ({}, facts("sd15", lora("old", "lcm", superseded=True, reason=say("found.replaced", reason=say("found.nothing"))))),
    "saved, and gone": ({}, facts("sd15", saved={"method": "lcm"})),
    "saved, and wrong": ({}, facts("sd15", LCM, saved={"method": "lcm", "steps": "many"})),
    "nothing there": ({}, facts("sd15", STYLE)),
    "nothing of it": ({"method": "lcm"}, facts("sd15")),
    "nothing fits": ({}, facts("sdxl", LCM, TCD, HYPER_8)),
    "no other": ({"method": "lcm"}, narrow(width=64)),
    "narrow": ({}, narrow(width=64)),
    "deep": ({}, narrow(depth=9)),
    "text": ({}, narrow(context=64)),
    "another family": ({"lora": "sdxl_lightning_4step_lora"}, facts("sd15", LIGHTNING)),
    "method of another family": ({"method": "lightning-4"}, facts("sd15", LIGHTNING)),
    "for an unsupported family": ({"lora": "lumina"}, facts("sd15", lora("lumina", "lcm", layout=Layout(frozenset(), named="lumina2")))),
    "an unsupported checkpoint": ({}, replace(facts("sd15", LCM), unet=Layout(frozenset(), named="lumina2"))),
    "an unknown checkpoint": ({}, replace(facts("sd15", LCM), unet=Layout(frozenset(), named="other"))),
    "reads the picture": ({}, replace(facts("sd15", LCM), unet=replace(UNET_LAYOUTS["sd15"], channels=8))),
    "unreadable": ({"lora": "broken"}, facts("sd15", BROKEN)),
    "unwritable": ({"lora": "a:b"}, facts("sd15", lora("a:b", "lcm"))),
    "other format": ({"lora": "peft"}, facts("sd15", lora("peft", "lcm", naming=OTHER_NAMING))),
    "unrecognised": ({"lora": "style"}, facts("sd15", lora("style", reason=say("found.nothing")))),
    "gone": ({"lora": "gone"}, facts("sd15")),
    "unknown method": ({"method": "warp-9"}, facts("sd15")),
    "of no method": ({"lora": "lcm-sd15", "method": "dpmpp-2m-karras"}, facts("sd15", LCM)),
    "two in the prompt": ({"prompt": LOADED + "<lora:TCD-SD15-LoRA:1>"}, facts("sd15", LCM, TCD)),
    "twice in the prompt": ({"prompt": LOADED + LOADED}, facts("sd15", LCM)),
    "in the prompt, no LoRA": ({"prompt": LOADED, "lora": "none"}, facts("sd15", LCM)),
    "in the prompt, another": ({"prompt": LOADED, "lora": "TCD-SD15-LoRA"}, facts("sd15", LCM, TCD)),
    "in the prompt, another method": ({"prompt": LOADED, "method": "tcd"}, facts("sd15", LCM, TCD)),
    "in the prompt, on another": ({"prompt": LOADED}, replace(IS_LCM, checkpoint=Detection("tcd", say("found.nothing")))),
    "a method, on another": ({"method": "lcm"}, replace(IS_LCM, checkpoint=Detection("tcd", say("found.nothing")))),
    "bad weight": ({"prompt": "<lora:lcm-sd15:heavy>"}, facts("sd15", LCM)),
    "suspected": ({"prompt": "<lora:lcm-x:1>"}, facts("sd15", LCM, replace(BROKEN, name="lcm-x", detection=replace(
        BROKEN.detection, suspected=True)))),
    "one is missing": ({"prompt": "<lora:nowhere:1>"}, facts("sd15", LCM, unknown_lora_unloads_all=True)),
    "shadowed": ({}, facts("sd15", replace(LCM, shadowed=("a/x", "b/x")))),
    "problems": ({"steps": "many", "cfg": 99, "method": 5, "setps": 4}, facts("sd15", LCM)),
    "a size of its own": ({"method": "hyper-flux-8", "width": 512, "height": 512}, facts("flux", lora("hyper", "hyper-flux-8", "flux"))),
    "no guidance input": ({"method": "lcm-full", "guidance": 3}, ORDINARY),
    "own timesteps": ({"method": "nitro-realism", "sampler": "Euler", "scheduler": "Karras", "lora": "none"}, facts("sdxl")),
    "no such schedule here": ({"method": "dpmpp-2m-karras"}, facts("sd15", schedulers=frozenset())),
    "negative, not in this network": ({"method": "flux-schnell", "lora": "none", "nag": 2, "negative_prompt": "x"}, facts("flux")),
    "no guidance": ({"method": "tdd-flux"}, replace(facts("flux"), unet=Layout(frozenset(), named="flux"))),
    "shift": ({"shift": 9}, replace(facts("sd15", WAN), unet=WAN.detection.layout)),
    "variety": ({"method": "lcm", "variety": 0.5}, facts("sd15", LCM)),
    "keys unknown": (
        {"lora": "odd"}, replace(facts("sd15", lora("odd", "wan22-lightning-4", layout=layout_of(ODD))), unet=layout_of(WAN_NET)),
    ),
    "more work": ({"method": "lcm", "steps": 40, "host_steps": 5, "host_cfg": 1}, facts("sd15", LCM)),
    "first steps": ({"method": "lcm", "cfg": 2, "cfg_steps": 2}, facts("sd15", LCM)),
    "hires, one sampler": ({"method": "lcm", "hires_denoise": 0.5}, facts("sd15", LCM)),
    "guidance": ({"method": "lcm-full"}, replace(facts("sd15"), unet=replace(UNET_LAYOUTS["sd15"], guided=True))),
    "img2img": ({"method": "dpmpp-2m-karras", "denoise": 0.5}, facts("sd15")),
}



def made(name: str) -> Plan:
    """The plan of a situation. What a request holds beside settings is the host's, and comes in as it is."""
    asked, there = SITUATIONS[name]
    host = {key: value for key, value in asked.items() if key.startswith(HOST) and key != "hires_steps"}
    settings = {key: value for key, value in asked.items() if key not in host}
    return make_plan(request_from(settings, replace(Request(), **host)), there, TABLES)


HOST = ("host_", "hires_", "prompt", "negative_prompt", "second_", "width", "height", "denoise")


def parts(text: str) -> Iterator[str]:
    """A sentence, and all texts in it."""
    yield text
    for value in text.values.values() if isinstance(text, Sentence) else ():
        yield from parts(value) if isinstance(value, str) else ()


def english_left(text: str, language: str) -> set[str]:
    """Words in Latin letters that are neither names nor values of the user's or the tables'."""
    said = in_language(text, language)
    for value in sorted({str(part) for part in parts(text) if not isinstance(part, Sentence)}, key=len, reverse=True):
        said = said.replace(value, "")
    return latin(said) - NAMES


@pytest.mark.parametrize("language", ["ja", "zh"])
@pytest.mark.parametrize("name", SITUATIONS)
def test_a_plan_comes_out_in_another_language_as_a_whole(name: str, language: str) -> None:
    plan = made(name)
    for text in (*plan.notes, plan.summary):
        assert isinstance(text, Sentence) and english_left(text, language) == set(), text
        assert in_language(text, language) != text


def test_what_stands_in_a_sentence_is_a_sentence_or_a_name() -> None:
    """Else it would stay English: an English word in lower case that no name, number or file has."""
    plain = {str(part) for name in SITUATIONS for text in (*made(name).notes, made(name).summary) for part in parts(text)
             if not isinstance(part, Sentence)}  # fmt: skip
    names = {*TABLES.profiles, *(profile.label for profile in TABLES.profiles.values()), *(file.file for file in TABLES.files)}
    phrases = {text for text in plain - names if " " in text and re.search(r"\b(the|is|of|an?|not|steps?|from|to|and|or)\b", text)}
    assert phrases == set()


def test_a_method_without_a_published_file_and_nothing_at_all_are_said_too() -> None:
    refused = make_plan(Request(method="lcm"), facts("sd15"), replace(TABLES, files=()))
    for text, key in ((refused.notes[0], "lora.none_of_method"), (Plan().summary, "summary.off")):
        assert isinstance(text, Sentence) and text.key == key and english_left(text, "ja") == english_left(text, "zh") == set()


OF_PLANS = ("number.", "steps.", "weight.", "cfg_steps.", "guidance.", "cost.", "negative.", "sampler.", "schedule.", "hires.", "runs.",
            "setting.", "method.", "prompt.", "checkpoint.", "lora.", "summary.")  # fmt: skip


def test_every_note_and_every_refusal_is_among_these() -> None:
    said = {part.key for name in SITUATIONS for text in (*made(name).notes, made(name).summary) for part in parts(text)
            if isinstance(part, Sentence)}  # fmt: skip
    assert {key for key in ENGLISH if key.startswith(OF_PLANS)} - said == {"lora.none_of_method", "summary.off"}
