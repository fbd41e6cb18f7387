"""The LoRA folder: the files in the host's list, and what each was recognised as."""
from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from ..core.detect import Detection, DetectionCache
from ..core.facts import InstalledLora

PIECE_SECONDS = 0.5
GoOn = Callable[[int, int], bool]
"""Told how many files of how many have been looked at: whether to go on."""


class LoraFolder:
    """Thousands of new files take a while: they are looked at in pieces, and what is left waits for the next look."""

    def __init__(self, detections: DetectionCache):
        self._detections = detections
        self._listed: list[Any] | None = None
        self._installed: list[InstalledLora] = []
        self._watched: list[int] = []
        self._lock = Lock()  # a generation and any number of previews look at once

    def look(self, go_on: GoOn) -> tuple[tuple[InstalledLora, ...], int]:
        """The files that have been looked at, and how many are left because `go_on`, asked after each piece, said no."""
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
        aliases = (on_disk.alias,) if getattr(on_disk, "alias", None) else ()
        return InstalledLora(on_disk.name, found, aliases, None if found.whole else partial(self._examined, on_disk.filename))

    def _examined(self, filename: str) -> Detection:
        self._listed = None  # one more to watch
        return self._detections.whole(Path(filename))


def networks() -> Any:
    """The host's LoRA extension: a module of its own, imported by the host under this bare name."""
    return sys.modules.get("networks")
