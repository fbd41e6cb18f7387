"""One row of a table, checked key by key: a bad value is told by its key, what stands there and what is expected.

By hand and not with pydantic: hosts ship its version 1 or 2, whose validators are written differently; both make numbers of "4" and
True, which are typing errors here; and their messages would have to be worded anew for the person who wrote the row.

Ours are English only, as the keys and the shipped tables are: who writes a row reads those.
"""
from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import fields
from typing import Any

from .families import FAMILIES
from .flow import is_levels
from .nag import NO_NAG, NagRow
from .plain import is_list, is_mapping, shown
from .profiles import (
    CHECKPOINT,
    DDIM_EPS,
    DIFF_EPS,
    HOST_SCHEDULE,
    LORA,
    NEGATIVE_PROMPT,
    NOTHING,
    X0,
    Profile,
    PublishedFile,
    Range,
)
from .schedules import FLOW, FLOW_RULES, MAX_STEPS, RULES, TRAIN_TIMESTEPS, Rule, max_steps

METHOD_KEYS = tuple(field.name for field in fields(Profile) if field.name != "key")
FILE_KEYS = (*(field.name for field in fields(PublishedFile)), "source")


class BadRow(ValueError):
    """Why a row cannot be used; `key` is empty where that is no single setting."""

    def __init__(self, key: str, message: str):
        super().__init__(message)
        self.key = key


def method_from(key: str, values: object, others: Mapping[str, Profile]) -> Profile:
    """The method of a row of methods.yaml, beside the methods `others`. Raises BadRow."""
    row = _Row(_renamed(values), METHOD_KEYS)
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", key) or key == "auto":
        raise BadRow("", "the method's key may hold lower-case letters, digits, dots and dashes only, and not be 'auto'")
    timesteps = row.timesteps()
    weights = row.one_of("weights", (LORA, CHECKPOINT, NOTHING), default=LORA)
    return Profile(
        key=key,
        label=_own_label(key, row.text("label"), others),
        families=row.texts("families", allowed=FAMILIES),
        steps=row.range("steps", 1, MAX_STEPS if timesteps is None else max_steps(timesteps), whole=True),
        cfg=row.range("cfg", 1, 30),
        weight=row.range("weight", 0, 2) if weights == LORA else None,
        gamma=row.range("gamma", 0, 1) if "gamma" in row else None,
        sampler=row.text("sampler"),
        timesteps=timesteps,
        scheduler=row.text("scheduler"),
        negative_prompt=row.one_of("negative_prompt", NEGATIVE_PROMPT),
        resolution=row.resolution(),
        licence=row.text("licence", default=""),
        noncommercial=row.flag("noncommercial"),
        source=row.source(),
        notes=row.texts("notes", default=()),
        weights=weights,
        guidance=row.range("guidance", 0, 30) if "guidance" in row else None,
        cfg_steps=row.whole("cfg_steps", 0, MAX_STEPS) or 0,
        prediction=row.one_of("prediction", ("", X0, DDIM_EPS, DIFF_EPS), default=""),
        timestep_shift=row.whole("timestep_shift", 1, TRAIN_TIMESTEPS),
        shift=row.range("shift", 0.1, 20) if "shift" in row else None,
        nag=_nag(row["nag"]) if "nag" in row else NO_NAG,
        name=row.text("name", default=row.text("label").partition(",")[0]),
        files_of=row.text("files_of", default=""),
    )


def _renamed(values: object) -> object:
    """A row as it is written now: `shift` was the name of `timestep_shift` until flow models had one of their own."""
    if not is_mapping(values) or "shift" not in values or values.get("timesteps") == FLOW:
        return values
    return {"timestep_shift" if key == "shift" else key: value for key, value in values.items()}


def file_from(values: object, methods: Mapping[str, Profile]) -> PublishedFile:
    """The file of a row of files.yaml, of one of `methods`. Raises BadRow."""
    row = _Row(values, FILE_KEYS)
    method = row.one_of("method", methods)
    row.source()
    return PublishedFile(
        file=row.text("file"),
        method=method,
        family=row.one_of("family", methods[method].families),
        repo=row.text("repo", default=""),
        names=tuple(_pattern(text) for text in row.texts("names", default=())),
        size=row.whole("size", 1, 1 << 50, "the number of bytes"),
        sha256=tuple(_hexadecimal("sha256", value, 64, "64 hexadecimal digits in lower case") for value in row.one_or_more("sha256")),
        webui_hash=_hexadecimal("webui_hash", row["webui_hash"], 12, "at least 12 hexadecimal digits in lower case, in quotes")
        if "webui_hash" in row else None,
        licence=row.text("licence", default=""),
        superseded=row.flag("superseded"),
        note=row.text("note", default=""),
        kind=row.one_of("kind", (LORA, CHECKPOINT), default=LORA),
        path=row.text("path", default=""),
        loads_in=row.text("loads_in", default=""),
        pair=row.text("pair", default=""),
    )


class _Row:
    """A row's values; each method reads one of them. A key without a value counts as left out."""

    def __init__(self, values: object, known: Collection[str]):
        if not is_mapping(values):
            raise BadRow("", f"is {shown(values)}; expected a mapping of settings")
        for key in values:
            if key not in known:
                raise BadRow(str(key)[:80], f"is unknown; expected some of {', '.join(known)}")
        self._values: dict[str, Any] = {key: value for key, value in values.items() if value is not None}

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def text(self, key: str, default: str | None = None) -> str:
        value = self._values.get(key, default)
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise BadRow(key, f"is {shown(value)}; expected text")
        return value

    def texts(self, key: str, default: tuple[str, ...] | None = None, allowed: Collection[str] = ()) -> tuple[str, ...]:
        value = self._values.get(key)
        if value is None and default is not None:
            return default
        if not is_list(value) or not all(isinstance(text, str) for text in value) or (default is None and not value):
            raise BadRow(key, f"is {shown(value)}; expected a list of texts")
        for text in value:
            if allowed and text not in allowed:
                raise BadRow(key, f"{text!r} is unknown; expected some of {', '.join(allowed)}")
        return tuple(value)

    def one_of(self, key: str, allowed: Collection[str], default: str | None = None) -> str:
        value = self._values.get(key, default)
        if isinstance(value, str) and value in allowed:
            return value
        raise BadRow(key, f"is {shown(value)}; expected one of {', '.join(filter(None, allowed))}")

    def one_or_more(self, key: str) -> list[Any]:
        value: object = self._values.get(key) or []
        return value if is_list(value) else [value]

    def flag(self, key: str) -> bool:
        value = self._values.get(key, False)
        if not isinstance(value, bool):
            raise BadRow(key, f"is {shown(value)}; expected true or false")
        return value

    def whole(self, key: str, low: int, high: int, expected: str = "") -> int | None:
        value = self._values.get(key)
        if value is not None and (type(value) is not int or not low <= value <= high):
            raise BadRow(key, f"is {shown(value)}; expected {expected or f'a whole number from {low} to {high}'}")
        return value

    def range(self, key: str, low: float, high: float, whole: bool = False) -> Range:
        """`{default, min, max}`, or one number for all three."""
        value = self._values.get(key)
        kind, types = ("a whole number", (int,)) if whole else ("a number", (int, float))
        value = {"default": value} if type(value) in (int, float) else value
        if not is_mapping(value):
            raise BadRow(key, f"is {shown(value)}; expected {kind}, or {{default, min, max}}")
        default: Any = value.get("default")
        found: dict[str, Any] = {"default": default, "min": value.get("min", default), "max": value.get("max", default)}
        for name, number in found.items():
            if type(number) not in types or not low <= number <= high:  # NaN fails here too
                raise BadRow(f"{key}.{name}", f"is {shown(number)}; expected {kind} from {low:g} to {high:g}")
        if not found["min"] <= default <= found["max"]:
            raise BadRow(key, f"default {default} lies outside min {found['min']} to max {found['max']}")
        return Range(**found)

    def timesteps(self) -> Rule | None:
        value = self._values.get("timesteps")
        if value == HOST_SCHEDULE:
            return None
        if isinstance(value, str) and value in (*RULES, *FLOW_RULES):
            return value
        listed = tuple(value) if is_list(value) else ()
        levels = is_levels(listed) and all(type(level) in (int, float) and 0 < level <= 1 for level in listed)
        timesteps = levels or all(type(t) is int and 0 <= t < TRAIN_TIMESTEPS for t in listed)
        if listed and timesteps and list(listed) == sorted(set(listed), reverse=True):
            return listed
        expected = (
            f"{', '.join((*RULES, *FLOW_RULES))}, {HOST_SCHEDULE}, a descending list of timesteps from {TRAIN_TIMESTEPS - 1} to 0, or of a "
            "flow model's noise levels from 1.0 to above 0"
        )
        raise BadRow("timesteps", f"is {shown(value)}; expected {expected}")

    def resolution(self) -> dict[str, int]:
        value: object = self._values.get("resolution") or {}
        if is_mapping(value) and all(family in FAMILIES and type(pixels) is int and pixels > 0 for family, pixels in value.items()):
            return dict(value)
        raise BadRow("resolution", f"is {shown(value)}; expected a mapping from family to pixels, such as {{sdxl: 1024}}")

    def source(self) -> dict[str, str]:
        value: object = self._values.get("source") or {}
        if not is_mapping(value):
            raise BadRow("source", f"is {shown(value)}; expected a mapping from setting to source")
        return {str(key): str(source) for key, source in value.items()}


def _nag(values: object) -> NagRow:
    """`{phi, tau, alpha, until}`; alpha by family."""
    if not is_mapping(values) or set(values) != {"phi", "tau", "alpha", "until"}:
        raise BadRow("nag", f"is {shown(values)}; expected a mapping of phi, tau, alpha and until")
    alpha: object = values["alpha"]
    if not is_mapping(alpha) or not alpha or not all(family in FAMILIES for family in alpha):
        raise BadRow("nag.alpha", f"is {shown(alpha)}; expected a mapping from family to number, such as {{sdxl: 0.5}}")
    by_family = {family: _number("nag.alpha", value, 0, 1) for family, value in alpha.items()}
    limits = {"phi": (0, 20), "tau": (1, 20), "until": (0, 1000)}
    return NagRow(alpha=by_family, **{name: _number(f"nag.{name}", values[name], *limit) for name, limit in limits.items()})


def _number(key: str, value: Any, low: float, high: float) -> float:
    if type(value) not in (int, float) or not low <= value <= high:
        raise BadRow(key, f"is {shown(value)}; expected a number from {low:g} to {high:g}")
    return value


def _own_label(key: str, label: str, others: Mapping[str, Profile]) -> str:
    """`label`, if no other method has it: a dropdown tells methods by their labels."""
    for other in others.values():
        if other.label == label and other.key != key:
            raise BadRow("label", f"is {label!r}, which is the label of '{other.key}'; expected one of its own")
    return label


def _pattern(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadRow("names", f"{text!r} is not a regular expression: {error}") from error
    if pattern.search(""):
        raise BadRow("names", f"{text!r} matches every name")
    return pattern


def _hexadecimal(key: str, value: object, least: int, expected: str) -> str:
    if isinstance(value, str) and re.fullmatch(rf"[0-9a-f]{{{least},64}}", value):
        return value
    raise BadRow(key, f"is {shown(value)}; expected {expected}")
