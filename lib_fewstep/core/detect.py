"""What a file is, a LoRA or a checkpoint: which method, for which UNet, and how we know.

A file is known by its hash (certain), else by what its maker wrote into its header, else by its name. The WebUI's own hash is tried
first, and only a LoRA whose size is that of a published one is hashed here. Which UNet it fits is read from its tensors.
"""
from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..words.say import say, why
from .families import takes_loras_of
from .header import Header, Unreadable, read_header, read_metadata
from .layout import NO_LAYOUT, OTHER, Layout, layout_of, naming_of
from .profiles import CHECKPOINT, LORA, PublishedFile, Tables, name_key

_FIRST_TITLES = ("ss_output_name", "modelspec.title", "name", "title")
_TITLE_KEY = re.compile(r"(?:^|[._])(?:title|(?:model|lora)_?name)$", re.IGNORECASE)
"""Other keys under which a file may be named. Not `ss_sd_model_name` and the like: they name what it was trained on."""
_TITLE_NOISE = re.compile(r"[()\[\],:/]|\bfor\b", re.IGNORECASE)
_MAY_BE_ACCELERATOR = re.compile(r"(^|-)(lcm|tcd|dmd-?2?|pcm|tdd|hyper-?sd\w*|lightning|turbo|\d+-?steps?)(-|$)")
"""Names of LoRAs that cannot be read, and had better not be joined by another accelerator."""
_DE_DISTILLED = re.compile(r"de-?distill|(open|libre)-?flux")
_NOT_KNOWN = say("found.nothing")


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
    suspected: bool = False
    """Whether it cannot be read, and its name is such that it may be an accelerator."""

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
        return unreadable(path, why(error), tables)
    except OSError as error:
        return unreadable(path, error.strerror or str(error), tables)
    if found is None:
        return Detection(None, reason, layout, naming)
    if layout.named and layout.named != found.family:
        layout = replace(layout, named=found.family)  # its names and shapes do not tell it from another family's
    if found.superseded:
        replaced = say("found.replaced_because", reason=reason, note=found.note) if found.note else say("found.replaced", reason=reason)
        return Detection(found.method, replaced, layout, naming, superseded=True)
    return Detection(found.method, reason, layout, naming)


def unreadable(path: Path, reason: str, tables: Tables) -> Detection:
    """What is known of a LoRA whose file cannot be read: its name."""
    named = _by_name(path.stem, [file for file in tables.files if file.kind == LORA])
    suspected = named is not None or _MAY_BE_ACCELERATOR.search(name_key(path.stem)) is not None
    return Detection(None, say("unreadable.because", reason=reason), readable=False, suspected=suspected)


def detect_checkpoint(name: str, layout: Layout, metadata: Mapping[str, str], tables: Tables, sha256: str | None = None) -> Detection:
    """Recognises a checkpoint by its file's name without folder and suffix, its layout, its header's metadata and the hash that the WebUI
    has computed. It is never hashed here: it has gigabytes.
    """
    files = [file for file in tables.files if file.kind == CHECKPOINT and layout.family in (None, file.family)]
    known = _by_hash(files, sha256) or _by_title(files, metadata) or _by_stem(files, name) or _by_structure(files, layout, name, tables)
    found, reason = known or (None, _NOT_KNOWN)
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
    files = [f for f in files if f.kind == LORA and (layout.family is None or takes_loras_of(f.family, layout.family))]
    if webui_hash:
        for file in files:
            if file.webui_hash and webui_hash.startswith(file.webui_hash):
                return file, say("found.by_hash", hash=file.webui_hash, file=file.file)
    same_size = [f for f in files if f.sha256 and f.size == path.stat().st_size]
    by_hash = _by_hash(same_size, sha256_of(path)) if same_size else None
    return by_hash or _by_title(files, header.metadata) or _by_stem(files, path.stem) or (None, _NOT_KNOWN)


Found = tuple[PublishedFile, str]


def _by_hash(files: Iterable[PublishedFile], sha256: str | None) -> Found | None:
    return next(((file, say("found.by_sha256", file=file.file)) for file in files if sha256 in file.sha256), None)


def _by_title(files: Iterable[PublishedFile], metadata: Mapping[str, str]) -> Found | None:
    others = [key for key in metadata if _TITLE_KEY.search(key) and not key.startswith("ss_")]
    titles = [metadata[key] for key in (*_FIRST_TITLES, *others) if isinstance(metadata.get(key), str)]
    named = ((_by_name(title, files) or _by_name(_without_noise(title), files), title) for title in titles)
    return next(((file, say("found.by_title", title=repr(title))) for file, title in named if file is not None), None)


def _without_noise(title: str) -> str:
    """A title such as "LCM-LoRA for Stable Diffusion 1.5 (fp16)" in the words of a file's name."""
    return re.sub(r"stable[\s_-]*diffusion", "sd", _TITLE_NOISE.sub(" ", title), flags=re.IGNORECASE)


def _by_stem(files: Iterable[PublishedFile], stem: str) -> Found | None:
    file = _by_name(stem, files)
    return (file, say("found.by_name", method=file.method)) if file is not None else None


def _by_structure(files: Iterable[PublishedFile], layout: Layout, name: str, tables: Tables) -> Found | None:
    """FLUX without guidance as an input is FLUX.1-schnell, unless its name says that the distillation was undone."""
    if not layout.unguided_flux or _DE_DISTILLED.search(name_key(name)):
        return None
    file = next((file for file in files if tables.profiles[file.method].guidance is None), None)
    return (file, say("found.by_network")) if file is not None else None


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
