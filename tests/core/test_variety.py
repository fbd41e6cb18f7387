"""Variety: what it does to a text and when, what a plan says of it, and that without it a plan is as before."""
from __future__ import annotations

import pytest
import torch

from lib_fewstep.core.controls import ORDER, as_dict, controls_from, initial, parse_args
from lib_fewstep.core.decide import make_plan
from lib_fewstep.core.plan import Plan
from lib_fewstep.core.request import Request, request_from
from lib_fewstep.core.variety import MOST, acts, varied, without
from tests.core.situations import LCM, TABLES, facts


def plan(**settings: object) -> Plan:
    return make_plan(request_from({"method": "lcm", **settings}), facts("sd15", LCM), TABLES)


def test_the_more_variety_the_nearer_to_the_empty_prompt() -> None:
    text, empty, silence = torch.randn(2, 77, 64), torch.randn(1, 77, 64), torch.zeros(2, 77, 64)
    assert torch.equal(varied(text, empty, silence, 0.0), text)
    assert torch.allclose(varied(text, empty, silence, 1.0), (1 - MOST) * text + MOST * empty, atol=1e-6)
    assert torch.allclose(varied(text, empty, silence, 0.5), (1 - MOST / 2) * text + MOST / 2 * empty, atol=1e-6)


def test_the_noise_is_as_large_as_the_text() -> None:
    """Also of a text one of whose tokens is a thousand times larger than the others: that one alone would drown them."""
    text, noise = torch.randn(2, 77, 64), torch.randn(2, 77, 64)
    text[1] *= 10
    text[1, 0] *= 1000
    added = varied(text, torch.zeros(1, 77, 64), noise, 1.0) - (1 - MOST) * text
    assert added[0].std() == pytest.approx(MOST, rel=0.1) and added[1, 1:].std() == pytest.approx(10 * MOST, rel=0.1)


def test_a_shorter_empty_prompt_is_repeated_and_a_longer_one_cut() -> None:
    text, silence = torch.zeros(1, 5, 8), torch.zeros(1, 5, 8)
    empty = torch.arange(2.0).view(1, 2, 1).expand(1, 2, 8)
    assert (varied(text, empty, silence, 1.0)[0, :, 0] / MOST).tolist() == [0, 1, 0, 1, 0]
    assert (varied(text, empty.repeat(1, 4, 1), silence, 1.0)[0, :, 0] / MOST).tolist() == [0, 1, 0, 1, 0]


def test_a_text_keeps_its_precision() -> None:
    half = torch.ones(1, 4, 8, dtype=torch.float16)
    assert varied(half, half.float(), torch.randn(1, 4, 8), 1.0).dtype == torch.float16
    assert without(half[:, 0], half[:, 0].float(), 1.0).dtype == torch.float16


@pytest.mark.parametrize("steps, first", [(1, 1), (2, 1), (4, 1), (5, 2), (8, 2), (0, 1)])
def test_it_acts_in_the_first_quarter(steps: int, first: int) -> None:
    assert [acts(step, steps) for step in range(max(steps, 1))] == [step < first for step in range(max(steps, 1))]


def test_without_it_a_plan_is_as_before() -> None:
    assert plan(variety=0) == plan() and plan().variety == 0
    assert "variety" not in plan().summary and "variety" not in plan().noted


def test_with_it_the_plan_says_so() -> None:
    found = plan(variety=0.5)
    assert found.variety == 0.5 and found.noted == {"variety": 0.5} and "variety 0.5" in found.summary
    assert [note for note in found.notes if note not in plan().notes] == [
        "Variety 0.5: pictures of different seeds differ more, and follow the prompt less closely",
    ]
    assert found.evaluations == plan().evaluations and found.as_dict()["variety"] == 0.5


@pytest.mark.parametrize("key", sorted(TABLES.profiles))
def test_every_method_takes_it_and_none_has_it_by_itself(key: str) -> None:
    shown = {**vars(initial(TABLES)), "enabled": True, "method": key, "filled_for": key}
    assert "variety" not in as_dict([shown[name] for name in ORDER], TABLES)
    _, asked = parse_args([{**shown, "variety": 0.3}[name] for name in ORDER], TABLES, Request())
    assert asked.variety == 0.3


@pytest.mark.parametrize("value", [-0.1, 1.1, "much", [1], True])
def test_what_is_no_such_number_is_named(value: object) -> None:
    asked = request_from({"variety": value})
    assert asked.variety is None and "expected a number from 0 to 1" in asked.problems[0]


def test_the_page_shows_its_slider_at_0() -> None:
    assert controls_from([], TABLES).variety is None and initial(TABLES).variety == 0
