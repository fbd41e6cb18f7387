"""The tables' reader: a bad row is told in full and hides no good one; whatever stands in a file, nothing is raised."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lib_fewstep.core import tables
from lib_fewstep.core.profiles import Problem, Range, Tables, name_key
from lib_fewstep.core.tables import DATA, load_tables

pytest.importorskip("hypothesis")
from hypothesis import given
from hypothesis import strategies as st

METHOD: dict[str, Any] = {
    "label": "Mine",
    "families": ["sd15"],
    "steps": {"default": 4, "min": 2, "max": 8},
    "cfg": 1.0,
    "weight": {"default": 1, "min": 0.5, "max": 1.2},
    "gamma": {"default": 0.3, "min": 0, "max": 1},
    "sampler": "TCD Few-Step",
    "timesteps": "lcm",
    "scheduler": "Automatic",
    "negative_prompt": "no",
}
FILE: dict[str, Any] = {"file": "mine.safetensors", "method": "lcm", "family": "sd15", "names": ["^mine$"]}
SHIPPED = load_tables()


@pytest.fixture(scope="module", autouse=True)
def shipped_tables_are_parsed_once() -> Iterator[None]:
    """They take a tenth of a second each time."""
    read = tables._read
    parsed = {path: read(path, []) for path in (DATA / "methods.yaml", DATA / "files.yaml")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "_read", lambda path, problems: parsed.get(path) or read(path, problems))
        yield


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Tables]:
    """Loads the shipped tables with a user's one on top, given as text or as what it holds."""

    def load(content: Any, name: str = "user.yaml") -> Tables:
        path = tmp_path / name
        path.write_text(
            content if isinstance(content, str) else yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8"
        )
        return load_tables([path])

    return load


def only(tables: Tables) -> Problem:
    (problem,) = tables.problems
    return problem


@pytest.mark.parametrize("name", ["methods.yaml", "files.yaml"])
def test_the_fast_reader_reads_what_the_other_reads(name: str) -> None:
    assert tables._read(DATA / name, []) == yaml.safe_load((DATA / name).read_text(encoding="utf-8"))


def test_a_users_file_nested_too_deeply_is_told(tmp_path: Path) -> None:
    mine = tmp_path / "fewstep.yaml"
    mine.write_text("[" * 100_000, encoding="utf-8")
    problems = load_tables([mine]).problems
    assert [problem.file for problem in problems] == [str(mine)] and "cannot be read" in problems[0].message


def test_the_shipped_tables_have_no_problems() -> None:
    assert SHIPPED.problems == ()
    shipped = yaml.safe_load((DATA / "methods.yaml").read_text(encoding="utf-8"))["methods"]
    assert list(SHIPPED.profiles) == list(shipped)
    assert len(SHIPPED.files) == len(yaml.safe_load((DATA / "files.yaml").read_text(encoding="utf-8"))["files"])


def test_the_shipped_numbers_arrive() -> None:
    tcd = SHIPPED.profiles["tcd"]
    assert (tcd.steps, tcd.cfg, tcd.gamma) == (Range(4, 4, 50), Range(1.0, 1.0, 1.0), Range(0.3, 0.0, 1.0))
    assert (tcd.sampler, tcd.timesteps, tcd.families) == ("TCD Few-Step", "lcm", ("sd15", "sd21", "sdxl"))
    assert SHIPPED.profiles["turbomix-sde"].timesteps is None and SHIPPED.profiles["turbomix-sde"].scheduler == "Karras"


def test_a_users_method_is_added_and_a_users_row_wins_by_its_key(load: Callable[..., Tables]) -> None:
    changed = {**METHOD, "label": "My LCM", "steps": 6}
    tables = load({"methods": {"mine": METHOD, "lcm": changed}})
    assert tables.problems == ()
    assert tables.profiles["mine"].label == "Mine"
    assert tables.profiles["lcm"].label == "My LCM" and tables.profiles["lcm"].steps == Range(6, 6, 6)
    assert {key: row for key, row in tables.profiles.items() if key not in ("mine", "lcm")} == {
        key: row for key, row in SHIPPED.profiles.items() if key != "lcm"
    }
    assert list(tables.profiles)[: len(SHIPPED.profiles)] == list(SHIPPED.profiles)


def test_a_users_file_may_be_of_a_users_method(load: Callable[..., Tables]) -> None:
    tables = load({"methods": {"mine": METHOD}, "files": [{**FILE, "method": "mine"}]})
    assert tables.problems == () and tables.files[-1].method == "mine" and tables.files[:-1] == SHIPPED.files


def test_later_tables_win(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(yaml.safe_dump({"methods": {"mine": {**METHOD, "label": f"of {name}"}}}))
    assert load_tables([tmp_path / "a", tmp_path / "b"]).profiles["mine"].label == "of b"


def test_one_number_stands_for_a_range(load: Callable[..., Tables]) -> None:
    mine = load({"methods": {"mine": {**METHOD, "cfg": 2, "steps": 3}}}).profiles["mine"]
    assert (mine.cfg, mine.steps) == (Range(2, 2, 2), Range(3, 3, 3))


def test_a_key_without_a_value_is_left_out(load: Callable[..., Tables]) -> None:
    empty = dict.fromkeys(("weights", "cfg_steps", "guidance", "prediction", "shift", "resolution", "licence", "noncommercial", "notes"))
    assert load({"methods": {"mine": {**METHOD, **empty}}}) == load({"methods": {"mine": METHOD}})


def test_a_list_of_timesteps_limits_the_steps(load: Callable[..., Tables]) -> None:
    turbo = {**METHOD, "timesteps": [999, 899, 799, 699], "steps": {"default": 4, "min": 1, "max": 4}}
    tables = load({"methods": {"good": turbo, "bad": {**turbo, "label": "Bad", "steps": {"default": 4, "min": 1, "max": 5}}}})
    assert tables.profiles["good"].timesteps == (999, 899, 799, 699)
    assert only(tables).row == "bad" and only(tables).key == "steps.max" and "1 to 4" in only(tables).message


@pytest.mark.parametrize(
    "change, key, value, expected",
    [
        ({"label": None}, "label", "missing", "text"),
        ({"label": " "}, "label", "' '", "text"),
        ({"label": 5}, "label", "5", "text"),
        ({"label": SHIPPED.profiles["lcm"].label}, "label", "'LCM-LoRA'", "'lcm'"),
        ({"families": ["sd15", "sd4"]}, "families", "'sd4'", "sd15, sd21, sdxl"),
        ({"families": []}, "families", "[]", "list of texts"),
        ({"families": "sd15"}, "families", "'sd15'", "list of texts"),
        ({"steps": None}, "steps", "missing", "a whole number"),
        ({"steps": "four"}, "steps", "'four'", "a whole number"),
        ({"steps": 4.5}, "steps.default", "4.5", "a whole number from 1 to 50"),
        ({"steps": 0}, "steps.default", "0", "from 1 to 50"),
        ({"steps": True}, "steps", "True", "a whole number"),
        ({"steps": {"default": 4, "min": 5, "max": 8}}, "steps", "4", "min 5 to max 8"),
        ({"steps": {"min": 2, "max": 8}}, "steps.default", "missing", "a whole number"),
        ({"steps": {"default": 4, "max": 51}}, "steps.max", "51", "from 1 to 50"),
        ({"cfg": 0}, "cfg.default", "0", "from 1 to 30"),
        ({"cfg": float("nan")}, "cfg.default", "nan", "from 1 to 30"),
        ({"cfg": {"default": 1, "max": float("inf")}}, "cfg.max", "inf", "from 1 to 30"),
        ({"weight": {"default": 1, "min": "low"}}, "weight.min", "'low'", "a number from 0 to 2"),
        ({"gamma": 1.5}, "gamma.default", "1.5", "from 0 to 1"),
        ({"sampler": None}, "sampler", "missing", "text"),
        ({"timesteps": None}, "timesteps", "missing", "lcm, trailing, perflow, flow, flux, flux2, host"),
        ({"timesteps": "leading"}, "timesteps", "'leading'", "lcm, trailing, perflow, flow, flux, flux2, host"),
        ({"timesteps": [249, 499]}, "timesteps", "[249, 499]", "descending"),
        ({"timesteps": [1000, 5]}, "timesteps", "[1000, 5]", "from 999 to 0"),
        ({"timesteps": [True, False]}, "timesteps", "[True, False]", "list of timesteps"),
        ({"timesteps": []}, "timesteps", "[]", "list of timesteps"),
        ({"scheduler": []}, "scheduler", "[]", "text"),
        ({"negative_prompt": True}, "negative_prompt", "True", "no, weak, yes"),
        ({"resolution": {"sd4": 512}}, "resolution", "{'sd4': 512}", "mapping from family to pixels"),
        ({"resolution": 512}, "resolution", "512", "mapping from family to pixels"),
        ({"notes": "one"}, "notes", "'one'", "list of texts"),
        ({"source": "me"}, "source", "'me'", "mapping"),
        ({"source": ["me"]}, "source", "['me']", "mapping"),
        ({"licence": 5}, "licence", "5", "text"),
        ({"noncommercial": "no"}, "noncommercial", "'no'", "true or false"),
    ],
)
def test_a_bad_method_is_told_in_full_and_hides_no_other(
    change: dict[str, Any], key: str, value: str, expected: str, load: Callable[..., Tables]
) -> None:
    tables = load({"methods": {"before": METHOD, "bad": {**METHOD, "label": "Bad", **change}, "after": {**METHOD, "label": "After"}}})
    assert set(tables.profiles) == {*SHIPPED.profiles, "before", "after"}
    problem = only(tables)
    assert problem.file.endswith("user.yaml") and (problem.row, problem.key) == ("bad", key)
    assert value in problem.message and expected in problem.message
    assert all(part in str(problem) for part in ("user.yaml", "row 'bad'", f"key '{key}'", value))


@pytest.mark.parametrize("key", ("Mine", "my method", "", "-x", "mine\n", "auto"))
def test_a_method_whose_key_cannot_be_stored_or_asked_for_is_told(key: str, load: Callable[..., Tables]) -> None:
    tables = load({"methods": {key: {**METHOD, "label": "Bad"}, "good": METHOD}})
    assert "good" in tables.profiles and key not in tables.profiles
    assert only(tables).row == key


@pytest.mark.parametrize(
    "change, key, value, expected",
    [
        ({"file": None}, "file", "missing", "text"),
        ({"method": "lcm2"}, "method", "'lcm2'", ", ".join(SHIPPED.profiles)),
        ({"method": None}, "method", "missing", ", ".join(SHIPPED.profiles)),
        ({"method": ["lcm"]}, "method", "['lcm']", ", ".join(SHIPPED.profiles)),
        ({"family": "sd21"}, "family", "'sd21'", "sd15, sdxl, ssd1b, vega"),
        ({"names": ["(mine"]}, "names", "'(mine'", "regular expression"),
        ({"names": ["a{4294967296}"]}, "names", "'a{4294967296}'", "regular expression"),
        ({"names": [""]}, "names", "''", "every name"),
        ({"names": ["lcm|"]}, "names", "'lcm|'", "every name"),
        ({"names": "mine"}, "names", "'mine'", "list of texts"),
        ({"sha256": "abc"}, "sha256", "'abc'", "64 hexadecimal digits"),
        ({"sha256": ["A" * 64]}, "sha256", "AAA", "in lower case"),
        ({"sha256": 5}, "sha256", "5", "64 hexadecimal digits"),
        ({"sha256": {"a": 1}}, "sha256", "{'a': 1}", "64 hexadecimal digits"),
        ({"size": 0}, "size", "0", "number of bytes"),
        ({"size": "394 MB"}, "size", "'394 MB'", "number of bytes"),
        ({"size": True}, "size", "True", "number of bytes"),
        ({"webui_hash": 123456789012}, "webui_hash", "123456789012", "hexadecimal digits"),
        ({"webui_hash": "a"}, "webui_hash", "'a'", "hexadecimal digits"),
        ({"note": 5}, "note", "5", "text"),
    ],
)
def test_a_bad_file_is_told_in_full_and_hides_no_other(
    change: dict[str, Any], key: str, value: str, expected: str, load: Callable[..., Tables]
) -> None:
    tables = load({"files": [{**FILE, "file": "before"}, {**FILE, **change}, {**FILE, "file": "after"}]})
    assert [row.file for row in tables.files[len(SHIPPED.files) :]] == ["before", "after"]
    problem = only(tables)
    assert problem.file.endswith("user.yaml") and problem.key == key
    assert problem.row == ("#2" if key == "file" else "mine.safetensors")
    assert value in problem.message and expected in problem.message


@pytest.mark.parametrize(
    "text, words",
    [
        ("methods: [", ["cannot be read"]),
        ("\tx", ["cannot be read"]),
        ("a: 2024-13-45", ["cannot be read", "month"]),  # YAML's dates
        ("a: 0b_", ["cannot be read"]),
        ("[" * 5000, ["cannot be read"]),
        ("? {}\n: 1", ["cannot be read"]),
        ("!!python/object/apply:os.system [true]", ["cannot be read"]),
        ("- a\n- b", ["is a list", "mapping"]),
        ("just text", ["is a str", "mapping"]),
        ("methods: 5", ["key 'methods'", "5", "mapping from method key to row"]),
        ("methods: [1]", ["key 'methods'", "[1]", "mapping from method key to row"]),
        ("files: {a: 1}", ["key 'files'", "{'a': 1}", "a list of rows"]),
        ("methods: {mine: 5}", ["row 'mine'", "5", "mapping"]),
        ("methods: {mine: [1]}", ["row 'mine'", "[1]", "mapping"]),
        ("methods: {mine: }", ["row 'mine'", "missing", "mapping"]),
        ("files: [5]", ["row '#1'", "5", "mapping"]),
        ("auto_order: [lcm, nothing]", ["auto_order", "'nothing'", "lcm"]),
        ("auto_order: [[lcm]]", ["auto_order", "['lcm']"]),
        ("auto_order: 5", ["auto_order", "5"]),
    ],
)
def test_a_bad_table_is_told_and_the_shipped_rows_stay(text: str, words: list[str], load: Callable[..., Tables]) -> None:
    tables = load(text)
    assert (tables.profiles, tables.files) == (SHIPPED.profiles, SHIPPED.files)
    said = str(only(tables))
    assert "user.yaml" in said and all(word in said for word in words)


@pytest.mark.parametrize("text", ("", "# nothing", "methods:\nfiles:\n", "other: 5", "{}"))
def test_a_table_without_rows_is_no_problem(text: str, load: Callable[..., Tables]) -> None:
    assert load(text) == SHIPPED


def test_a_table_that_is_not_there_or_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00methods")
    tables = load_tables([tmp_path / "none.yaml", tmp_path / "bytes", tmp_path])
    assert tables.profiles == SHIPPED.profiles
    assert [problem.file for problem in tables.problems] == [str(tmp_path / "none.yaml"), str(tmp_path / "bytes"), str(tmp_path)]
    assert all("cannot be read" in str(problem) for problem in tables.problems)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates() | st.binary(max_size=4)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3), max_leaves=8)


SETTINGS = st.sampled_from([*METHOD, "resolution", "source", "notes", "licence"])
FIELDS = st.sampled_from([*FILE, "sha256", "size", "webui_hash", "note", "repo"])
TABLES = st.one_of(
    VALUES,
    st.dictionaries(st.sampled_from(["methods", "files", "auto_order"]), VALUES),
    st.fixed_dictionaries({"methods": st.dictionaries(SCALARS, VALUES, max_size=3)}),
    st.fixed_dictionaries({"files": st.lists(VALUES, max_size=3)}),
)


def loaded_from(content: Any, folder: Path) -> Tables:
    path = folder / "any.yaml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
    tables = load_tables([path])
    assert set(SHIPPED.profiles) <= set(tables.profiles) and set(SHIPPED.files) <= set(tables.files)
    assert all(str(problem) for problem in tables.problems)
    return tables


@given(content=TABLES)
def test_nothing_that_yaml_can_hold_makes_it_raise(content: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    loaded_from(content, tmp_path_factory.getbasetemp())


@given(key=SETTINGS, value=VALUES, good_first=st.booleans())
def test_no_value_in_a_method_makes_it_raise_or_hides_another(
    key: str, value: Any, good_first: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = [("bad", {**METHOD, "label": "Bad", key: value}), ("good", METHOD)]
    tables = loaded_from({"methods": dict(reversed(rows) if good_first else rows)}, tmp_path_factory.getbasetemp())
    assert "good" in tables.profiles or value == METHOD["label"]
    assert ("bad" in tables.profiles) == (tables.problems == ())


@given(key=FIELDS, value=VALUES)
def test_no_value_in_a_file_makes_it_raise_or_hides_another(key: str, value: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    tables = loaded_from({"files": [{**FILE, key: value}, {**FILE, "file": "good"}]}, tmp_path_factory.getbasetemp())
    assert tables.files[-1].file == "good"
    assert len(tables.files) == len(SHIPPED.files) + 2 - len(tables.problems) or value == "good"


@pytest.mark.parametrize(
    "stem, key",
    [
        ("Hyper-SDXL-8steps-lora", "hyper-sdxl-8steps-lora"),
        ("LCM&TurboMix LoRA (eular a.fix) XL", "lcm-turbomix-lora-(eular-a-fix)-xl"),
        ("  a__b - c..d  ", "a-b-c-d"),
        ("", ""),
    ],
)
def test_names_are_compared_without_regard_to_case_and_separators(stem: str, key: str) -> None:
    assert name_key(stem) == key


def test_methods_of_a_family_are_those_made_for_it() -> None:
    assert {row.key for row in SHIPPED.for_family("ssd1b")} >= {"lcm", "lcm-full", "sgm-uniform", "dpmpp-2m-karras", "unipc"}
    assert not {row.key for row in SHIPPED.for_family("ssd1b")} & {"tcd", "hyper-sdxl-8", "hyper-flux-8"}
    assert {row.key for row in SHIPPED.for_family("sd21")} >= {"tcd", "sd-turbo", "sgm-uniform", "dpmpp-2m-karras", "unipc"}
    assert SHIPPED.for_family(None) == list(SHIPPED.profiles.values())


def test_auto_order_names_every_method_once_a_users_wishes_first(load: Callable[..., Tables]) -> None:
    assert sorted(SHIPPED.auto_order) == sorted(SHIPPED.profiles)
    tables = load({"methods": {"mine": METHOD}, "auto_order": ["mine", "tcd"]})
    assert tables.auto_order[:2] == ("mine", "tcd") and sorted(tables.auto_order) == sorted(tables.profiles)


def test_a_range_tells_what_it_holds() -> None:
    assert 1.0 in Range(1, 0.5, 1.2) and 0.5 in Range(1, 0.5, 1.2) and 1.3 not in Range(1, 0.5, 1.2)
    assert Range(4, 2, 8).in_words == "2 to 8" and Range(1.0, 1.0, 1.0).in_words == "1"
