"""What the status panel says, state by state, and that nobody has to know a technical word for it."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lib_fewstep.core.detect import Detection
from lib_fewstep.core.facts import Facts
from lib_fewstep.core.layout import Layout
from lib_fewstep.core.offers import CHECKING, FAILED, RUNNING, Offer, Progress, offer_for
from lib_fewstep.core.request import NO_LORA, Request
from lib_fewstep.page.cards import aria, cards
from lib_fewstep.page.compare import comparison
from lib_fewstep.page.more import first_steps
from lib_fewstep.page.situation import Situation, situation
from lib_fewstep.page.status import Status, status
from lib_fewstep.page.wording import is_plain
from lib_fewstep.words.say import SENTENCES, in_language
from tests.core.situations import LCM, LIGHTNING, STYLE, TABLES, TCD, UNET_LAYOUTS, facts, lora, ready_for

HYPER = lora("Hyper-SDXL-8steps-lora", "hyper-sdxl-8", "sdxl")
BROKEN_TCD = lora("TCD-SDXL-LoRA", "tcd", "", readable=False, reason="unreadable: the file is empty")
SDXL = facts("sdxl", HYPER, LIGHTNING)


def seen(there: Facts, enabled: bool = True, progress: Progress | None = None, forbidden: str | None = None, **asked: Any) -> Situation:
    """A user at 20 steps and CFG 7, who asks for `asked`."""
    base = Request(**{"prompt": "a cat", "width": 1024, "height": 1024, **{k: v for k, v in asked.items() if k in HOST}})
    return situation(enabled, replace(base, **asked), base, there, TABLES, progress=progress, forbidden=forbidden)


HOST = ("prompt", "negative_prompt", "host_steps", "host_cfg", "hires_denoise", "host_hires_steps", "denoise", "width", "height")


def said(now: Status) -> tuple[str, str, str, str]:
    return now.state, now.headline, now.sentence, now.act


OFFER = offer_for(Request(method="hyper-sdxl-8"), facts("sdxl"), TABLES)
assert isinstance(OFFER, Offer)
OWN, INSTEAD = "Your own 20 steps run", "Your own 20 steps run instead"

STATES: dict[str, tuple[Situation, tuple[str, str, str, str]]] = {
    "auto": (seen(SDXL), ("on", "8 steps, up to 5× faster", "Auto chose Hyper-SD, with its LoRA", "")),
    "chosen": (seen(SDXL, method="lightning-4"), ("on", "4 steps, up to 10× faster", "Lightning with its LoRA", "")),
    "two passes": (
        seen(SDXL, hires_denoise=0.5, host_hires_steps=10),
        ("on", "8 + 8 steps, up to 4× faster", "Auto chose Hyper-SD, with its LoRA", ""),
    ),
    "one step": (
        seen(facts("sdxl", lora("x", "hyper-sdxl-1", "sdxl"))),
        ("on", "1 step, up to 40× faster", "Auto chose Hyper-SD unified, with its LoRA", ""),
    ),
    "from the prompt": (
        seen(SDXL, prompt="a <lora:sdxl_lightning_4step_lora:1>"),
        ("on", "4 steps, up to 10× faster", "Lightning, by the LoRA in your prompt", ""),
    ),
    "saved": (
        seen(replace(SDXL, saved={"method": "hyper-sdxl-8", "steps": 6})),
        ("on", "6 steps, up to 7× faster", "Your settings for this checkpoint: Hyper-SD with its LoRA", ""),
    ),
    "distilled": (
        seen(replace(facts("sdxl"), checkpoint=Detection("lightning-1", "its name says so"))),
        ("on", "1 step, up to 40× faster", "This model is made for it: Lightning", ""),
    ),
    "slower": (
        seen(SDXL, method="hyper-sdxl-8", steps=30, cfg=2.0),
        ("slower", "30 steps, 1.5× slower", "Hyper-SD with its LoRA", "reset"),
    ),
    "burnt": (seen(SDXL, cfg=2.0), ("check", "8 steps, up to 2.5× faster", "Auto chose Hyper-SD, with its LoRA", "reset")),
    "off": (seen(SDXL, enabled=False), ("off", OWN, "With it on: Hyper-SD in 8 steps, up to 5× faster.", "on")),
    "off, nothing there": (seen(facts("sdxl"), enabled=False), ("off", OWN, "", "on")),
    "setup": (
        seen(facts("sdxl")),
        ("setup", "Your own 20 steps run for now",
         "8 steps are enough with one extra file. Download one made for SDXL models, then press Generate as always.", ""),
    ),
    "wrong file": (
        seen(facts("sdxl", HYPER, LCM), method="lcm"),
        ("cannot", INSTEAD, "Your LCM file is made for SD 1.5, and this model is SDXL.", "download:lcm"),
    ),
    "not installed": (
        seen(SDXL, method="lcm"), ("cannot", INSTEAD, "You do not have the file of LCM, 4 steps.", "download:lcm"),
    ),
    "downloads off": (
        seen(SDXL, method="lcm", forbidden="others can reach it"),
        ("cannot", INSTEAD, "You do not have the file of LCM, 4 steps.", "open:https://huggingface.co/latent-consistency/lcm-lora-sdxl"),
    ),
    "other family": (
        seen(facts("sd15", LCM), method="hyper-sdxl-8"),
        ("cannot", INSTEAD, "Hyper-SD is made for SDXL, and this model is SD 1.5.", "use:auto"),
    ),
    "two accelerators": (
        seen(facts("sd15", LCM, TCD), prompt="<lora:lcm-sd15:1> <lora:TCD-SD15-LoRA:1>"),
        ("cannot", INSTEAD, "Your prompt holds two accelerator LoRAs. Use only one.", "untag"),
    ),
    "unreadable": (
        seen(facts("sdxl", BROKEN_TCD, HYPER), method="tcd"), ("cannot", INSTEAD, "The file of TCD cannot be read.", "download:tcd"),
    ),
    "unknown checkpoint": (
        seen(Facts(replace(UNET_LAYOUTS["sdxl"], named="lumina2"), (HYPER,))),
        ("cannot", INSTEAD, "This model is of a kind the Accelerator does not know.", ""),
    ),
    "reads a picture": (
        seen(Facts(Layout(UNET_LAYOUTS["sd15"].transformers, 8), (LCM,))),
        ("cannot", INSTEAD, "This model is of a kind the Accelerator does not know.", ""),
    ),
    "twice distilled": (
        seen(replace(SDXL, checkpoint=Detection("sdxl-turbo", "its name says so")), method="hyper-sdxl-8"),
        ("cannot", INSTEAD, "This model is made for few steps already: SDXL-Turbo. Use Auto.", "use:auto"),
    ),
    "downloading": (
        seen(facts("sdxl"), progress=Progress(OFFER, RUNNING, 331_000_000, OFFER.size)),
        ("downloading", "Hyper-SD, 8 steps: 42 %", "331 of 787 MB. Your own settings run until it is here.", "cancel"),
    ),
    "downloading another": (
        seen(facts("sdxl", LIGHTNING), progress=Progress(OFFER, RUNNING, 331_000_000, OFFER.size)),
        ("downloading", "Hyper-SD, 8 steps: 42 %", "331 of 787 MB. What you have goes on working.", "cancel"),
    ),
    "failed": (
        seen(facts("sdxl"), method="hyper-sdxl-8", progress=Progress(OFFER, FAILED, 1, 2, "The disk is full. 331 MB are kept.")),
        ("stopped", INSTEAD, "The disk is full. 331 MB are kept.", "download:hyper-sdxl-8"),
    ),
    "looking": (seen(replace(SDXL, unseen=1760)), ("looking", "2 of 1762", "Only once: the result is kept.", "")),
    "not read yet": (
        seen(facts(None, LCM, LIGHTNING)),
        ("unread", "Decided when the model is loaded",
         "This model's file does not tell what it is. Press Generate, and Auto takes what fits.", ""),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STATES)
def test_each_state_says_what_happens(name: str) -> None:
    there, expected = STATES[name]
    assert said(status(there)) == expected


@pytest.mark.parametrize("name", STATES)
def test_what_everybody_sees_holds_no_technical_word(name: str) -> None:
    there, _ = STATES[name]
    now = status(there)
    texts = [now.word, now.headline, now.sentence, now.note, now.button, now.chip]
    texts += [text for card in cards(there) for text in (card.name, card.facts, card.more, card.mark, aria(card))]
    texts += [text for row in first_steps(there) for text in (row.name, row.facts, row.size, row.licence, row.button)]
    found = comparison(there)
    texts += [found.button, found.again, found.status.headline, found.status.sentence] if found is not None else []
    for language in SENTENCES:
        assert not [text for text in texts if not is_plain(in_language(text, language))]


@pytest.mark.parametrize("key", TABLES.profiles)
def test_no_method_brings_a_technical_word_or_a_figure_while_it_is_off(key: str) -> None:
    row = TABLES.profiles[key]
    for family in row.families:
        there = ready_for(row, family)
        variants: tuple[dict[str, Any], ...] = (
            {}, {"method": key}, {"method": key, "lora": NO_LORA}, {"method": key, "steps": 40, "negative_prompt": "x"},
        )
        for asked in variants:
            made = seen(there, **asked)
            now = status(made)
            assert now.headline and now.chip and is_plain("\n".join([now.headline, now.sentence, now.note, now.button, now.chip]))
            assert all(is_plain(f"{card.name} {card.facts} {card.more} {card.mark}") for card in cards(made))
        off = status(seen(there, enabled=False, method=key))
        assert "×" not in off.headline + off.chip and off.state == "off"


def test_off_and_cannot_name_what_runs() -> None:
    assert status(seen(SDXL, enabled=False, hires_denoise=0.5)).headline == "Your own 20 + 20 steps run"
    assert status(seen(SDXL, method="lcm", host_steps=33)).headline == "Your own 33 steps run instead"


@pytest.mark.parametrize(("asked", "note"), [
    ({}, "8 passes through the model; your own 20 steps take 40, two each at CFG 7."),
    ({"host_cfg": 1.0}, "8 passes through the model; your own 20 steps take 20."),
    ({"hires_denoise": 0.5}, "16 passes through the model; your own 20 + 20 steps take 80, two each at CFG 7."),
    ({"negative_prompt": "blurry", "nag": 0}, "Your negative prompt has no effect."),
    ({"negative_prompt": "blurry", "steps": 6}, "Hyper-SD is made for 8 steps. Other numbers of steps look worse."),
    ({"host_steps": 8, "host_cfg": 1.0}, "Compared with your own 8 steps at CFG 1."),
    ({"cfg": 1.5}, "Above CFG 1 a step takes twice as long, and colours may burn."),
    ({"cfg": 1.5, "method": "lcm"}, "8 passes through the model; your own 20 steps take 40, two each at CFG 7."),
    ({"cfg": 2.5, "method": "lcm"}, "Above CFG 2 colours may burn."),
])
def test_the_most_important_note_stands_there(asked: dict[str, Any], note: str) -> None:
    assert status(seen(replace(SDXL, loras=(*SDXL.loras, lora("lcm", "lcm", "sdxl")), skips_uncond=True), **asked)).note == note


def test_a_download_tells_size_and_licence() -> None:
    now = status(seen(SDXL, method="lcm"))
    assert (now.button, now.note, now.strong) == ("Download LCM for SDXL, 394 MB", "The file's licence is openrail++.", True)
    assert status(seen(SDXL, method="dmd2")).note.endswith("not for commercial use.")
    assert OFFER is not None
    checking = status(seen(facts("sdxl"), progress=Progress(OFFER, CHECKING, OFFER.size or 0, OFFER.size)))
    assert checking.sentence == "787 of 787 MB. The file is being checked."


def test_auto_of_an_unread_checkpoint_names_no_method_but_what_is_certain_is_said() -> None:
    assert "Hyper" not in " ".join(f"{card.facts}" for card in cards(seen(facts(None, HYPER)))[:1])
    assert status(seen(facts(None, LCM), method="lcm")).state == "on"
    assert status(seen(facts(None, LCM), prompt="<lora:lcm-sd15:1>")).state == "on"


def test_an_unrecognised_lora_says_what_to_do() -> None:
    now = status(seen(facts("sd15", STYLE), lora="style"))
    assert now.state == "cannot" and "not recognised" in now.sentence
