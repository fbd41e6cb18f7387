"""Draft pictures: asked for by a switch, done where the host has the decoder, said where not."""
from __future__ import annotations

from lib_fewstep.core.controls import ORDER, as_dict, parse_args
from lib_fewstep.core.decide import make_plan
from lib_fewstep.core.request import Request, request_from
from tests.core.situations import LCM, TABLES, facts

DRAFT = {"method": "lcm", "draft": True}


def test_a_draft_is_planned_where_the_decoder_is() -> None:
    assert make_plan(request_from(DRAFT), facts("sd15", LCM), TABLES).draft
    assert not make_plan(request_from({"method": "lcm"}), facts("sd15", LCM), TABLES).draft


def test_without_the_decoder_the_plan_says_why() -> None:
    plan = make_plan(request_from(DRAFT), facts("sd15", LCM, no_draft="No decoder"), TABLES)
    assert plan.active and not plan.draft and plan.notes[-1] == "No decoder"


def test_what_is_no_switch_is_named() -> None:
    request = request_from({"draft": "yes"})
    assert not request.draft and "'draft'" in request.problems[0] and "'yes'" in request.problems[0]


def test_the_switches_come_last_so_that_older_positions_stay() -> None:
    assert ORDER[-2] == "draft"
    values = [True, "lcm", "auto"]
    assert not parse_args(values, TABLES, Request())[1].draft
    whole = [*values, *[None] * (len(ORDER) - 5), True, False]
    assert parse_args(whole, TABLES, Request())[1].draft and as_dict(whole, TABLES)["draft"] is True
