"""Which published file can be fetched for a method that is not installed: a row of the tables with an address, or none."""
from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from .choose import checkpoint_profile, fitting, with_saved
from .facts import Facts
from .fits import unsupported
from .profiles import LORA, Profile, PublishedFile, Tables, name_key
from .request import AUTO, Request

SUFFIX = ".safetensors"
_REPO = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*", re.ASCII)
_PATH = re.compile(r"([\w-][\w.+ -]*/)*[\w-][\w.+ -]*\.safetensors", re.ASCII)
_NO_WEBUI, _EVERY_WEBUI = "diffusers", "all"
"""Values of a row's `loads_in`: which WebUIs read the file's key names."""


@dataclass(frozen=True)
class Offer:
    """A file that can be fetched: from `path` in the Hugging Face repository `repo`, to be kept under `name`."""

    method: str
    label: str
    name: str
    repo: str
    path: str
    sha256: tuple[str, ...]
    """Any of these will do; none are known of some files, and what huggingface.co names has to serve."""
    size: int | None
    licence: str
    noncommercial: bool
    tested: bool
    """Whether it is proven that WebUIs read the file's key names."""


@dataclass(frozen=True)
class Progress:
    """How far the fetching of `offer` is: `received` of `total` bytes (None: unknown). `message` says in words how it ended."""

    offer: Offer
    state: str
    received: int = 0
    total: int | None = None
    message: str = ""

    @property
    def running(self) -> bool:
        return self.state in (RUNNING, CHECKING, STOPPING)


RUNNING, CHECKING, STOPPING, DONE, CANCELLED, FAILED = "running", "checking", "stopping", "done", "cancelled", "failed"


def bytes_text(size: int) -> str:
    """A file's size as people say it."""
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def offer_for(request: Request, facts: Facts, tables: Tables) -> Offer | None:
    """The file to fetch for the method asked for, or for the one that Auto would like best.

    None where a LoRA that can be used is installed or chosen, and where no row has all that is needed. Auto offers nothing that may not
    be used commercially, nor what no sha256 is known of: that is for the user to choose.
    """
    request = with_saved(request, facts, tables)
    method = None if request.method == AUTO else request.method
    if request.lora != AUTO or fitting(facts, tables, method) or not _needs_lora(facts, tables):
        return None
    if method is not None:
        offers = list(_offers(method, facts, tables))
        families = {file.family for file, _ in offers}
        return offers[0][1] if len(families) == 1 else None  # unknown checkpoint: only what leaves no doubt
    if facts.family is None:
        return None
    every = (offer for key in tables.auto_order for _, offer in _offers(key, facts, tables))
    return next((offer for offer in every if offer.sha256 and not offer.noncommercial), None)


def offers_for(method: str, facts: Facts, tables: Tables, there: Collection[str] | None = None) -> Iterator[Offer]:
    """The files of `method` that can be fetched for the loaded checkpoint. `there`: what `readable_files` says, for a caller who asks for
    many methods.
    """
    return (offer for _, offer in _offers(method, facts, tables, there))


def readable_files(facts: Facts) -> set[str]:
    """The names of the LoRA files that are installed and can be read."""
    return {lora.name + SUFFIX for lora in facts.loras if lora.detection.readable}


def _needs_lora(facts: Facts, tables: Tables) -> bool:
    """Not so a checkpoint that is distilled itself, nor one that no method was made for."""
    unguided = facts.unet is not None and facts.unet.unguided_flux
    return checkpoint_profile(facts, tables) is None and unsupported(facts) is None and not unguided


def _offers(method: str, facts: Facts, tables: Tables, there: Collection[str] | None = None) -> Iterator[tuple[PublishedFile, Offer]]:
    there = readable_files(facts) if there is None else there  # and of no use, else nothing would be missing
    profile = tables.profiles.get(method)
    if profile is None:
        return
    for file in sorted(tables.files, key=lambda file: not file.sha256):
        asked = profile.runs_on(file.method) and facts.family in (None, file.family)
        if asked and (made := offer_of(file, profile, tables)) and made.name not in there:
            yield file, made


def offer_of(file: PublishedFile, profile: Profile, tables: Tables) -> Offer | None:
    """`file` as an offer; None where its row lacks an address, where no WebUI could use it, and where it alone is of no use."""
    usable = file.kind == LORA and not file.superseded and file.loads_in != _NO_WEBUI and not file.pair
    if not (usable and _REPO.fullmatch(file.repo) and _PATH.fullmatch(file.path)):
        return None
    licence = file.licence or profile.licence
    noncommercial = profile.noncommercial or "nc" in name_key(licence).split("-")
    name = _name(file, tables) + SUFFIX
    tested = file.loads_in == _EVERY_WEBUI
    return Offer(profile.key, profile.label, name, file.repo, file.path, file.sha256, file.size, licence, noncommercial, tested)


def _name(file: PublishedFile, tables: Tables) -> str:
    """What the file is kept as: its published name if that tells what it is, else one made from its repository's.

    Many files are published as pytorch_lora_weights.safetensors.
    """
    stem, repository = PurePosixPath(file.path).stem, file.repo.rpartition("/")[2]
    candidates = (stem, repository, f"{repository}-lora")
    return next((name for name in candidates if _is_known_as(name, file, tables)), f"{repository}-{stem}")


def _is_known_as(stem: str, file: PublishedFile, tables: Tables) -> bool:
    """Whether a file of that name would be taken for what `file` is."""
    key = name_key(stem)
    known = (f for f in tables.files if (f.kind, f.family) == (LORA, file.family) and not f.superseded)
    return next((f.method for f in known if any(p.search(key) for p in f.names)), None) == file.method
