"""Whatever is sent: the routes answer as they declare, the script ignores what it cannot use and says so, no file outside is read."""
from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from . import hosts
from .client import SMALL, WebUI
from .test_routes import ROUTES

PREFIX = "/fewstep/v1/"
CANARY = "fewstep-canary"
"""What the probe looks for in the paths that are opened."""
STEADY = settings(
    derandomize=True, database=None, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
"""The same examples at every run; no shrinking, because a picture costs a real host a quarter of a second."""
CHECKS = [
    not_a_server_error, checks.status_code_conformance, checks.content_type_conformance, checks.response_schema_conformance,
    checks.negative_data_rejection, checks.positive_data_acceptance,
]

TEXT_KEYS = ("method", "lora", "sampler")  # a schedule is not held against the host's: see below
NUMBER_KEYS = ("steps", "cfg", "weight", "gamma", "hires_steps")
ABSOLUTE = "@canary@"
"""Stands for the canary's path, which is known only when a WebUI runs."""
RELATIVE = f"../../outside/{CANARY}/lcm-lora-sdv1-5"
PATHS = [
    RELATIVE, f"{RELATIVE}.safetensors", f"sd15/../{RELATIVE}", f"./{RELATIVE}",
    RELATIVE.replace("/", "%2f").replace("..", "%2e%2e"), RELATIVE.replace("/", "%252f"),
    RELATIVE.replace("/", "\\"), RELATIVE.replace("..", "...."), RELATIVE.replace("/", "\u2215"), RELATIVE.replace(".", "\uff0e"),
    ABSOLUTE, f"/{ABSOLUTE}", f"file://{ABSOLUTE}", f"{ABSOLUTE}\x00", f"lcm\x00{ABSOLUTE}", f"{ABSOLUTE}%00.safetensors",
    f"<lora:{ABSOLUTE}:1>", f"/proc/self/root{ABSOLUTE}", f"/proc/self/cwd/{CANARY}", f"/dev/{CANARY}",
    f"C:\\{CANARY}", f"C:{CANARY}", f"\\\\?\\C:\\{CANARY}", f"//host/share/{CANARY}", f"\\\\host\\share\\{CANARY}",
    f"http://localhost/{CANARY}", f"~/{CANARY}", f"$HOME/{CANARY}", f"$(cat {CANARY})",
    "/dev/zero", "/dev/stdin", "/proc/self/environ", "..", ".", "/", "CON", "NUL.safetensors", "COM1:", "lcm:.", "lcm::$DATA",
    "\x00", "\r\n",
]

HUGE = st.sampled_from([10**400, -(10**400), 2**64, 1e308, -1e308, float("nan"), float("inf"), -float("inf"), 151, -11])
LONG = st.sampled_from(["x" * 100_000, "9" * 10_000, "<lora:" * 10_000, "💥" * 10_000, "[" * 10_000, "\n" * 10_000])
TEXT = st.sampled_from(PATHS) | LONG | st.text(min_size=1, max_size=30)
ANYTHING = st.recursive(
    st.none() | st.booleans() | HUGE | TEXT | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
CONTAINERS = st.lists(ANYTHING, max_size=3) | st.dictionaries(st.text(max_size=8), ANYTHING, max_size=3)
NO_NUMBER = HUGE | CONTAINERS | st.booleans() | st.sampled_from([*PATHS, "NaN", "inf", "-Infinity", "1e999", "0x10", "four"])
NO_NAME = HUGE | CONTAINERS | st.booleans() | TEXT.filter(lambda text: text.strip().lower() not in ("", "auto", "none") and len(text) > 1)
UNUSABLE = st.one_of(
    *(st.tuples(st.just(key), NO_NAME) for key in TEXT_KEYS),
    *(st.tuples(st.just(key), NO_NUMBER) for key in NUMBER_KEYS),
)
"""A key with a value that means nothing."""
WRONG_DICTS = st.builds(
    lambda wrong, rest: {**dict(rest), wrong[0]: wrong[1]},
    UNUSABLE,
    st.lists(UNUSABLE | st.tuples(st.text(max_size=12) | st.sampled_from(["prompt", "__class__", "scheduler"]), ANYTHING), max_size=4),
).map(lambda values: {key: value for key, value in values.items() if key != "enabled"})
WRONG_LISTS = st.lists(ANYTHING, max_size=12) | st.lists(NO_NAME | NO_NUMBER, min_size=1, max_size=9).map(lambda values: [True, *values])


# ---------------------------------------------------------------------------------------------------------------- the routes


def operations(webui: WebUI) -> list[Any]:
    """Our routes, as the host's own description declares them."""
    schema: Any = schemathesis.openapi.from_url(f"{webui.url}/openapi.json").include(path_regex=f"^{PREFIX}")
    return [found.ok() for found in schema.get_all_operations()]


def test_all_routes_are_declared(webui: WebUI) -> None:
    """`ROUTES` is what other tests go through: nothing of ours is missing there."""
    assert sorted((each.method.upper(), each.path) for each in operations(webui)) == sorted((verb, PREFIX + name) for verb, name in ROUTES)


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
def test_the_routes_answer_as_they_declare(webui: WebUI, mode: GenerationMode) -> None:
    for operation in operations(webui):
        takes_nothing = operation.method == "get"
        if takes_nothing and mode is GenerationMode.NEGATIVE:
            continue  # nothing that could be wrong
        if operation.path.endswith("/live"):
            continue  # it draws pictures of whatever size it is asked for: see test_live

        @settings(STEADY, max_examples=1 if takes_nothing else 60)
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            case.call_and_validate(base_url=webui.url, session=webui.session, checks=CHECKS, timeout=60)

        ask()


STRANGE = ANYTHING | st.text(st.characters(categories=["Cs", "Cc", "Lu"]), min_size=1, max_size=4)
BODIES = st.dictionaries(st.sampled_from([*TEXT_KEYS, *NUMBER_KEYS, "prompt", "negative_prompt", "scheduler"]), STRANGE).map(json.dumps)
NESTED = st.integers(1, 3000).map(lambda depth: '{"steps":' + "[" * depth + "]" * depth + "}")


@settings(STEADY, max_examples=150)
@example(body='{"lora": "\\ud800"}')
@given(body=BODIES | NESTED | STRANGE.map(json.dumps) | st.text())
def test_a_plan_is_answered_whatever_is_asked(webui: WebUI, body: str) -> None:
    """What schemathesis does not send: numbers that are none, halves of surrogate pairs, deep nesting, no JSON at all."""
    response = webui.request("POST", f"{PREFIX}plan", data=body.encode(), headers={"Content-Type": "application/json"})
    assert response.status_code in (200, 400, 422), response.text[:500]
    answer = response.json()
    assert "detail" in answer if response.status_code != 200 else isinstance(answer["active"], bool)


@pytest.mark.skipif(os.name == "nt", reason="a file's name is always Unicode there")
def test_a_file_whose_name_is_no_text_is_listed(webui: WebUI) -> None:
    """Latin-1 in a name, as old archives leave it: Python reads it as half a surrogate pair."""
    folder = webui.running.data / "models" / "Lora"
    path = Path(os.fsdecode(os.fsencode(folder) + b"/lcm-lora-sdv1-5_\xe9.safetensors"))
    path.symlink_to(next(folder.glob("sd15/lcm*")).resolve())
    try:
        if webui.request("POST", "/sdapi/v1/refresh-loras").status_code == 500:
            pytest.skip(f"{webui.name} itself stops at such a name, before we see it")
        assert any(row["name"] == path.stem for row in webui.get(f"{PREFIX}loras"))
        assert webui.plan(lora=path.stem)["lora"] in (path.stem, None)
    finally:
        path.unlink()
        webui.post("/sdapi/v1/refresh-loras")


# ---------------------------------------------------------------------------------------------------------------- the script


@pytest.fixture
def canary(webui: WebUI) -> Iterator[Path]:
    """A LoRA that would work, outside the WebUI's folders for LoRAs: nobody may touch it."""
    folder = webui.running.data / "outside" / CANARY
    path = folder / "lcm-lora-sdv1-5.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    source = hosts.make_loras(webui.running.host.checkpoint(webui.family), webui.family)
    shutil.copyfile(next(source.glob("*.safetensors")), path)
    _age(path)
    opened = webui.get("/probe/opened")
    yield path
    assert webui.get("/probe/opened") == opened, "a path outside was opened, or tried"
    assert path.stat().st_atime == 0, "the file outside was read"
    path.read_bytes()
    if path.stat().st_atime == 0:
        pytest.skip("this file system does not note when a file is read: what native code reads was not watched")


def _age(path: Path) -> None:
    """Sets the time of the last reading to 1970: reading the file will change it, whoever does."""
    os.utime(path, (0, 1))


def generate(webui: WebUI, script: str, arguments: Any, canary: Path) -> tuple[int, str]:
    """Status and answer for a tiny picture, with any arguments for `script`."""
    request = {"prompt": "x", **SMALL, "steps": 1, "alwayson_scripts": {script: {"args": arguments}}}
    body = json.dumps(request).replace(ABSOLUTE, str(canary))
    response = webui.request("POST", "/sdapi/v1/txt2img", data=body, headers={"Content-Type": "application/json"})
    return response.status_code, response.text


def assert_survived(webui: WebUI, arguments: Any, canary: Path, with_note: bool) -> None:
    before = webui.options()
    status, text = generate(webui, "Accelerator", arguments, canary)
    comments = webui.get("/probe/last")["comments"]
    if status >= 500:  # the host repeats the request in its answer: is it the host that cannot?
        assert generate(webui, "WebUI probe", arguments, canary)[0] == status, text[:1000]
    elif status == 200:
        assert len(json.loads(text)["images"]) == 1
    else:
        assert 400 <= status < 500
    assert webui.options() == before
    if with_note and (status == 200 or status >= 500):
        assert comments.startswith("Accelerator: ")


def for_any(webui: WebUI, arguments: st.SearchStrategy[Any], examples: int, check: Callable[[Any], None]) -> None:
    """Checks that many; fewer where a picture takes seconds."""

    @settings(STEADY, max_examples=examples if webui.kind in (hosts.EMBEDDED, "a1111") else examples // 5)
    @given(arguments)
    def run(value: Any) -> None:
        check(value)

    run()


def test_any_dict_makes_a_picture_and_says_what_is_wrong(webui: WebUI, canary: Path) -> None:
    for path in (RELATIVE, ABSOLUTE, f"{ABSOLUTE}\x00", f"<lora:{ABSOLUTE}:1>"):
        assert_survived(webui, [{"lora": path}], canary, with_note=True)
    for_any(webui, WRONG_DICTS, 50, lambda arguments: assert_survived(webui, [arguments], canary, with_note=True))


def test_any_list_makes_a_picture(webui: WebUI, canary: Path) -> None:
    assert_survived(webui, [True, "auto", ABSOLUTE], canary, with_note=True)

    def check(arguments: Any) -> None:
        says = isinstance(arguments, list) and len(arguments) > 1 and arguments[0] is True and _is_no_method(arguments[1])
        assert_survived(webui, arguments, canary, with_note=says)

    for_any(webui, WRONG_LISTS | st.sampled_from([5, "x", None, [[]], [{}, {}], [{"enabled": "perhaps"}]]), 30, check)


def _is_no_method(value: Any) -> bool:
    return isinstance(value, (int, float, list)) or (isinstance(value, str) and CANARY in value)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("key", ["lora", "method"])
def test_a_path_is_no_name(webui: WebUI, canary: Path, key: str, path: str) -> None:
    """Asked of the plan, which reads every file that it may: cheaper than a picture, and all of them."""
    answer = webui.plan(**{key: path.replace(ABSOLUTE, str(canary))})
    assert not answer["active"] and ("not installed" in answer["notes"][0] or "is not known" in answer["notes"][0])


def test_the_canary_would_be_noticed(webui: WebUI) -> None:
    """The proof of the proof: where a file of that name lies inside, the Accelerator reads it, and the probe says so."""
    inside = webui.running.data / "models" / "Lora" / f"{CANARY}.safetensors"
    shutil.copyfile(next(inside.parent.glob("*/lcm*")), inside)
    _age(inside)
    try:
        webui.post("/sdapi/v1/refresh-loras")
        webui.plan()
        assert str(inside) in webui.get("/probe/opened")
    finally:
        inside.unlink()
        webui.post("/sdapi/v1/refresh-loras")


def test_an_unknown_schedule_is_named(webui: WebUI) -> None:
    assert any("nonsense" in note for note in webui.plan(method="lcm", scheduler="nonsense")["notes"])
