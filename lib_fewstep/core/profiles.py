"""The tables: one immutable Profile per method, one PublishedFile per file that somebody published.

A table is YAML, read and checked row by row: a bad row is left out and reported as a `Problem` that names the file, the row,
the key, what stands there and what is expected; the good rows stay. A later table overrides earlier rows by key, which is how a
user adds or changes a method.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from .schedules import MAX_STEPS, RULES, TRAIN_TIMESTEPS, Rule, max_steps

DATA = Path(__file__).parents[1] / "data"

FAMILIES = {
    "sd15": "Stable Diffusion 1.5",
    "sd21": "Stable Diffusion 2.1",
    "sdxl": "SDXL",
    "ssd1b": "SSD-1B",
    "vega": "Segmind Vega",
    "flux": "FLUX.1",
    "sd3": "Stable Diffusion 3",
}
NEGATIVE_PROMPT = ("no", "weak", "yes")
HOST_SCHEDULE = "host"
"""Timestep rule of a method that runs on one of the host's own schedules, named by the row's `scheduler`."""
LORA, CHECKPOINT, NOTHING = "lora", "checkpoint", "none"
"""Where a method's weights come from: a LoRA (or a checkpoint that has it merged in), a checkpoint alone, or none are needed."""
X0, DDIM_EPS, DIFF_EPS = "x0", "ddim_eps", "diff_eps"
"""What a UNet predicts if it is not what the host takes it for: the picture itself, or PeRFlow's eps in one of two meanings."""


@dataclass(frozen=True)
class Range:
    """A recommended value and the range its authors allow."""

    default: float
    min: float
    max: float

    def __contains__(self, value: float) -> bool:
        return self.min <= value <= self.max

    def __str__(self) -> str:
        return f"{self.min:g}" if self.min == self.max else f"{self.min:g} to {self.max:g}"


@dataclass(frozen=True)
class Profile:
    """How one method wants to be run. `timesteps` is None where the host's schedule `scheduler` decides them.

    `weight` is None for a method that has no LoRA; `guidance` is a guidance scale that the model takes as an input, beside or instead of
    CFG; CFG above 1 is for the first `cfg_steps` steps alone (0: for all). With `shift`, the model is asked at timestep
    floor(t * shift / 1000) for the noise of timestep t.
    """

    key: str
    label: str
    families: tuple[str, ...]
    steps: Range
    cfg: Range
    weight: Range | None
    gamma: Range | None
    sampler: str
    timesteps: Rule | None
    scheduler: str
    negative_prompt: str
    resolution: Mapping[str, int]
    licence: str
    noncommercial: bool
    source: Mapping[str, str]
    notes: tuple[str, ...]
    weights: str = LORA
    guidance: Range | None = None
    cfg_steps: int = 0
    prediction: str = ""
    shift: int | None = None

    @property
    def needs_own_sampler(self) -> bool:
        """Whether no other sampler can do it: those of PeRFlow's windows, and those whose noise is not that of the timestep asked at."""
        return self.shift is not None or self.prediction in (DDIM_EPS, DIFF_EPS)


@dataclass(frozen=True)
class PublishedFile:
    """One published weight file. `names` match the usual names of the file, see `name_key`."""

    file: str
    method: str
    family: str
    repo: str
    names: tuple[re.Pattern[str], ...]
    size: int | None = None
    sha256: tuple[str, ...] = ()
    webui_hash: str | None = None
    licence: str = ""
    superseded: bool = False
    note: str = ""
    kind: str = LORA
    path: str = ""
    """Where in `repo` the file lies; empty where that is not known."""
    loads_in: str = ""


@dataclass(frozen=True)
class Problem:
    """A row, or a whole file, that could not be used, and why."""

    file: str
    row: str
    key: str
    message: str

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.file, self.row and f"row '{self.row}'", self.key and f"key '{self.key}'") if part)
        return f"{where}: {self.message}"


@dataclass(frozen=True)
class Tables:
    profiles: Mapping[str, Profile]
    files: tuple[PublishedFile, ...]
    auto_order: tuple[str, ...] = ()
    """Keys of all methods, in the order in which Auto prefers them."""
    problems: tuple[Problem, ...] = ()

    def for_family(self, family: str | None) -> list[Profile]:
        """The methods made for `family`, in table order; all of them where the family is unknown."""
        return [p for p in self.profiles.values() if family is None or family in p.families]


def load_tables(extra: Iterable[Path] = ()) -> Tables:
    """The shipped tables, then those of `extra` (YAML files with `methods:` and/or `files:`), later rows winning by key.

    Never raises for what stands in a file; what is wrong is in `problems`.
    """
    profiles: dict[str, Profile] = {}
    files: dict[tuple[str, str, str], PublishedFile] = {}
    order: list[str] = []
    problems: list[Problem] = []
    for path in (DATA / "methods.yaml", DATA / "files.yaml", *extra):
        table = _read(path, problems)
        for key, row in _rows_of(table, "methods", dict, path, problems).items():
            profile = _checked(partial(_profile, str(key), row, profiles), path, str(key), problems)
            if profile is not None:
                profiles[profile.key] = profile
        for number, row in enumerate(_rows_of(table, "files", list, path, problems), start=1):
            name = str((isinstance(row, dict) and row.get("file")) or f"#{number}")
            published = _checked(partial(_published_file, row, profiles), path, name, problems)
            if published is not None:
                files[published.repo, published.family, published.file + "".join(published.sha256)] = published
        order = [*_auto_order(table, path, profiles, problems), *order]
    return Tables(profiles, tuple(files.values()), tuple(dict.fromkeys([*order, *profiles])), tuple(problems))


def preferring(tables: Tables, keys: Iterable[str]) -> Tables:
    """`tables` with Auto preferring the methods `keys`, in their order; keys of no method are passed over."""
    known = [key for key in keys if key in tables.profiles]
    return replace(tables, auto_order=tuple(dict.fromkeys([*known, *tables.auto_order])))


def name_key(stem: str) -> str:
    """A file name's stem in the form that the tables' `names` are written for: lower case, single dashes."""
    return re.sub(r"[\s_.+&-]+", "-", stem.lower()).strip("-")


# --------------------------------------------------------------------------------------------------- reading and checking


_METHOD_KEYS = ("label", "families", "weights", "steps", "cfg", "cfg_steps", "weight", "gamma", "guidance", "sampler", "timesteps",
                "scheduler", "prediction", "shift", "negative_prompt", "resolution", "licence", "noncommercial", "source", "notes")
_FILE_KEYS = ("file", "kind", "method", "family", "repo", "path", "names", "size", "sha256", "webui_hash", "loads_in", "superseded", "note",
              "licence", "source")


_FAST_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Ten times as fast, at every start of the WebUI. Not for a user's file: nested too deeply, it would take the process with it."""


class _Bad(Exception):
    def __init__(self, key: str, message: str):
        super().__init__(message)
        self.key = key


def _read(path: Path, problems: list[Problem]) -> dict[str, Any]:
    try:
        loader = _FAST_LOADER if path.parent == DATA else yaml.SafeLoader
        table = yaml.load(path.read_text(encoding="utf-8"), loader) or {}
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:  # ValueError: no text, or a date such as 2024-13-45
        problems.append(Problem(str(path), "", "", f"cannot be read: {error}"))
        return {}
    if not isinstance(table, dict):
        problems.append(Problem(str(path), "", "", f"is a {type(table).__name__}; expected a mapping with 'methods' and/or 'files'"))
        return {}
    return table


def _rows_of(table: dict[str, Any], name: str, kind: type, path: Path, problems: list[Problem]) -> Any:
    rows = table.get(name) or kind()
    if not isinstance(rows, kind):
        expected = "a mapping from method key to row" if kind is dict else "a list of rows"
        problems.append(Problem(str(path), "", name, f"is {_shown(rows)}; expected {expected}"))
        return kind()
    return rows


def _auto_order(table: dict[str, Any], path: Path, profiles: Mapping[str, Profile], problems: list[Problem]) -> list[str]:
    order = table.get("auto_order") or []
    order = order if isinstance(order, list) else [order]
    known = [key for key in order if isinstance(key, str) and key in profiles]
    for key in order:
        if key not in known:
            problems.append(Problem(str(path), "", "auto_order", f"names {_shown(key)}; expected one of {', '.join(profiles)}"))
    return known


def _checked(make: Callable[[], Any], path: Path, row: str, problems: list[Problem]) -> Any:
    try:
        return make()
    except _Bad as bad:
        problems.append(Problem(str(path), row, bad.key, str(bad)))
        return None


def _profile(key: str, row: Any, others: Mapping[str, Profile]) -> Profile:
    if not isinstance(row, dict):
        raise _Bad("", f"is {_shown(row)}; expected a mapping of settings")
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", key) or key == "auto":
        raise _Bad("", "the method's key may hold lower-case letters, digits, dots and dashes only, and not be 'auto'")
    label = _text(row, "label")
    for other in others.values():
        if other.label == label and other.key != key:  # a dropdown tells methods by their labels
            raise _Bad("label", f"is {label!r}, which is the label of '{other.key}'; expected one of its own")
    _check_keys(row, _METHOD_KEYS)
    timesteps = _timesteps(row.get("timesteps"))
    weights = _one_of(row, "weights", (LORA, CHECKPOINT, NOTHING), default=LORA)
    steps = _range(row, "steps", low=1, high=max_steps(timesteps) if timesteps is not None else MAX_STEPS, whole=True)
    families = tuple(_texts(row, "families"))
    for family in families:
        if family not in FAMILIES:
            raise _Bad("families", f"{family!r} is unknown; expected some of {', '.join(FAMILIES)}")
    return Profile(
        key=key,
        label=label,
        families=families,
        steps=steps,
        cfg=_range(row, "cfg", low=1, high=30),
        weight=_range(row, "weight", low=0, high=2) if weights == LORA else None,
        gamma=_range(row, "gamma", low=0, high=1) if row.get("gamma") is not None else None,
        sampler=_text(row, "sampler"),
        timesteps=timesteps,
        scheduler=_text(row, "scheduler"),
        negative_prompt=_one_of(row, "negative_prompt", NEGATIVE_PROMPT),
        resolution=_resolution(row.get("resolution") or {}),
        licence=_text(row, "licence", default=""),
        noncommercial=bool(row.get("noncommercial", False)),
        source=_source(row),
        notes=tuple(_texts(row, "notes", default=[])),
        weights=weights,
        guidance=_range(row, "guidance", low=0, high=30) if row.get("guidance") is not None else None,
        cfg_steps=_whole(row, "cfg_steps", least=0, most=MAX_STEPS) or 0,
        prediction=_one_of(row, "prediction", ("", X0, DDIM_EPS, DIFF_EPS), default=""),
        shift=_whole(row, "shift", least=1, most=TRAIN_TIMESTEPS),
    )


def _published_file(row: Any, profiles: Mapping[str, Profile]) -> PublishedFile:
    if not isinstance(row, dict):
        raise _Bad("", f"is {_shown(row)}; expected a mapping")
    _check_keys(row, _FILE_KEYS)
    method = _one_of(row, "method", profiles)
    family = _one_of(row, "family", profiles[method].families)
    hashes = row.get("sha256") or []
    hashes = hashes if isinstance(hashes, list) else [hashes]
    for value in hashes:
        if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{64}", value):
            raise _Bad("sha256", f"is {_shown(value)}; expected 64 hexadecimal digits in lower case")
    webui_hash = row.get("webui_hash")
    if webui_hash is not None and not (isinstance(webui_hash, str) and re.fullmatch(r"[0-9a-f]{12,64}", webui_hash)):
        raise _Bad("webui_hash", f"is {_shown(webui_hash)}; expected at least 12 hexadecimal digits in lower case, in quotes")
    return PublishedFile(
        file=_text(row, "file"),
        method=method,
        family=family,
        repo=_text(row, "repo", default=""),
        names=tuple(_pattern(text) for text in _texts(row, "names", default=[])),
        size=_whole(row, "size", least=1, most=1 << 50, what="the number of bytes"),
        sha256=tuple(hashes),
        webui_hash=webui_hash,
        licence=_text(row, "licence", default=""),
        superseded=bool(row.get("superseded", False)),
        note=_text(row, "note", default=""),
        kind=_one_of(row, "kind", (LORA, CHECKPOINT), default=LORA),
        path=_text(row, "path", default=""),
        loads_in=_text(row, "loads_in", default=""),
    )


def _timesteps(value: Any) -> Rule | None:
    if value == HOST_SCHEDULE:
        return None
    if isinstance(value, str) and value in RULES:
        return value
    whole = isinstance(value, list) and value and all(type(t) is int and 0 <= t <= 999 for t in value)
    if whole and value == sorted(set(value), reverse=True):
        return tuple(int(t) for t in value)
    expected = f"{', '.join(RULES)}, {HOST_SCHEDULE}, or a descending list of timesteps from 999 to 0"
    raise _Bad("timesteps", f"is {_shown(value)}; expected {expected}")


def _range(row: dict[str, Any], key: str, low: float, high: float, whole: bool = False) -> Range:
    value: Any = row.get(key)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = {"default": value}
    kind = "a whole number" if whole else "a number"
    if not isinstance(value, dict):
        raise _Bad(key, f"is {_shown(value)}; expected {kind}, or {{default, min, max}}")
    default = value.get("default")
    found: dict[str, Any] = {"default": default, "min": value.get("min", default), "max": value.get("max", default)}
    for name, number in found.items():
        proper = isinstance(number, int if whole else (int, float)) and not isinstance(number, bool)
        if not proper or not low <= number <= high:  # NaN fails here too
            raise _Bad(f"{key}.{name}", f"is {_shown(number)}; expected {kind} from {low:g} to {high:g}")
    if not found["min"] <= default <= found["max"]:
        raise _Bad(key, f"default {default} lies outside min {found['min']} to max {found['max']}")
    return Range(**found)


def _resolution(value: Any) -> dict[str, int]:
    if not isinstance(value, dict) or not all(k in FAMILIES and isinstance(v, int) and v > 0 for k, v in value.items()):
        raise _Bad("resolution", f"is {_shown(value)}; expected a mapping from family to pixels, such as {{sdxl: 1024}}")
    return dict(value)


def _source(row: dict[str, Any]) -> dict[str, str]:
    value = row.get("source") or {}
    if not isinstance(value, dict):
        raise _Bad("source", f"is {_shown(value)}; expected a mapping from setting to source")
    return {str(key): str(source) for key, source in value.items()}


def _text(row: dict[str, Any], key: str, default: str | None = None) -> str:
    value = row.get(key, default)
    if not isinstance(value, str) or (default is None and not value.strip()):
        raise _Bad(key, f"is {_shown(value)}; expected text")
    return value


def _texts(row: dict[str, Any], key: str, default: list[str] | None = None) -> list[str]:
    value = row.get(key, default)
    if isinstance(value, list) and all(isinstance(v, str) for v in value) and (value or default is not None):
        return value
    raise _Bad(key, f"is {_shown(value)}; expected a list of texts")


def _whole(row: dict[str, Any], key: str, least: int, most: int, what: str = "") -> int | None:
    value = row.get(key)
    if value is not None and (type(value) is not int or not least <= value <= most):
        raise _Bad(key, f"is {_shown(value)}; expected {what or f'a whole number from {least} to {most}'}")
    return value


def _check_keys(row: dict[str, Any], known: Iterable[str]) -> None:
    for key in row:
        if key not in known:
            raise _Bad(str(key)[:80], f"is unknown; expected some of {', '.join(known)}")


def _one_of(row: dict[str, Any], key: str, allowed: Iterable[str], default: str | None = None) -> str:
    value, names = row.get(key, default), list(allowed)
    if isinstance(value, str) and value in names:
        return value
    raise _Bad(key, f"is {_shown(value)}; expected one of {', '.join(filter(None, names))}")


def _pattern(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise _Bad("names", f"{text!r} is no regular expression: {error}") from error
    if pattern.search(""):
        raise _Bad("names", f"{text!r} matches every name")
    return pattern


def _shown(value: Any) -> str:
    return "missing" if value is None else repr(value)[:80]
