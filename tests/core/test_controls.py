"""The controls' values on their way to a request: from the page by position, from the API as a dict, and anything else without raising."""

from __future__ import annotations

from typing import Any

import pytest

from lib_fewstep.core.controls import (
    ORDER,
    Controls,
    controls_from,
    filled,
    initial,
    lora_from,
    lora_text,
    method_from,
    method_text,
    parse_args,
    request_of,
)
from lib_fewstep.core.decide import make_plan
from lib_fewstep.core.request import AUTO, Request, recommended
from tests.core.situations import LCM, TABLES, TCD, facts

pytest.importorskip("hypothesis")
from hypothesis import given
from hypothesis import strategies as st

BASE = Request(prompt="a cat", host_steps=30)
TCD_ROW = TABLES.profiles["tcd"]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def shown(**changed: Any) -> list[Any]:
    """The values of a page on which TCD was chosen, as a script gets them."""
    texts = {**vars(filled(TCD_ROW, enabled=True)), "method": method_text(TCD_ROW), "lora": "Auto", **changed}
    return [texts[name] for name in ORDER]


# ---------------------------------------------------------------------------------------------------------------- one dict


def test_a_dict_is_on_and_asks_for_what_it_names() -> None:
    assert parse_args([{"method": "hyper-sdxl-8"}], TABLES, BASE) == (True, Request(method="hyper-sdxl-8", prompt="a cat", host_steps=30))
    assert parse_args([{}], TABLES, BASE) == (True, BASE)
    wanted = {"lora": "x", "steps": 4, "cfg": 1.5, "weight": 0.8, "gamma": 0.5}
    assert parse_args([wanted], TABLES, BASE)[1] == Request(
        prompt="a cat", host_steps=30, lora="x", steps=4, cfg=1.5, weight=0.8, gamma=0.5
    )


def test_what_a_dict_names_is_explicit_even_where_it_is_what_the_row_says() -> None:
    assert parse_args([{"method": "tcd", "steps": 4}], TABLES, BASE)[1].steps == 4


@pytest.mark.parametrize("value, on", [(True, True), (False, False), ("true", True), ("False", False), ("0", False), (1, True), (0, False)])
def test_a_dict_can_be_off(value: Any, on: bool) -> None:
    assert parse_args([{"enabled": value}], TABLES, BASE)[0] is on


def test_other_values_after_a_dict_do_not_matter() -> None:
    assert parse_args([{"method": "lcm"}, "junk", 5, None], TABLES, BASE) == parse_args([{"method": "lcm"}], TABLES, BASE)


# ----------------------------------------------------------------------------------------------------------------- the page


def test_a_page_as_it_was_filled_asks_for_the_recommended_values() -> None:
    assert parse_args(shown(), TABLES, BASE) == (True, Request(method="tcd", prompt="a cat", host_steps=30))


@pytest.mark.parametrize("name, value", [("steps", 8), ("cfg", 1.5), ("weight", 0.8), ("gamma", 0.5)])
def test_what_the_user_changed_on_the_page_is_explicit(name: str, value: float) -> None:
    request = parse_args(shown(**{name: value}), TABLES, BASE)[1]
    assert {key: getattr(request, key) for key in ("steps", "cfg", "weight", "gamma")} == {
        **dict.fromkeys(("steps", "cfg", "weight", "gamma")),
        name: value,
    }


def test_gamma_is_nothing_to_a_method_without_one() -> None:
    row = TABLES.profiles["lcm"]
    values = {**vars(filled(row, enabled=True)), "method": "lcm", "gamma": 0.9}
    assert parse_args([values[name] for name in ORDER], TABLES, BASE)[1].gamma is None


def test_changed_is_judged_by_what_was_filled_in() -> None:
    """Auto may come to another method than the one whose values stand in the controls: those are then no wish of the user's."""
    request = parse_args(shown(method="Auto", filled_for="tcd"), TABLES, BASE)[1]
    assert (request.method, request.steps, request.gamma) == (AUTO, None, None)
    assert parse_args(shown(method="Auto", steps=6, filled_for="tcd"), TABLES, BASE)[1].steps == 6


@pytest.mark.parametrize("count", range(len(ORDER)))
def test_later_values_may_be_missing(count: int) -> None:
    whole = {**vars(initial(TABLES)), "enabled": True, "method": "Auto", "lora": "Auto"}
    on, request = parse_args([whole[name] for name in ORDER][:count], TABLES, BASE)
    assert on is (count > 0) and request == BASE


def test_no_value_at_all_is_off() -> None:
    assert parse_args([], TABLES, BASE) == (False, BASE)


def test_more_values_than_there_are_controls_do_not_matter() -> None:
    assert parse_args([*shown(), "more", 5], TABLES, BASE) == parse_args(shown(), TABLES, BASE)


@pytest.mark.parametrize("empty", (None, ""))
def test_an_emptied_control_asks_for_the_recommended_value(empty: Any) -> None:
    cleared = dict.fromkeys(("lora", "steps", "cfg", "weight", "gamma"), empty)
    assert parse_args(shown(**cleared), TABLES, BASE) == parse_args(shown(), TABLES, BASE)


def test_what_cannot_be_used_is_told() -> None:
    request = parse_args(shown(steps="many", method=5), TABLES, BASE)[1]
    assert len(request.problems) == 2 and "'many'" in request.problems[1] and request.steps is None


@given(args=st.lists(ANYTHING, max_size=10) | st.tuples(st.dictionaries(st.sampled_from(ORDER) | st.text(max_size=5), ANYTHING)).map(list))
def test_no_arguments_make_it_raise(args: list[Any]) -> None:
    on, request = parse_args(args, TABLES, BASE)
    assert isinstance(on, bool)
    assert request.prompt == BASE.prompt and request.host_steps == BASE.host_steps
    assert make_plan(request, facts("sd15", LCM, TCD), TABLES) is not None


@given(
    method=st.sampled_from([AUTO, *TABLES.profiles]), lora=st.sampled_from([AUTO, "x", "a — b"]),
    key=st.sampled_from(list(TABLES.profiles)),
    changed=st.dictionaries(st.sampled_from(["steps", "cfg", "weight"]), st.integers(1, 2)),
)  # fmt: skip
def test_texts_and_keys_ask_for_the_same(method: str, lora: str, key: str, changed: dict[str, int]) -> None:
    row = TABLES.profiles[key]
    controls = Controls(**{**vars(filled(row, True, method, lora)), **changed})
    as_shown = {**vars(controls), "method": method_text(TABLES.profiles.get(method)), "lora": lora_text(lora, None)}
    assert controls_from([as_shown[name] for name in ORDER], TABLES) == controls
    assert parse_args([as_shown[name] for name in ORDER], TABLES, BASE) == (True, request_of(controls, BASE, TABLES))


# ---------------------------------------------------------------------------------------------------------------- the texts


@pytest.mark.parametrize("key", TABLES.profiles)
def test_a_methods_text_leads_back_to_its_key(key: str) -> None:
    row = TABLES.profiles[key]
    assert method_from(method_text(row), TABLES) == key
    assert method_from(key, TABLES) == key
    assert method_text(row) != method_text(None)


def test_no_two_methods_look_the_same() -> None:
    texts = [method_text(row) for row in TABLES.profiles.values()]
    assert len(set(texts)) == len(texts)


def test_a_methods_text_says_its_steps_once() -> None:
    assert method_text(TABLES.profiles["lcm"]) == "LCM-LoRA, 2–8 steps"
    assert method_text(TABLES.profiles["lightning-4"]) == "SDXL-Lightning, 4 steps"
    assert method_text(None) == "Auto" and method_from("Auto", TABLES) == AUTO


def test_a_method_that_is_not_known_stays_as_it_is() -> None:
    assert method_from("warp-9", TABLES) == "warp-9" and method_from(None, TABLES) is None and method_from([1], TABLES) == [1]


@given(
    name=st.text(min_size=1, max_size=20).filter(lambda name: name not in ("Auto", AUTO)),
    key=st.none() | st.sampled_from(list(TABLES.profiles)),
)
def test_a_loras_text_leads_back_to_its_name(name: str, key: str | None) -> None:
    assert lora_from(lora_text(name, TABLES.profiles.get(key or "")), TABLES) == name


@pytest.mark.parametrize("name", ("a — b", "a — b — c", " — ", "x — LCM", "é — LCM-LoRA x"))
def test_a_name_that_holds_the_separator_stays_whole(name: str) -> None:
    assert lora_from(lora_text(name, None), TABLES) == name
    assert lora_from(lora_text(name, TABLES.profiles["lcm"]), TABLES) == name


def test_auto_is_auto() -> None:
    assert lora_text(AUTO, None) == "Auto" and lora_from("Auto", TABLES) == AUTO


def test_a_fresh_page_is_off_and_shows_a_row_as_recommended() -> None:
    start = initial(TABLES)
    row = TABLES.profiles[start.filled_for]
    assert (start.enabled, start.method, start.lora) == (False, AUTO, AUTO)
    assert (start.steps, start.cfg, start.weight) == (row.steps.default, row.cfg.default, recommended(row, "weight"))
