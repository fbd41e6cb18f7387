"""What our routes take and give, as JSON Schema in the words that OpenAPI 3.0 and 3.1 share: the hosts' FastAPIs write either.

FastAPI's own response models will not do: under pydantic 1, which A1111 and reForge have, they declare `str | None` as a string, and half
of our answers hold a null.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

_PLAIN = {bool: "boolean", int: "integer", float: "number", str: "string"}
_ARRAYS = (list, tuple, Sequence)
_NULL = {"enum": [None]}  # 3.0 has no type null, 3.1 no nullable


def schema_of(kind: Any) -> dict[str, Any]:
    """The schema of one of our records, a dataclass or a TypedDict with all its keys, or of a type that stands in one."""
    if is_dataclass(kind) or is_typeddict(kind):
        fields = {name: schema_of(hint) for name, hint in get_type_hints(kind).items()}
        return {"type": "object", "properties": fields, "required": list(fields)}
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return {"anyOf": [schema_of(each) for each in inner]}
    if kind is NoneType:
        return dict(_NULL)
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": schema_of(inner[1])}
    if origin is not None and issubclass(origin, _ARRAYS):
        return {"type": "array", "items": schema_of(inner[0])}
    return {"type": _PLAIN[kind]}


def array_of(items: Mapping[str, Any]) -> dict[str, Any]:
    """A list of such things."""
    return {"type": "array", "items": items}


def or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema, nullable."""
    return {"anyOf": [schema, _NULL]}


def with_fields(schema: Mapping[str, Any], without: Sequence[str] = (), **kinds: Any) -> dict[str, Any]:
    """An object's schema with more fields, and without some."""
    fields = {name: each for name, each in schema["properties"].items() if name not in without}
    fields |= {name: schema_of(kind) for name, kind in kinds.items()}
    return {**schema, "properties": fields, "required": list(fields)}


def open_object(description: str, **fields: str) -> dict[str, Any]:
    """An object of anything; `fields` are those that are used, each with what it means."""
    return {"type": "object", "description": description, "properties": {name: {"description": text} for name, text in fields.items()}}


def answered(description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """One entry of a route's responses."""
    return {"description": description, **json_content(schema)}


def json_content(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A body in JSON."""
    return {"content": {"application/json": {"schema": schema}}}
