"""The sentences themselves: every one in every language with the same values, none unused, none that reads as if it were half of one."""
from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from lib_fewstep.words.english import ENGLISH
from lib_fewstep.words.say import SENTENCES

LIBRARY = Path(__file__).parents[2] / "lib_fewstep"
SOURCES = [path for path in [*LIBRARY.rglob("*.py"), *LIBRARY.parent.glob("scripts/*.py")] if LIBRARY / "words" not in path.parents]

WITHIN_OTHERS = (
    "page.details.overridden", "summary.shift", "summary.variety",
    "list.", "number.range", "steps.one", "steps.other", "evaluations.", "label.", "family.", "expected.", "summary.cfg",
    "summary.gamma", "summary.guidance", "summary.no_lora", "summary.hires", "cost.as_needed", "cost.instead", "found.", "unreadable.",
    "connection.", "forbidden.", "saved.no_object", "page.work.", "page.mark.", "page.size.", "page.licence.", "page.more.negative.",
    "page.more.no_file", "page.fine.recommended", "page.details.hint", "page.details.pixels", "page.details.time", "page.details.schedule",
)  # fmt: skip
"""Beginnings of the keys of what stands only within other sentences; an option's `.info` stands in brackets after its label."""

_LATIN = (
    "Accelerator Auto None Method LoRA Lora WebUI CFG UNet Refiner VAE Gamma gamma auto Transformer InstructPix2Pix FLUX.1-dev "
    "FLUX.1-schnell diffusers kohya webui sha256 Git LFS git lfs pull Web .pt .ckpt .safetensors .gguf huggingface.co https Hugging "
    "Face --listen --share --server-name --enable-insecure-extension-access AUTOMATIC1111 img2img tcd lcm checkpoint x UI "
    "Hires MB GB Generate X Y Z plot Live JSON PNG JPEG WebP base64 TAESD number accelerator API scheduler true false"
)
NAMES = set(_LATIN.split())
"""Words in Latin letters that are the same in Japanese and Chinese."""


def fields(template: str) -> set[tuple[str, str | None]]:
    return {(name, spec) for _, name, spec, _ in Formatter().parse(template) if name is not None}


def words(template: str) -> str:
    """A template without its values."""
    return "".join(text for text, _, _, _ in Formatter().parse(template))


def latin(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z.-]*[A-Za-z][\w.-]*", text, re.ASCII))


def constants(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def keys_said(source: str) -> set[str]:
    """The keys that code says, those that a condition chooses between among them."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and ast.unparse(node.func) == "say" and node.args]
    firsts = [[call.args[0].body, call.args[0].orelse] if isinstance(call.args[0], ast.IfExp) else [call.args[0]] for call in calls]
    return {str(each.value) for first in firsts for each in first if isinstance(each, ast.Constant)}


# ---------------------------------------------------------------------------------------------------------- every language


@pytest.mark.parametrize("language", list(SENTENCES))
def test_every_language_has_every_sentence(language: str) -> None:
    assert SENTENCES[language].keys() == ENGLISH.keys()


@pytest.mark.parametrize("language", list(SENTENCES))
def test_every_language_says_the_same_values(language: str) -> None:
    assert [key for key, text in SENTENCES[language].items() if fields(text) != fields(ENGLISH[key])] == []


@pytest.mark.parametrize("language", ["ja", "zh"])
def test_no_english_is_left_in_another_language_but_for_names(language: str) -> None:
    assert {key: left for key, text in SENTENCES[language].items() if (left := latin(words(text)) - NAMES)} == {}


def test_neither_is_written_in_the_characters_of_the_other() -> None:
    """Some that only Simplified Chinese has; and kana, which only Japanese has."""
    assert re.findall("[请这为时间图权词样边进选择载复]", "".join(SENTENCES["ja"].values())) == []
    assert re.findall("[\u3041-\u309f\u30a1-\u30fa]", "".join(SENTENCES["zh"].values())) == []


# ------------------------------------------------------------------------------------------------------------ none too many


def test_every_key_that_code_says_exists() -> None:
    assert {key for path in SOURCES for key in keys_said(path.read_text(encoding="utf-8"))} - ENGLISH.keys() == set()


def test_the_keys_of_a_condition_are_found() -> None:
    assert keys_said('say("a", x=1); say("b" if y else "c"); listed(["d"], "and")') == {"a", "b", "c"}


def test_every_sentence_is_said_somewhere() -> None:
    """By its key, by the beginning of it that an f-string ends, by what `counted` counts, or by how `listed` joins."""
    found = {text for path in SOURCES for text in constants(path)}
    made = {f"list.{text}" for text in found} | {f"{text}.{number}" for text in found for number in ("one", "other")}
    beginnings = tuple(text for text in found if re.fullmatch(r"([a-z_]+\.)+", text))
    assert {key for key in ENGLISH.keys() - found - made if not key.startswith(beginnings)} == set()


# ---------------------------------------------------------------------------------------------------------------- how it reads


def test_what_stands_alone_begins_with_a_capital_letter_or_a_value() -> None:
    alone = [key for key in ENGLISH if not key.startswith(WITHIN_OTHERS) and not key.endswith(".info")]
    assert [key for key in alone if not re.match(r"[A-Z{]", ENGLISH[key])] == []


@pytest.mark.parametrize("language", list(SENTENCES))
def test_no_blank_is_double_and_none_stands_at_the_end(language: str) -> None:
    assert [key for key, text in SENTENCES[language].items() if text != text.strip() or re.search(r"\s\s|\n| [,;:)]", text)] == []


def test_an_english_sentence_may_stand_within_another() -> None:
    """It has no full stop at its end, and no chain of colons. Those of the page stand alone."""
    within = {key: words(text) for key, text in ENGLISH.items() if not key.startswith(("option.", "page."))}
    assert [key for key, text in within.items() if text.endswith(".") or text.count(": ") > 2] == []
