"""The header of a .safetensors file: names, types and shapes of its tensors and its metadata, without their data.

Format (huggingface.co/docs/safetensors): eight bytes little-endian length, then that many bytes of JSON.
"""
from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_HEADER_BYTES = 100_000_000
"""The limit of the safetensors library itself."""

_METADATA_FIRST = b'{"__metadata__":'
_FIRST_LOOK = 16_384
_MAX_DIMENSIONS = 64
"""PyTorch's limit; it keeps the product of a hostile shape from taking minutes."""

_BITS = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32,
         "F32": 32, "F64": 64, "I64": 64, "U64": 64}


class Unreadable(ValueError):
    """The file is no sound .safetensors file; the message says why."""


@dataclass(frozen=True)
class Header:
    """Shapes by tensor name, and the text metadata that the file's maker left."""

    shapes: Mapping[str, tuple[int, ...]]
    metadata: Mapping[str, str]


def read_header(path: Path) -> Header:
    """Reads and checks the header of `path`. Raises `Unreadable` for anything that is not a sound file, OSError included."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                raise Unreadable("the file is empty")
            prefix = file.read(8)
            if len(prefix) < 8:
                raise Unreadable(f"the file has {size} bytes, too few for a .safetensors header")
            length = int.from_bytes(prefix, "little")
            if length > MAX_HEADER_BYTES:
                raise Unreadable(f"its header would be {length} bytes long (at most {MAX_HEADER_BYTES}): it is no .safetensors file")
            if length > size - 8:
                raise Unreadable(f"its header needs {length} bytes, but only {size - 8} follow: the file is cut off")
            raw = file.read(length)
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error
    return _parse(raw, size - 8 - length)


def read_metadata(path: Path) -> Mapping[str, str] | None:
    """The metadata alone, where it opens the header, as the library writes it: a small part of a large header.

    None where there is none, or where the file has to be read as a whole to say. Raises OSError.
    """
    with open(path, "rb") as file:
        length = min(int.from_bytes(file.read(8), "little"), MAX_HEADER_BYTES)
        text = b""
        while part := file.read(min(length - len(text), max(_FIRST_LOOK, len(text)))):
            text += part
            if not text.startswith(_METADATA_FIRST):
                return None
            try:
                metadata, _ = json.JSONDecoder().raw_decode(text[len(_METADATA_FIRST):].decode("utf-8", errors="ignore"))
            except (ValueError, RecursionError):
                continue  # cut off: read on
            return {str(k): v for k, v in metadata.items() if isinstance(v, str)} if isinstance(metadata, dict) else None
    return None


def _parse(raw: bytes, data_bytes: int) -> Header:
    try:
        entries = json.loads(raw, object_hook=_tensor)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise Unreadable(f"its header is no JSON ({type(error).__name__})") from error
    if not isinstance(entries, dict):
        raise Unreadable(f"its header is a JSON {type(entries).__name__}, not an object")
    metadata = entries.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict):
        raise Unreadable("its __metadata__ is not an object")
    for name, entry in entries.items():
        if not isinstance(entry, tuple):
            raise Unreadable(f"its entry for tensor {name[:80]!r} is malformed")
    end = max((end for _, end in entries.values()), default=0)
    if end > data_bytes:
        raise Unreadable(f"its tensors need {end} bytes, but only {data_bytes} follow the header: the file is cut off")
    shapes = {name: shape for name, (shape, _) in entries.items()}
    return Header(shapes, {str(k): v for k, v in metadata.items() if isinstance(v, str)})


def _tensor(entry: dict[str, Any]) -> tuple[tuple[int, ...], int] | dict[str, Any]:
    """Shape and end of a tensor whose entry is sound, its offsets spanning just what the shape needs; anything else as it came.

    Called while the JSON is read: thousands of dictionaries alive at once would cost more in garbage collection than the reading does.
    """
    try:
        shape, (start, stop), bits = tuple(entry["shape"]), entry["data_offsets"], _BITS.get(entry["dtype"])
        numbers = (*shape, start, stop)
        sound = len(shape) <= _MAX_DIMENSIONS and set(map(type, numbers)) == {int} and min(numbers) >= 0 and start <= stop
        if sound and (bits is None or math.prod(shape) * bits == (stop - start) * 8):
            return shape, stop
    except (TypeError, KeyError, ValueError):
        pass
    return entry
