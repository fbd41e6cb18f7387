"""What the LoRA files were recognised as, kept on disk from one start of the WebUI to the next. Imports nothing of the WebUI."""
from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from ..core.detect import Detection, detect, look, unreadable
from ..core.layout import KOHYA, Layout, Transformer
from ..core.profiles import Tables
from ..words.say import packed, unpacked

_CACHE_VERSION = 6
_PLAIN = {"method": None, "naming": KOHYA, "readable": True, "superseded": False, "whole": True, "suspected": False}
"""What is not written of a detection, because most have it."""


class DetectionCache:
    """Detections kept on disk by path, size and time of change, so that a large folder costs one `stat` a file.

    A cache file that is missing, damaged or of another version is started anew; one that cannot be written is done without.
    """

    def __init__(self, path: Path | None, tables: Tables, detector: Callable[..., Detection] = look):
        self._path, self._tables, self._look = path, tables, detector
        self._decoded: dict[str, tuple[tuple[int, int], Detection]] = {}
        self._changed = False

    @cached_property
    def _entries(self) -> dict[str, dict[str, Any]]:
        """Read when the first file is asked about: a WebUI that starts need not wait for it."""
        return _load(self._path, self._tables) if self._path else {}

    def get(self, path: str | Path, webui_hash: str | None = None) -> Detection:
        """The detection of `path`, from the cache if the file is unchanged."""
        key = str(path)
        try:
            status = os.stat(path)
        except OSError as error:
            return unreadable(Path(path), error.strerror or str(error), self._tables)
        stamp = (status.st_size, status.st_mtime_ns)
        if key in self._decoded and self._decoded[key][0] == stamp:
            return self._decoded[key][1]
        entry = self._entries.get(key)
        detection = _decode(entry) if entry is not None and entry.get("stamp") == list(stamp) else None
        if detection is None:
            detection = self._look(Path(path), self._tables, webui_hash)
            self._keep(key, stamp, detection)
        self._decoded[key] = (stamp, detection)
        return detection

    def whole(self, path: Path) -> Detection:
        """The detection of a file that was not read as a whole, with all that it tells."""
        detection = detect(path, self._tables)
        if detection.readable:
            status = os.stat(path)
            self._keep(str(path), (status.st_size, status.st_mtime_ns), detection)
        return detection

    def _keep(self, key: str, stamp: tuple[int, int], detection: Detection) -> None:
        self._entries[key] = _encode(detection, stamp)
        self._decoded[key] = (stamp, detection)
        self._changed = True

    def forget_deleted(self, listed: Iterable[str]) -> None:
        """Drops what is known of files that are gone. The `listed` need not be looked for; another may be there too,
        because a host that refreshes its list empties it first.
        """
        for key in self._entries.keys() - set(listed):
            if not os.path.exists(key):
                del self._entries[key]
                self._decoded.pop(key, None)
                self._changed = True

    def save(self) -> None:
        """Writes the cache if it has changed: to a temporary file first, so that a reader never sees half of it."""
        if self._path is None or not self._changed:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name, suffix=".tmp")
            try:
                with open(handle, "wb") as file:
                    body = json.dumps(self._entries).encode()
                    file.write(_seal(self._tables, body) + b"\n" + body)
                os.replace(temporary, self._path)
            except BaseException:
                os.unlink(temporary)
                raise
            self._changed = False
        except OSError:
            pass  # a read-only folder costs time, nothing else


def _load(path: Path, tables: Tables) -> dict[str, dict[str, Any]]:
    try:
        seal, _, body = path.read_bytes().partition(b"\n")
    except OSError:
        return {}
    return json.loads(body) if seal == _seal(tables, body) else {}


def _seal(tables: Tables, body: bytes) -> bytes:
    """Holds only for an undamaged `body` that was made with the same tables: a new row may recognise an old file."""
    rows = [{**vars(file), "names": [pattern.pattern for pattern in file.names]} for file in tables.files]
    return f"{_CACHE_VERSION} {hashlib.sha256(repr(rows).encode() + body).hexdigest()}".encode()


def _encode(detection: Detection, stamp: tuple[int, int]) -> dict[str, Any]:
    entry: dict[str, Any] = {"stamp": stamp, "reason": packed(detection.reason)}
    if detection.layout.transformers:
        entry["transformers"] = [str(each) for each in sorted(detection.layout.transformers)]
    if detection.layout.named:
        entry["named"] = detection.layout.named
    if detection.layout.kinds:
        entry["kinds"] = detection.layout.kinds
    entry |= {name: getattr(detection, name) for name, plain in _PLAIN.items() if getattr(detection, name) != plain}
    return entry


def _decode(entry: dict[str, Any]) -> Detection | None:
    """None where another version has kept a reason that is not known here."""
    try:
        reason = unpacked(entry["reason"])
    except KeyError:
        return None
    kinds = tuple((str(kind), int(count)) for kind, count in entry.get("kinds", ()))
    layout = _layout(tuple(entry.get("transformers", ())), entry.get("named", ""), kinds)
    return Detection(reason=reason, layout=layout, **{name: entry.get(name, plain) for name, plain in _PLAIN.items()})


@lru_cache(maxsize=64)
def _layout(transformers: tuple[str, ...], named: str, kinds: tuple[tuple[str, int], ...]) -> Layout:
    """Most files of a folder have one of a few layouts."""
    return Layout(frozenset(Transformer.parse(text) for text in transformers), named=named, kinds=kinds)
