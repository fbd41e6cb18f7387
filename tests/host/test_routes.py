"""Our routes in an app of their own: what they answer, what they declare, and what they do with what nobody should send."""
from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from lib_fewstep.core.request import ROWS
from tests.core.situations import BROKEN, LCM, LIGHTNING, STYLE, TABLES, facts, lora

from .fake import Host

SURROGATE = "lcm \udce9"


@pytest.fixture
def client(host: Host) -> TestClient:
    app, found = FastAPI(), facts("sd15", LCM, LIGHTNING, STYLE, BROKEN, lora(SURROGATE, "lcm"))
    hosts_facts = SimpleNamespace(tables=TABLES, of_page=lambda lora="auto": found)
    host.our("routes").register(app, hosts_facts, lambda: None, host.our("live").LiveRunner())
    return TestClient(app)


def test_methods_are_the_table(client: TestClient) -> None:
    found = {row["key"]: row for row in client.get("/fewstep/v1/methods").json()}
    assert list(found) == list(TABLES.profiles) and found["lcm"]["steps"] == {"default": 4, "min": 2, "max": 8}


def test_loras_say_what_they_are_and_styles_are_none(client: TestClient) -> None:
    found = {row["name"]: (row["method"], row["fits"], row["readable"]) for row in client.get("/fewstep/v1/loras").json()}
    assert found == {
        "lcm-sd15": ("lcm", True, True), "sdxl_lightning_4step_lora": ("lightning-4", False, True), "broken": (None, False, False),
        SURROGATE: ("lcm", True, True),
    }  # fmt: skip


def test_a_plan_is_what_will_happen(client: TestClient) -> None:
    plan = client.post("/fewstep/v1/plan", json={"method": "lcm", "lora": "lcm-sd15", "steps": 5}).json()
    assert plan["active"] and (plan["method"], plan["steps"], plan["lora"]) == ("lcm", 5, "lcm-sd15")
    assert plan["summary"].startswith("LCM-LoRA")
    assert client.post("/fewstep/v1/plan", json={"lora": "lcm-sd15", "prompt": "<lora:lcm-sd15:0.5>"}).json()["weight"] == 0.5


@pytest.mark.parametrize(("body", "status"), [
    (b"", 200), (b"null", 200), (b"{}", 200), (b"{", 422), (b"[]", 422), (b"5", 422), (b'"x"', 422), (b'{"steps": NaN}', 200),
    (b'{"lora": "\\ud800"}', 200), (b'{"cfg": 1e999}', 200), (b'{"prompt": 5, "negative_prompt": []}', 200),
])  # fmt: skip
def test_any_body_is_answered(client: TestClient, body: bytes, status: int) -> None:
    answer = client.post("/fewstep/v1/plan", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status and ("active" in answer.json() or "detail" in answer.json())


def test_what_is_answered_is_what_is_declared(client: TestClient) -> None:
    """Every field that the description requires, and no other; where it allows no null, there is none."""
    paths = client.get("/openapi.json").json()["paths"]
    for path, verb in (("/methods", "get"), ("/loras", "get"), ("/plan", "post")):
        schema = paths[f"/fewstep/v1{path}"][verb]["responses"]["200"]["content"]["application/json"]["schema"]
        answer = client.request(verb, f"/fewstep/v1{path}").json()
        for row, declared in zip([answer] if verb == "post" else answer, [schema.get("items", schema)] * 999, strict=False):
            assert set(row) == set(declared["required"]) == set(declared["properties"])
            wrong = [name for name, value in row.items() if not _fits(value, declared["properties"][name])]
            assert wrong == [], json.dumps({name: [row[name], declared["properties"][name]] for name in wrong})


def test_every_number_that_may_be_asked_for_is_described(client: TestClient) -> None:
    body = client.get("/openapi.json").json()["paths"]["/fewstep/v1/plan"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    described = next(each for each in body["anyOf"] if each.get("properties"))["properties"]
    assert {name: number.expected in str(described.get(name)) for name, number in ROWS.items()} == dict.fromkeys(ROWS, True)


def _fits(value: Any, schema: dict[str, Any]) -> bool:
    if "anyOf" in schema:
        return any(_fits(value, each) for each in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    kinds = {"string": str, "boolean": bool, "integer": int, "number": (int, float), "array": list, "object": dict}
    if not isinstance(value, kinds[schema["type"]]) or (isinstance(value, bool) and schema["type"] != "boolean"):
        return False
    inner = schema.get("items") or schema.get("additionalProperties")
    values = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return inner is None or all(_fits(each, inner) for each in values)


def test_an_open_host_declares_no_refusal_and_a_guarded_one_does(host: Host, client: TestClient) -> None:
    def codes(client: TestClient) -> set[str]:
        return set(client.get("/openapi.json").json()["paths"]["/fewstep/v1/loras"]["get"]["responses"])

    app: Any = FastAPI()
    host.shared.cmd_opts.api_auth = "ann:secret"
    hosts_facts = SimpleNamespace(tables=TABLES, of_page=lambda lora="auto": facts("sd15"))
    host.our("routes").register(app, hosts_facts, lambda: None, host.our("live").LiveRunner())
    assert codes(client) == {"200"} and codes(TestClient(app)) == {"200", "401"}
    for verb, path in (("GET", "methods"), ("GET", "loras"), ("POST", "plan")):
        assert TestClient(app).request(verb, f"/fewstep/v1/{path}").status_code == 401
        assert TestClient(app).request(verb, f"/fewstep/v1/{path}", auth=("ann", "secret")).status_code == 200
