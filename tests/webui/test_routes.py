"""The routes under /fewstep/v1."""
from __future__ import annotations

from typing import Any

import pytest

from . import hosts
from .client import WebUI

ROUTES = [("GET", "methods"), ("GET", "loras"), ("GET", "progress"), ("POST", "plan"), ("POST", "live")]


def test_methods_are_the_table(webui: WebUI) -> None:
    found = webui.get("/fewstep/v1/methods")
    assert [row["key"] for row in found] == list(hosts.TABLES.profiles)
    lcm = next(row for row in found if row["key"] == "lcm")
    assert lcm["steps"] == {"default": 4, "min": 2, "max": 8} and lcm["gamma"] is None


def test_loras_say_what_they_are_and_whether_they_fit(webui: WebUI) -> None:
    found = {row["name"]: row for row in webui.get("/fewstep/v1/loras")}
    for family in ("sd15", "sdxl"):
        for profile in hosts.methods_of(family):
            row = found[hosts.lora_name(profile, family) or ""]
            method = profile.files_of or profile.key
            assert (row["method"], row["family"], row["fits"], row["readable"]) == (method, family, family == webui.family, True)
            assert row["reason"]


def test_a_plan_is_what_will_happen(webui: WebUI) -> None:
    plan = webui.plan(method="lcm", prompt="a cat", steps=5, negative_prompt="dog")
    assert plan["active"] and plan["timesteps"] == [999, 799, 599, 399, 199] and plan["changed"] == {"steps": 5}
    assert plan["notes"] == ["Negative prompt on (about +10 % time)"]
    assert plan["summary"].startswith("LCM-LoRA: 5 steps, CFG 1, LCM Few-Step, <lora:")


def test_an_empty_plan_is_auto(webui: WebUI) -> None:
    assert webui.plan() == webui.plan(method="auto")
    assert webui.request("POST", "/fewstep/v1/plan").status_code == 200


BAD_BODIES = [
    b"", b"{", b"[]", b"5", b'"x"', b"null", b"\xff\xfe", b'{"method": 1e999}', b'{"steps": NaN}', b"[" * 5000, b'{"a":' * 5000,
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda body: repr(body)[:24])
def test_a_bad_body_is_never_our_crash(webui: WebUI, body: bytes) -> None:
    response = webui.request("POST", "/fewstep/v1/plan", data=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 200 or 400 <= response.status_code < 500
    response.json()


@pytest.mark.parametrize("settings", [
    {"method": 5}, {"lora": "../../../etc/passwd"}, {"steps": "x" * 100000}, {"steps": 10**400}, {"cfg": None}, {"prompt": 5},
    {"prompt": "<lora:" * 1000}, {"prompt": "<lora:x:1e999>"}, {"weight": -5}, {"negative_prompt": []}, {"": ""},
])
def test_a_bad_value_is_answered(webui: WebUI, settings: dict[str, Any]) -> None:
    response = webui.request("POST", "/fewstep/v1/plan", json=settings)
    assert response.status_code == 200 or 400 <= response.status_code < 500
    assert len(response.content) < 20000


@pytest.mark.parametrize(("verb", "path"), [("POST", "methods"), ("GET", "plan"), ("DELETE", "loras")])
def test_a_wrong_verb_is_refused(webui: WebUI, verb: str, path: str) -> None:
    assert webui.request(verb, f"/fewstep/v1/{path}").status_code in (404, 405)


def test_what_takes_a_while_is_told_and_nothing_does_now(webui: WebUI) -> None:
    found = webui.get("/fewstep/v1/progress")
    assert {name: found[name] for name in ("state", "headline", "sentence", "chip", "share", "busy")} == {
        "state": "", "headline": "", "sentence": "", "chip": "", "share": 0, "busy": False,
    }
