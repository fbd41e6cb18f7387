"""`say` makes the English sentence, which remembers how to be said in the other languages.

Plans, answers of the API and infotexts are English, and the same whatever the page's language is. Where a sentence is shown to a
person, `in_language` says it in theirs.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .chinese import CHINESE
from .english import ENGLISH
from .japanese import JAPANESE

SENTENCES: Mapping[str, Mapping[str, str]] = {"en": ENGLISH, "ja": JAPANESE, "zh": CHINESE}
"""By language, then by key. A template holds its values as str.format does: "{steps} steps"."""


class Sentence(str):
    """An English sentence, and what it was made of: the key of its template, and the values in it, which may be sentences too."""

    key: str
    values: Mapping[str, Any]


def say(key: str, **values: Any) -> Sentence:
    """The English sentence `key` with its `values`. Raises KeyError for a key or a value that is missing."""
    said = Sentence(ENGLISH[key].format(**values))
    said.key, said.values = key, values
    return said


def in_language(text: str, language: str) -> str:
    """`text` in `language`, a key of `SENTENCES`; as it is where it is no `Sentence`, or has not been translated yet."""
    template = SENTENCES.get(language, ENGLISH).get(text.key) if isinstance(text, Sentence) else None
    if template is None or not isinstance(text, Sentence):
        return text
    values = {name: in_language(value, language) if isinstance(value, str) else value for name, value in text.values.items()}
    return template.format(**values)


def language_of(localization: str) -> str:
    """The language of a localization file's name as hosts have them: "ja_JP", "zh_CN", "zh-Hans (Stable)", "None"."""
    name = localization.strip().lower()
    return next((language for language in SENTENCES if name.startswith((f"{language}_", f"{language}-")) or name == language), "en")
