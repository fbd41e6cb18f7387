"""`<lora:…>` tags in prompts: found, added and taken away without touching anything else.

The WebUI's syntax: `<lora:name>`, `<lora:name:weight>`, `<lora:name:te:unet>`, each number also by name (`te=`, `unet=`, `dyn=`).
"""
from __future__ import annotations

import math
import re
from dataclasses import dataclass

_TAG = re.compile(r"<(\w+):([^>]+)>")
"""The WebUI's pattern for all its extra networks: whatever opens first, such as a "<3:", reaches to the next ">"."""

_WEIGHT = re.compile(r":\s*([-+]?(?:\d+\.?|\d*\.\d+))\s*$")
"""The WebUI's pattern for the weight of a part of the prompt."""


@dataclass(frozen=True)
class LoraTag:
    """One tag: the name as written, the weight that reaches the UNet, and its text. The weight is None where the WebUI cannot read the
    tag's numbers: it then loads no LoRA at all.
    """

    name: str
    weight: float | None
    text: str


def lora_tags(prompt: str) -> list[LoraTag]:
    """All LoRA tags in `prompt`, in order."""
    return [_parse(found) for found in _TAG.finditer(prompt) if found[1] == "lora"]


def prompt_parts(prompt: str) -> list[str]:
    """The prompts that `AND` joins, each of which the host evaluates by itself. It takes the tags out first, whatever their names hold."""
    return re.split(r"\bAND\b", _TAG.sub("", prompt))


def is_plain(prompt: str) -> bool:
    """Whether the host evaluates `prompt` as one, at weight 1: no `AND`, and no ":number" at its end (tags are taken out before)."""
    weighted = _WEIGHT.search(_TAG.sub("", prompt))
    return len(prompt_parts(prompt)) == 1 and (weighted is None or float(weighted[1]) == 1)


def can_be_written(name: str) -> bool:
    """Whether a tag can hold `name`: the WebUI takes these signs for its own."""
    return not set(name) & set(":=>")


def lora_tag(name: str, weight: float) -> str:
    """The tag that puts LoRA `name` in force at `weight`."""
    return f"<lora:{name}:{weight:.6g}>"


def with_tag(prompt: str, tag: str) -> str:
    """`prompt` with `tag` at its end; unchanged if it already holds a tag of the same LoRA.

    At its start where something unclosed in the prompt, such as "<3: ", would swallow a tag at its end.
    """
    (added,) = lora_tags(tag)
    if any(present.name == added.name for present in lora_tags(prompt)):
        return prompt
    if not prompt:
        return tag
    ended = f"{prompt} {tag}"
    return ended if added in lora_tags(ended) else f"{tag} {prompt}"


def without_tag(prompt: str, tag: str) -> str:
    """`prompt` without `tag`: the inverse of `with_tag`. Only the last one that is written exactly so is taken away."""
    before, found, after = prompt.rpartition(tag)
    if not found:
        return prompt
    return before.removesuffix(" ") + after if before else after.removeprefix(" ")


def _parse(found: re.Match[str]) -> LoraTag:
    name, *rest = found[2].split(":")
    positional = [part for part in rest if "=" not in part]
    named = dict(part.split("=", 1) for part in rest if "=" in part)
    text_encoder = named.get("te") or (positional[0] if positional else "1")
    weight = named.get("unet") or (positional[1] if len(positional) > 1 else text_encoder)
    rank = named.get("dyn") or (positional[2] if len(positional) > 2 else "0")
    numbers = [_number(text) for text in (*positional[:2], weight, text_encoder)]
    readable = None not in numbers and re.fullmatch(r"\s*[-+]?\d+\s*", rank)
    return LoraTag(name, _number(weight) if readable else None, found[0])


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
