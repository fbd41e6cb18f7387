"""Plain values as YAML and JSON give them: what they are, and how a message shows them."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def shown(value: object) -> str:
    return "missing" if value is None else repr(value)[:80]
