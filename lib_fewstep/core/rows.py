"""One row of a table, checked key by key: a bad value is told by its key, what stands there and what is expected.

By hand and not with pydantic: hosts ship its version 1 or 2, whose validators are written differently; both make numbers of "4" and
True, which are typing errors here; and their messages would have to be worded anew for the person who wrote the row.

Ours are English only, as the keys and the shipped tables are: who writes a row reads those.
"""
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from .families import FAMILIES
from .nag import NO_NAG, NagRow
from .plain import is_mapping, shown
from .profiles import (
    CHECKPOINT,
    DDIM_EPS,
    DIFF_EPS,
    LORA,
    NEGATIVE_PROMPT,
    NOTHING,
    X0,
    Profile,
    PublishedFile,
)
from .row import BadRow, Row
from .schedules import FLOW, MAX_STEPS, TRAIN_TIMESTEPS, max_steps

METHOD_KEYS = tuple(field.name for field in fields(Profile) if field.name != "key")
FILE_KEYS = (*(field.name for field in fields(PublishedFile)), "source")


def method_from(key: str, values: object, others: Mapping[str, Profile]) -> Profile:
    """The method of a row of methods.yaml, beside the methods `others`. Raises BadRow."""
    row = Row(_renamed(values), METHOD_KEYS)
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
    row = Row(values, FILE_KEYS)
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
