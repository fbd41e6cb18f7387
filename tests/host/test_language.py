"""What the WebUI's option `localization` makes of what we say: under pictures, in the progress line, on the settings page."""
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from lib_fewstep.core.plan import Plan
from lib_fewstep.words.say import counted, say

from .fake import Host, job

JAPANESE, CHINESE = r"[\u3041-\u30fa]", r"[\u4e00-\u9fff]"
NOTE = say("steps.too_many", asked=90, label="LCM-LoRA", most=counted(50, "steps"))


class Page:
    """A job that keeps what is put under its picture."""

    def __init__(self, **fields: Any):
        self.said: list[str] = []
        self.p = job(comment=self.said.append, **fields)


def told(host: Host, localization: str | None, **fields: Any) -> str:
    if localization is not None:
        host.shared.opts.data["localization"] = localization
    page = Page(**fields)
    host.our("apply").show_notes(Plan(notes=(NOTE,)), page.p)
    (text,) = page.said
    return text


@pytest.mark.parametrize("localization", [None, "None", "de_DE", "zh_TW", "zh-Hant (Stable)"])
def test_a_note_is_english_where_the_language_is_not_ours(host: Host, localization: str | None) -> None:
    assert told(host, localization) == "Accelerator: LCM-LoRA has timesteps for 50 steps at most, not for 90"


@pytest.mark.parametrize(("localization", "letters"), [("ja_JP", JAPANESE), ("zh_CN", CHINESE), ("zh-Hans (Stable)", CHINESE)])
def test_a_note_is_in_the_language_of_the_page(host: Host, localization: str, letters: str) -> None:
    text = told(host, localization)
    assert text.startswith("Accelerator: ") and re.search(letters, text) and "LCM-LoRA" in text and "steps" not in text


def test_an_answer_of_the_api_is_english(host: Host) -> None:
    assert "steps at most" in told(host, "ja_JP", is_api=True)


def test_an_error_is_told_in_the_language_of_the_page(host: Host) -> None:
    host.shared.opts.data["localization"] = "ja_JP"
    page = Page()
    with pytest.raises(RuntimeError), host.our("apply").untouched_on_error(page.p):
        raise RuntimeError("out of memory")
    (text,) = page.said
    assert re.search(JAPANESE, text) and "RuntimeError: out of memory" in text


def test_the_progress_line_is_in_the_language_of_the_page_and_ours_to_take_away(host: Host) -> None:
    host.shared.opts.data["localization"] = "zh_CN"
    facts = host.our("facts")
    assert facts._tell(3, 25)
    assert "3/25" in host.shared.state.textinfo and host.shared.state.textinfo.startswith(facts._OURS)


def registered(host: Host, localization: str) -> dict[str, Any]:
    host.shared.opts.data.update(localization=localization, fewstep_auto_order="lcm, nope")
    host.our("settings").register(Path("/x/<fewstep>.yaml"), [], ["lcm"])
    return host.shared.opts.data_labels


@pytest.mark.parametrize(("localization", "letters"), [("ja_JP", JAPANESE), ("zh_CN", CHINESE)])
def test_the_settings_are_in_the_language_of_the_page(host: Host, localization: str, letters: str) -> None:
    ours = {name: option for name, option in registered(host, localization).items() if name.startswith("fewstep_")}
    assert len(ours) == 7
    for name, option in ours.items():
        assert re.search(letters, f"{option.label}{option.default}"), name
    explained = [option.comment_after for option in ours.values() if option.comment_after]
    assert len(explained) == 5 and all(re.search(letters, text) for text in explained)
    table = ours["fewstep_user_table"].default
    assert "<code>/x/&lt;fewstep&gt;.yaml</code>" in table and "nope" in table


def test_the_settings_are_english_otherwise(host: Host) -> None:
    assert registered(host, "None")["fewstep_notes"].label == "Put the Accelerator's notes under the pictures"


def test_the_option_to_leave_the_negative_prompt_out_is_a_fact(host: Host) -> None:
    facts = host.our("facts").HostFacts()
    assert facts.of_page().leaves_out_negative
    host.shared.opts.data["fewstep_leave_out_negative"] = False
    assert not facts.of_page().leaves_out_negative
