"""The values of one row of a table: each method reads one of them, and tells a bad one by its key."""
from __future__ import annotations

from collections.abc import Collection
from typing import Any

from .families import FAMILIES
from .flow import is_levels
from .plain import is_list, is_mapping, shown
from .profiles import HOST_SCHEDULE, Range
from .schedules import FLOW_RULES, RULES, TRAIN_TIMESTEPS, Rule


class BadRow(ValueError):
    """Why a row cannot be used; `key` is empty where that is no single setting."""

    def __init__(self, key: str, message: str):
        super().__init__(message)
        self.key = key


class Row:
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
