"""What is said in English can be said in the other languages, with all that it is composed of."""
from __future__ import annotations

import json

import pytest

from lib_fewstep.words import say as words
from lib_fewstep.words.say import Sentence, counted, in_language, language_of, listed, packed, say, unpacked, why


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
    [
        ("ja_JP", "ja"), ("ja-JP", "ja"), ("ja", "ja"), ("test-ja_JP", "en"), ("zh_CN", "zh"), ("zh", "zh"), ("zh-Hans (Stable)", "zh"),
        ("zh-Hans_Stable", "zh"), ("zh_SG", "zh"), ("None", "en"), ("", "en"), ("japonic", "en"), ("de_DE", "en"), ("zhuang", "en"),
    ],
)  # fmt: skip
def test_the_language_of_a_localization_file(localization: str, language: str) -> None:
    assert language_of(localization) == language


@pytest.mark.parametrize("localization", ["zh_TW", "zh-TW", "zh-Hant (Stable)", "zh_Hant", "zh-Hant_TW", "zh_HK", "ZH_TW", "zh_MO"])
def test_readers_of_traditional_chinese_get_no_simplified_text(localization: str) -> None:
    assert language_of(localization) == "en"


# ------------------------------------------------------------------------------------------------------ composed of sentences


@pytest.mark.parametrize(("number", "text"), [(0, "0 steps"), (1, "1 step"), (2, "2 steps")])
def test_one_is_counted_otherwise_than_more(number: int, text: str) -> None:
    assert counted(number, "steps") == text


@pytest.mark.parametrize(
    ("parts", "how", "text"),
    [([], "and", ""), (["a"], "and", "a"), (["a", "b"], "and", "a and b"), (["a", "b", "c"], "or", "a, b or c"),
     (["a", "b", "c"], "comma", "a, b, c"), (["A", "B", "C"], "reasons", "A; B; C")],
)  # fmt: skip
def test_a_list_is_joined_as_people_do(parts: list[str], how: str, text: str) -> None:
    assert listed(parts, how) == text


def test_a_list_of_sentences_is_said_in_another_language_as_a_whole() -> None:
    said = listed([counted(1, "steps"), counted(2, "steps"), counted(3, "steps")], "comma")
    assert in_language(said, "ja") == "1ステップ、2ステップ、3ステップ"


def test_an_error_keeps_the_sentence_that_it_was_raised_with() -> None:
    kept = why(ValueError(say("unreadable.empty")))
    assert isinstance(kept, Sentence) and kept.key == "unreadable.empty"
    assert why(ValueError("plain")) == "plain" and why(ValueError()) == ""


def test_a_sentence_comes_back_from_json_as_it_was() -> None:
    said = say("found.replaced", reason=say("found.by_name", method="lcm"))
    back = unpacked(json.loads(json.dumps(packed(said))))
    assert back == said and in_language(back, "zh") == in_language(said, "zh") != said
    assert unpacked(packed("plain")) == "plain"


def test_a_sentence_of_another_version_is_an_error() -> None:
    with pytest.raises(KeyError):
        unpacked(["no.such.sentence", {}])
