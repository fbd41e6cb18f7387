"""Content hashes of model files."""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

HEADER_LENGTH_BYTES = 8


def sha256(filename: str) -> str:
    """SHA-256 of the whole file, in hex."""
    return _sha256(filename, Path(filename).stat().st_mtime, 0)


def addnet_hash(filename: str) -> str:
    """SHA-256 of a safetensors file behind its header, so that edited metadata does not change it."""
    with open(filename, "rb") as file:
        header_length = int.from_bytes(file.read(HEADER_LENGTH_BYTES), "little")
    return _sha256(filename, Path(filename).stat().st_mtime, HEADER_LENGTH_BYTES + header_length)


@functools.cache
def _sha256(filename: str, mtime: float, offset: int) -> str:
    return hashlib.sha256(Path(filename).read_bytes()[offset:]).hexdigest()


def read_metadata(filename: str) -> dict[str, Any]:
    """A safetensors file's __metadata__; values that are JSON objects are decoded. Raises ValueError for a file that is none."""
    with open(filename, "rb") as file:
        header_length = int.from_bytes(file.read(HEADER_LENGTH_BYTES), "little")
        if header_length > Path(filename).stat().st_size:
            raise ValueError(f"{filename} is no safetensors file: its header would be {header_length} bytes long")
        header = json.loads(file.read(header_length))
    metadata = header.get("__metadata__", {}) if isinstance(header, dict) else {}
    return {key: json.loads(value) if value.startswith("{") else value for key, value in metadata.items()}
