"""The header of a .safetensors file: names and shapes of its tensors and its metadata, without their data.

The safetensors library reads and checks it, so that what is readable here is what the WebUI can load. Ours are the words for a file that
the library refuses, and the reading of the metadata alone: of thousands of style LoRAs it takes a hundredth of the library's time.
"""
from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError, safe_open

from ..words.say import say

_FIRST_BYTES = 64
_MAX_HEADER_BYTES = 100_000_000
"""The limit of the library."""
_METADATA_FIRST = b'{"__metadata__":'
_FIRST_LOOK = 16_384
_PREFIX = "Error while deserializing header: "
_PAGE, _PICKLE = say("unreadable.page"), say("unreadable.pickle")
_WHAT_ELSE = (
    (b"<!", _PAGE), (b"<html", _PAGE), (b"<HTML", _PAGE),
    (b"version https://git-lfs", say("unreadable.lfs")),
    (b"PK\x03\x04", _PICKLE), (b"\x80\x02", _PICKLE),
    (b"GGUF", say("unreadable.gguf")),
)
"""How files begin that are often found under a wrong name."""


class Unreadable(ValueError):
    """The file is not a valid .safetensors file; the message says why, in words that follow "unreadable"."""


@dataclass(frozen=True)
class Header:
    """Shapes by tensor name, and the text metadata that the file's maker left.

    `packed` names the tensors of whole numbers, each of which may hold several weights: their shape is not their layer's.
    """

    shapes: Mapping[str, tuple[int, ...]]
    metadata: Mapping[str, str]
    packed: frozenset[str] = frozenset()


def read_header(path: Path) -> Header:
    """Reads and checks the header of `path`. Raises `Unreadable` for anything that is not a valid file, OSError included."""
    try:
        opened: Any = safe_open(path, framework="numpy")  # the library has no types
        with opened as file:
            slices: dict[str, Any] = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 it is no dictionary
            shapes: dict[str, tuple[int, ...]] = {name: tuple(each.get_shape()) for name, each in slices.items()}
            packed = frozenset(name for name, each in slices.items() if each.get_dtype()[0] in "UI")
            return Header(shapes, file.metadata() or {}, packed)
    except SafetensorError as error:
        raise Unreadable(_reason(path, str(error))) from error
    except OSError as error:
        raise Unreadable(_reason(path, error.strerror or str(error))) from error


def read_metadata(path: Path) -> Mapping[str, str] | None:
    """The metadata alone, where it opens the header, as the library writes it: a small part of a large header.

    None where there is none, or where the file has to be read as a whole to say. Raises OSError.
    """
    with open(path, "rb") as file:
        length = min(int.from_bytes(file.read(8), "little"), _MAX_HEADER_BYTES)
        text = b""
        while part := file.read(min(length - len(text), max(_FIRST_LOOK, len(text)))):
            text += part
            if not text.startswith(_METADATA_FIRST):
                return None
            try:
                metadata, _ = json.JSONDecoder().raw_decode(text[len(_METADATA_FIRST):].decode("utf-8", errors="ignore"))
            except (ValueError, RecursionError):
                continue  # cut off: read on
            if not isinstance(metadata, dict):
                return None
            return {str(k): v for k, v in cast("dict[Any, Any]", metadata).items() if isinstance(v, str)}
    return None


def _reason(path: Path, complaint: str) -> str:
    """What is wrong with a file of which the library says `complaint`. Our own words come first: the library's differ by version."""
    try:
        with open(path, "rb") as file:
            size, start = os.fstat(file.fileno()).st_size, file.read(_FIRST_BYTES)
    except OSError as error:
        return error.strerror or str(error)
    if not size:
        return say("unreadable.empty")
    for beginning, what in _WHAT_ELSE:
        if start.lstrip().startswith(beginning):
            return what
    length = int.from_bytes(start[:8], "little")
    cut_off = (8 + length > size and start[8:9] == b"{") or "ncomplete" in complaint  # what the library says of missing data
    if cut_off:
        return say("unreadable.cut_off")
    return say("unreadable.invalid", complaint=complaint.removeprefix(_PREFIX)[:160])
