"""The LoRA folder: the files in the host's list, and what each was recognised as."""
from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

from ..core.facts import InstalledLora, called
from .detections import DetectionCache

PIECE_SECONDS = 0.5
_SUFFIXES = (".safetensors", ".pt", ".ckpt")
GoOn = Callable[[int, int], bool]
"""Told how many files of how many have been looked at: whether to go on."""


class LoraFolder:
    """Thousands of new files take a while: they are looked at in pieces, and what is left waits for the next look."""

    def __init__(self, detections: DetectionCache):
        self._detections = detections
        self._listed: list[Any] | None = None
        self._installed: list[InstalledLora] = []
        self._watched: list[int] = []
        self._shadowed: dict[str, tuple[str, ...]] = {}
        self._lock = Lock()  # a generation and any number of previews look at once

    def look(self, go_on: GoOn, named: Iterable[str] = ()) -> tuple[tuple[InstalledLora, ...], int]:
        """The files that have been looked at, and how many are left because `go_on`, asked after each piece, said no. Those that the user
        has `named` are read as a whole: of thousands that are no accelerators, hardly one.
        """
        installed, left = self._look(go_on)
        for name in named:
            installed = self._with_whole(called(name, installed), installed)
        return installed, left

    def _look(self, go_on: GoOn) -> tuple[tuple[InstalledLora, ...], int]:
        while True:
            with self._lock:
                left = self._look_at_a_piece()
                installed = tuple(self._installed)
                if not left or not go_on(len(installed), len(installed) + left):
                    self._detections.save()
                    return installed, left

    def _look_at_a_piece(self) -> int:
        """How many files are left. One that is no accelerator is looked at again when the host has listed it anew, no sooner."""
        listed = list(getattr(networks(), "available_networks", {}).values())
        if listed == self._listed and len(self._installed) == len(listed):
            for number in self._watched:
                self._installed[number] = self._looked_at(listed[number])
            return 0
        if listed != self._listed:
            self._listed, self._installed, self._watched = listed, [], []
            self._shadowed = _shadowed(listed)
            self._detections.forget_deleted(on_disk.filename for on_disk in listed)
        began = time.monotonic()
        for on_disk in listed[len(self._installed) :]:
            self._installed.append(self._looked_at(on_disk))
            if self._installed[-1].detection.whole:
                self._watched.append(len(self._installed) - 1)
            if time.monotonic() - began > PIECE_SECONDS:
                break
        return len(listed) - len(self._installed)

    def _looked_at(self, on_disk: Any) -> InstalledLora:
        found = self._detections.get(on_disk.filename, getattr(on_disk, "shorthash", None))
        return InstalledLora(on_disk.name, found, _aliases(on_disk), self._shadowed.get(on_disk.name, ()))

    def _with_whole(self, lora: InstalledLora | None, installed: tuple[InstalledLora, ...]) -> tuple[InstalledLora, ...]:
        """`installed`, with all that the file of `lora` tells."""
        on_disk = lora and getattr(networks(), "available_networks", {}).get(lora.name)
        if lora is None or lora.detection.whole or on_disk is None:
            return installed
        with self._lock:
            self._listed = None  # one more to watch
            read = replace(lora, detection=self._detections.whole(Path(on_disk.filename)))
        return tuple(read if each is lora else each for each in installed)


def _aliases(on_disk: Any) -> tuple[str, ...]:
    """The other name for which the host loads this file. Of several files with one alias it loads none by that, but one whose own name
    it is; of two files the later one has the alias (extensions-builtin/Lora/networks.py, `load_networks`).
    """
    alias, host = getattr(on_disk, "alias", None), networks()
    if not alias or alias == on_disk.name or alias.lower() in getattr(host, "forbidden_network_aliases", ()):
        return ()
    return (alias,) if getattr(host, "available_network_aliases", {}).get(alias, on_disk) is on_disk else ()


def _shadowed(listed: Iterable[Any]) -> dict[str, tuple[str, ...]]:
    """The files that the host passes over, by name: of equal names in several folders it lists one. Looked for beside those it lists."""
    used = {os.path.splitext(os.path.basename(on_disk.filename))[0]: os.path.abspath(on_disk.filename) for on_disk in listed}
    folders = {os.path.dirname(path) for path in used.values()}
    found: dict[str, tuple[str, ...]] = {}
    for folder in sorted(folders):
        for file in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            name, suffix = os.path.splitext(file)
            path = os.path.join(folder, file)
            if suffix.lower() in _SUFFIXES and name in used and path != used[name]:
                found[name] = (*found.get(name, ()), path)
    return found


def networks() -> Any:
    """The host's LoRA extension: a module of its own, imported by the host under this bare name."""
    return sys.modules.get("networks")
