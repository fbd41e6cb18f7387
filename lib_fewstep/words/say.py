"""`say` makes the English sentence, which remembers how to be said in the other languages.

Plans, answers of the API and infotexts are English, and the same whatever the page's language is. Where a sentence is shown to a
person, `in_language` says it in theirs.

A sentence is composed of others by values that are sentences: what an f-string or `str.join` makes of them is plain English for good.
"""
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from .chinese import CHINESE
from .english import ENGLISH
from .japanese import JAPANESE

SENTENCES: Mapping[str, Mapping[str, str]] = {"en": ENGLISH, "ja": JAPANESE, "zh": CHINESE}
"""By language, then by key. A template holds its values as str.format does: "{steps} steps"."""
_TRADITIONAL = {"hant", "tw", "hk", "mo"}


class Sentence(str):
    """An English sentence, and what it was made of: the key of its template, and the values in it, which may be sentences too."""

    key: str
    values: Mapping[str, Any]


def say(key: str, /, **values: Any) -> Sentence:
    """The English sentence `key` with its `values`. Raises KeyError for a key or a value that is missing."""
    said = Sentence(ENGLISH[key].format(**values))
    said.key, said.values = key, values
    return said


def counted(number: int, noun: str) -> Sentence:
    """So many of `noun`, whose keys are `noun`.one and `noun`.other."""
    return say(f"{noun}.one" if number == 1 else f"{noun}.other", n=number)


def listed(parts: Sequence[str], how: str) -> str:
    """`parts` as one text. `how` they are joined is a key below `list`: and, or, comma, reasons. The last pair may be joined otherwise
    than those before, which have commas.
    """
    if len(parts) < 2:
        return parts[0] if parts else ""
    *before, last = parts
    comma = how if how == "reasons" else "comma"
    return say(f"list.{how}", first=listed(before, comma), last=last)


def quoted(value: Any) -> str:
    """`value` as a message quotes it."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def why(error: Exception) -> str:
    """What `error` says: the sentence that it was raised with. `str(error)` would be a plain copy."""
    said: Any = error.args[0] if error.args else None
    return said if isinstance(said, Sentence) else str(error)


def in_language(text: str, language: str) -> str:
    """`text` in `language`, a key of `SENTENCES`; as it is where it is no `Sentence`, or has not been translated yet."""
    template = SENTENCES.get(language, ENGLISH).get(text.key) if isinstance(text, Sentence) else None
    if template is None or not isinstance(text, Sentence):
        return text
    values = {name: in_language(value, language) if isinstance(value, str) else value for name, value in text.values.items()}
    return template.format(**values)


def language_of(localization: str) -> str:
    """The language of a localization file's name as hosts have them: "ja_JP", "zh_CN", "zh-Hans (Stable)", "None".

    What is not known is English, and so is Traditional Chinese: its readers are not given Simplified characters unasked.
    """
    language, *more = re.split(r"[^a-z]+", localization.strip().lower())
    return language if language in SENTENCES and not _TRADITIONAL & {*more} else "en"


def packed(text: str) -> Any:
    """`text` in the plain values that JSON has, for `unpacked`."""
    if not isinstance(text, Sentence):
        return text
    return [text.key, {name: packed(value) if isinstance(value, str) else value for name, value in text.values.items()}]


def unpacked(value: Any) -> Any:
    """The inverse of `packed`. Raises KeyError where another version has packed a sentence that is not known here."""
    if not isinstance(value, list):
        return value
    key, values = cast("tuple[str, dict[str, Any]]", value)
    return say(key, **{name: unpacked(each) for name, each in values.items()})
