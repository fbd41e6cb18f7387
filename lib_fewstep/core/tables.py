"""Reads the tables: the shipped ones, and those that a user adds.

A table is YAML, read and checked row by row: a bad row is left out and reported as a `Problem` that names the file, the row,
the key, what stands there and what is expected; the good rows stay. A later table overrides earlier rows by key, which is how a
user adds or changes a method.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from .plain import is_list, is_mapping, shown
from .profiles import Problem, Profile, PublishedFile, Tables
from .rows import BadRow, file_from, method_from

DATA = Path(__file__).parents[1] / "data"

_FAST_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Ten times as fast, at every start of the WebUI. Not for a user's file: nested too deeply, it would take the process with it."""
_Files = dict[tuple[str, str, str], PublishedFile]


def load_tables(extra: Iterable[Path] = ()) -> Tables:
    """The shipped tables, then those of `extra` (YAML files with `methods:` and/or `files:`), later rows winning by key.

    Never raises for what stands in a file; what is wrong is in `problems`.
    """
    profiles: dict[str, Profile] = {}
    files: _Files = {}
    order: list[str] = []
    problems: list[Problem] = []
    sources: dict[str, str] = {}
    for path in (DATA / "methods.yaml", DATA / "files.yaml", *extra):
        table = _read(path, problems)
        _add_methods(table.get("methods") or {}, path, profiles, problems)
        _add_files(table.get("files") or [], path, profiles, files, problems)
        named: object = table.get("sources")
        sources |= {str(key): str(text) for key, text in named.items()} if is_mapping(named) else {}
        order = [*_auto_order(table.get("auto_order") or [], path, profiles, problems), *order]
    return Tables(profiles, tuple(files.values()), tuple(dict.fromkeys([*order, *profiles])), tuple(problems), sources)


def _read(path: Path, problems: list[Problem]) -> Mapping[str, Any]:
    try:
        loader = _FAST_LOADER if path.parent == DATA else yaml.SafeLoader
        table: object = yaml.load(path.read_text(encoding="utf-8"), loader) or {}
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:  # ValueError: no text, or a date such as 2024-13-45
        problems.append(Problem(str(path), "", "", f"cannot be read: {error}"))
        return {}
    if not is_mapping(table):
        problems.append(Problem(str(path), "", "", f"is a {type(table).__name__}; expected a mapping with 'methods' and/or 'files'"))
        return {}
    return table


def _add_methods(rows: object, path: Path, profiles: dict[str, Profile], problems: list[Problem]) -> None:
    if not is_mapping(rows):
        problems.append(Problem(str(path), "", "methods", f"is {shown(rows)}; expected a mapping from method key to row"))
        return
    for key, row in rows.items():
        try:
            profiles[str(key)] = method_from(str(key), row, profiles)
        except BadRow as bad:
            problems.append(Problem(str(path), str(key), bad.key, str(bad)))


def _place_of(file: PublishedFile, files: _Files) -> tuple[str, str, str]:
    """Under what a file stands, in the place of an earlier row of the same. A repository may have files of one name in several folders."""
    place = (file.repo, file.family, file.file + "".join(file.sha256))
    there = files.get(place)
    return place if there is None or not file.path or file.path == there.path else (file.repo, file.family, file.path)


def _add_files(rows: object, path: Path, profiles: Mapping[str, Profile], files: _Files, problems: list[Problem]) -> None:
    if not is_list(rows):
        problems.append(Problem(str(path), "", "files", f"is {shown(rows)}; expected a list of rows"))
        return
    for number, row in enumerate(rows, start=1):
        try:
            file = file_from(row, profiles)
            files[_place_of(file, files)] = file
        except BadRow as bad:
            name = str((is_mapping(row) and row.get("file")) or f"#{number}")
            problems.append(Problem(str(path), name, bad.key, str(bad)))


def _auto_order(order: object, path: Path, profiles: Mapping[str, Profile], problems: list[Problem]) -> list[str]:
    keys = order if is_list(order) else [order]
    known = [key for key in keys if isinstance(key, str) and key in profiles]
    for key in keys:
        if key not in known:
            problems.append(Problem(str(path), "", "auto_order", f"names {shown(key)}; expected one of {', '.join(profiles)}"))
    return known
