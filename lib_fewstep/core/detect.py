"""What a file is, a LoRA or a checkpoint: which method, for which UNet, and how we know.

A file is known by its hash (certain), else by what its maker wrote into its header, else by its name. The WebUI's own hash is tried
first, and only a LoRA whose size is that of a published one is hashed here. Which UNet it fits is read from its tensors.
"""
from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from .header import Header, Unreadable, read_header, read_metadata
from .layout import KOHYA, NO_LAYOUT, OTHER, Layout, Site, layout_of, naming_of
from .profiles import CHECKPOINT, LORA, PublishedFile, Tables, name_key

_TITLE_KEYS = ("ss_output_name", "modelspec.title", "name", "title")
_NOT_KNOWN = "no accelerator that is known by hash, header or name"
_CACHE_VERSION = 3


@dataclass(frozen=True)
class Detection:
    """What a file is. `method` is None for a LoRA that is no accelerator; `reason` says in words how we know, or why it is unreadable."""

    method: str | None
    reason: str
    layout: Layout = NO_LAYOUT
    naming: str = OTHER
    readable: bool = True
    superseded: bool = False
    whole: bool = True
    """Whether all of the header was read; for what nothing recognises it need not be."""

    @property
    def family(self) -> str | None:
        return self.layout.family


def detect(path: Path, tables: Tables, webui_hash: str | None = None) -> Detection:
    """Recognises `path`; `webui_hash` is the hash that the WebUI shows for it, if it has computed one.

    Never raises for what is in the file: one that cannot be read is `readable=False` with the reason.
    """
    try:
        header = read_header(path)
        layout, naming = layout_of(header.shapes), naming_of(header.shapes)
        found, reason = _identify(path, header, layout, tables.files, webui_hash)
    except Unreadable as error:
        return Detection(None, f"unreadable: {error}", readable=False)
    except OSError as error:
        return Detection(None, f"unreadable: {error.strerror or error}", readable=False)
    if found is None:
        return Detection(None, reason, layout, naming)
    if found.superseded:
        reason += f"; {found.note or 'its publisher has replaced it'}"
    return Detection(found.method, reason, layout, naming, superseded=found.superseded)


def detect_checkpoint(name: str, layout: Layout, metadata: Mapping[str, str], tables: Tables, sha256: str | None = None) -> Detection:
    """Recognises a checkpoint by its file's name without folder and suffix, its layout, its header's metadata and the hash that the WebUI
    has computed. It is never hashed here: it has gigabytes.
    """
    files = [file for file in tables.files if file.kind == CHECKPOINT and layout.family in (None, file.family)]
    found, reason = _by_hash(files, sha256) or _by_title(files, metadata) or _by_stem(files, name) or (None, _NOT_KNOWN)
    return Detection(found.method if found is not None else None, reason, layout)


def look(path: Path, tables: Tables, webui_hash: str | None = None) -> Detection:
    """`detect` for a file that it could recognise. Of any other, such as a style LoRA, no more is read than it takes to see that."""
    try:
        known = _may_be_known(path, tables, webui_hash)
    except OSError:
        known = True  # `detect` says what is wrong
    return detect(path, tables, webui_hash) if known else Detection(None, _NOT_KNOWN, whole=False)


def _may_be_known(path: Path, tables: Tables, webui_hash: str | None = None) -> bool:
    """Judged by all that can be seen without reading the tensors' names. Raises OSError."""
    files = [file for file in tables.files if file.kind == LORA]
    if webui_hash and any(file.webui_hash and webui_hash.startswith(file.webui_hash) for file in files):
        return True
    if path.stat().st_size in {file.size for file in files if file.sha256} or _by_name(path.stem, files) is not None:
        return True
    metadata = read_metadata(path)
    return metadata is None or _by_title(files, metadata) is not None


def _identify(
    path: Path, header: Header, layout: Layout, files: Iterable[PublishedFile], webui_hash: str | None
) -> tuple[PublishedFile | None, str]:
    files = [f for f in files if f.kind == LORA and layout.family in (None, f.family)]
    if webui_hash:
        for file in files:
            if file.webui_hash and webui_hash.startswith(file.webui_hash):
                return file, f"its hash {file.webui_hash} is that of {file.file}"
    same_size = [f for f in files if f.sha256 and f.size == path.stat().st_size]
    by_hash = _by_hash(same_size, sha256_of(path)) if same_size else None
    return by_hash or _by_title(files, header.metadata) or _by_stem(files, path.stem) or (None, _NOT_KNOWN)


Found = tuple[PublishedFile, str]


def _by_hash(files: Iterable[PublishedFile], sha256: str | None) -> Found | None:
    return next(((file, f"its sha256 is that of {file.file}") for file in files if sha256 in file.sha256), None)


def _by_title(files: Iterable[PublishedFile], metadata: Mapping[str, str]) -> Found | None:
    named = ((_by_name(metadata.get(key, ""), files), metadata.get(key)) for key in _TITLE_KEYS)
    return next(((file, f"its header names it {title!r}") for file, title in named if file is not None), None)


def _by_stem(files: Iterable[PublishedFile], stem: str) -> Found | None:
    file = _by_name(stem, files)
    return (file, f"its name says {file.method}") if file is not None else None


def _by_name(text: str, files: Iterable[PublishedFile]) -> PublishedFile | None:
    key = name_key(text)
    return next((f for f in files if not f.superseded and any(pattern.search(key) for pattern in f.names)), None)


def sha256_of(path: Path) -> str:
    """sha256 of the whole file, in lower-case hexadecimal. Raises OSError."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


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
            return Detection(None, f"unreadable: {error.strerror or error}", readable=False)
        stamp = (status.st_size, status.st_mtime_ns)
        if key in self._decoded and self._decoded[key][0] == stamp:
            return self._decoded[key][1]
        entry = self._entries.get(key)
        if entry is not None and entry.get("stamp") == list(stamp):
            detection = _decode(entry)
        else:
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
    entry: dict[str, Any] = {"stamp": stamp, "reason": detection.reason}
    if detection.layout.sites:
        entry["sites"] = [str(site) for site in sorted(detection.layout.sites)]
    if detection.layout.transformer:
        entry["transformer"] = detection.layout.transformer
    for name, plain in (("method", None), ("naming", KOHYA), ("readable", True), ("superseded", False), ("whole", True)):
        if getattr(detection, name) != plain:
            entry[name] = getattr(detection, name)
    return entry


def _decode(entry: dict[str, Any]) -> Detection:
    return Detection(
        method=entry.get("method"),
        reason=entry["reason"],
        layout=_layout(tuple(entry.get("sites", ())), entry.get("transformer", "")),
        naming=entry.get("naming", KOHYA),
        readable=entry.get("readable", True),
        superseded=entry.get("superseded", False),
        whole=entry.get("whole", True),
    )


@lru_cache(maxsize=64)
def _layout(sites: tuple[str, ...], transformer: str) -> Layout:
    """Most files of a folder have one of a few layouts."""
    return Layout(frozenset(Site.parse(text) for text in sites), transformer=transformer)
