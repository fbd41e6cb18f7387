"""Each sentence exists in every language, with the same values in it, and what is said in English can be said in the others."""
from __future__ import annotations

from string import Formatter

import pytest

from lib_fewstep.words import say as words
from lib_fewstep.words.say import SENTENCES, in_language, language_of, say


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


@pytest.fixture
def greetings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "ENGLISH", english := {"greeting": "Hello {who}, {n} times", "world": "world", "only": "only here"})
    monkeypatch.setattr(words, "SENTENCES", {"en": english, "ja": {"greeting": "{n}回、{who}", "world": "世界"}})


def test_a_sentence_is_english_text(greetings: None) -> None:
    assert say("greeting", who="you", n=2) == "Hello you, 2 times"


def test_a_sentence_is_said_in_another_language_with_what_it_holds(greetings: None) -> None:
    assert in_language(say("greeting", who=say("world"), n=2), "ja") == "2回、世界"


def test_what_has_no_translation_stays_english(greetings: None) -> None:
    assert in_language(say("only"), "ja") == "only here"
    assert in_language(say("world"), "fr") == "world"
    assert in_language("plain text", "ja") == "plain text"


def test_a_missing_value_is_an_error(greetings: None) -> None:
    with pytest.raises(KeyError):
        say("greeting", who="you")


@pytest.mark.parametrize(
    ("localization", "language"),
    [("ja_JP", "ja"), ("ja", "ja"), ("zh_CN", "zh"), ("zh-Hans (Stable)", "zh"), ("None", "en"), ("", "en"), ("japonic", "en"),
     ("de_DE", "en")],
)
def test_the_language_of_a_localization_file(localization: str, language: str) -> None:
    assert language_of(localization) == language


@pytest.mark.parametrize("language", list(SENTENCES))
def test_every_language_has_every_sentence_with_the_same_values(language: str) -> None:
    english, theirs = SENTENCES["en"], SENTENCES[language]
    assert theirs.keys() == english.keys()
    assert {key: fields(text) for key, text in theirs.items()} == {key: fields(text) for key, text in english.items()}
