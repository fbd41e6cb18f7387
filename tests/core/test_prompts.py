"""LoRA tags in prompts, against the WebUI's own reading of them."""

from __future__ import annotations

import re

import pytest

from lib_fewstep.core.prompts import is_plain, lora_tag, lora_tags, with_tag, without_tag

pytest.importorskip("hypothesis")
from hypothesis import assume, example, given
from hypothesis import strategies as st

NAMES = st.text(st.characters(exclude_characters="<>:=", exclude_categories=("Cs",)), min_size=1, max_size=20)
WEIGHTS = st.floats(-2, 2, allow_nan=False).map(lambda w: round(w, 3))
FRAGMENTS = st.sampled_from([
    "a cat", " ", ", ", "\n", "<lora:",
    "<lora:x:1>", "<lora:other:0.5:0.7>", "<lora:x>", ">", "<", ":", "<hypernet:h:1>", "<3: ", "(b:1.2)",
    "[a|b]", "AND", "BREAK", "<lora:y:te=0.5>", "\\", "é", "<lora::1>", "<lora:x:", "<lyco:x:1>",
])  # fmt: skip
PROMPTS = st.lists(FRAGMENTS | st.text(max_size=8), max_size=8).map("".join)


def read_by_the_host(prompt: str) -> tuple[str, list[list[str]]]:
    """What the WebUI's extra networks read: the prompt that is left, and the LoRAs with their arguments."""
    found: list[list[str]] = []

    def take(match: re.Match[str]) -> str:
        if match[1] == "lora":
            found.append(match[2].split(":"))
        return ""

    return re.sub(r"<(\w+):([^>]+)>", take, prompt), found


@pytest.mark.parametrize(
    "text, weight",
    [
        ("<lora:x>", 1.0),
        ("<lora:x:0.8>", 0.8),
        ("<lora:x:.8>", 0.8),
        ("<lora:x:1e-1>", 0.1),
        ("<lora:x:-0.5>", -0.5),
        ("<lora:x:0>", 0.0),
        ("<lora:x:0.8:0.4>", 0.4),  # text encoder, then U-Net
        ("<lora:x:0.8:0.4:64>", 0.4),  # and a dimension
        ("<lora:x:te=0.5>", 0.5),  # the U-Net takes the text encoder's
        ("<lora:x:te=0.5:unet=0.7>", 0.7),
        ("<lora:x:unet=0.7>", 0.7),
        ("<lora:x:0.2:unet=0.7>", 0.7),
        ("<lora:x:0.2:0.3:unet=0.7>", 0.7),
        ("<lora:x:0.2:te=0.9>", 0.9),
        ("<lora:x:0.2:dyn=32>", 0.2),
        ("<lora:x: 0.8 >", 0.8),
        ("<lora:x:>", None),
        ("<lora:x:strong>", None),
        ("<lora:x:nan>", None),
        ("<lora:x:inf>", None),
    ],
)
def test_the_weight_that_reaches_the_unet_is_read_in_every_spelling(text: str, weight: float) -> None:
    (tag,) = lora_tags(f"a cat {text}, a dog")
    assert (tag.name, tag.weight, tag.text) == ("x", weight, text)


@given(NAMES, WEIGHTS)
def test_a_tag_that_is_written_is_read_back(name: str, weight: float) -> None:
    (tag,) = lora_tags(lora_tag(name, weight))
    assert tag.name == name and tag.weight == pytest.approx(weight, abs=1e-6)


@given(PROMPTS)
def test_tags_are_those_that_the_host_sees(prompt: str) -> None:
    assert [tag.name for tag in lora_tags(prompt)] == [arguments[0] for arguments in read_by_the_host(prompt)[1]]


@given(PROMPTS, NAMES, WEIGHTS)
@example("<3: hearts", "x", 1.0)
@example("a <lora:y", "x", 1.0)
def test_the_host_sees_the_tag_that_is_added_and_nothing_else_changes(prompt: str, name: str, weight: float) -> None:
    assume(all(tag.name != name for tag in lora_tags(prompt)))
    text_before, loras_before = read_by_the_host(prompt)
    text_after, loras_after = read_by_the_host(with_tag(prompt, lora_tag(name, weight)))
    assert sorted(loras_after) == sorted([*loras_before, [name, f"{weight:.6g}"]])
    assert text_after.strip() == text_before.strip()


@given(PROMPTS, NAMES, WEIGHTS)
@example("", "x", 1.0)
@example("a cat ", "x", 1.0)
@example("<3: hearts", "x", 1.0)
@example("a <lora:x", "x", 1.0)
def test_without_undoes_with(prompt: str, name: str, weight: float) -> None:
    tag = lora_tag(name, weight)
    assume(all(present.name != name for present in lora_tags(prompt)) and tag not in prompt)
    assert without_tag(with_tag(prompt, tag), tag) == prompt


@given(PROMPTS, NAMES, WEIGHTS, WEIGHTS)
@example("<3: hearts", "x", 1.0, 1.0)
def test_a_second_copy_is_never_added(prompt: str, name: str, weight: float, other: float) -> None:
    once = with_tag(prompt, lora_tag(name, weight))
    assert with_tag(once, lora_tag(name, weight)) == once
    assert with_tag(once, lora_tag(name, other)) == once
    assert sum(tag.name == name for tag in lora_tags(once)) == max(1, sum(tag.name == name for tag in lora_tags(prompt)))


@given(PROMPTS, NAMES, WEIGHTS)
def test_a_prompt_without_the_tag_is_left_alone(prompt: str, name: str, weight: float) -> None:
    tag = lora_tag(name, weight)
    assume(tag not in prompt)
    assert without_tag(prompt, tag) == prompt


@pytest.mark.parametrize(
    "prompt, left",
    [
        ("a cat <lora:x:1>", "a cat"),
        ("<lora:x:1>", ""),
        ("<lora:x:1> a cat <lora:x:1>", "<lora:x:1> a cat"),
        ("a cat <lora:x:1>, a dog", "a cat, a dog"),
        ("a cat <lora:x:0.5>", "a cat <lora:x:0.5>"),
    ],
)
def test_only_the_last_tag_written_exactly_so_is_taken_away(prompt: str, left: str) -> None:
    assert without_tag(prompt, "<lora:x:1>") == left


@pytest.mark.parametrize(
    "prompt, plain",
    [
        ("", True), ("a cat", True), ("a cat: black", True), ("a cat :1", True), ("a cat:1.0 ", True), ("a (cat:1.2)", True),
        ("a cat <lora:x:0.5>", True), ("BRANDED ANDROID", True), ("a 16:9 poster", True),
        ("a cat AND a dog", False), ("a poster 16:9", False), ("a poster 16:9 <lora:x:0.5>", False), ("a cat :.5", False),
        ("a cat:-1", False),
    ],
)
def test_a_plain_prompt_is_one_part_at_weight_1(prompt: str, plain: bool) -> None:
    assert is_plain(prompt) is plain
