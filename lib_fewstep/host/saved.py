"""The user's own settings for a checkpoint: what Auto comes down to there. One JSON file in the WebUI's data folder, by checkpoint name."""
from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from ..words.say import say, why

_PATIENCE = 10.0
"""Seconds that somebody else may take to save."""


class SavedSettings:
    """Reads the file anew whenever it has changed. A damaged one counts as empty, and is never written over."""

    def __init__(self, path: Path):
        self._path = path
        self._read: tuple[int, dict[str, dict[str, Any]]] = (0, {})

    def of(self, checkpoint: str) -> Mapping[str, Any]:
        """What is saved for `checkpoint`, with the keys of a request; nothing if that is all there is."""
        try:
            found = self._all().get(checkpoint)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def keep(self, checkpoint: str, settings: Mapping[str, Any]) -> None:
        """Saves `settings`, in place of what was there; empty ones are forgotten. Raises ValueError with words for the user."""
        try:
            with self._alone():
                others = {name: kept for name, kept in self._load().items() if name != checkpoint}
                self._write({**others, checkpoint: dict(settings)} if settings else others)
        except ValueError as error:
            raise ValueError(say("saved.damaged", path=self._path, error=why(error))) from error
        except OSError as error:
            raise ValueError(say("saved.not_written", path=self._path, error=error.strerror or str(error))) from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Of all threads and processes that save. Raises OSError where another one does not end."""
        self._path.parent.stat()  # a folder that is gone is not made anew, as the lock would
        lock = FileLock(f"{self._path}.lock")
        with suppress(NotImplementedError):  # a file system without locks
            lock.acquire(timeout=_PATIENCE)
        try:
            yield
        finally:
            lock.release()

    def _all(self) -> dict[str, Any]:
        if not self._path.exists():
            return {}
        changed = self._path.stat().st_mtime_ns
        if changed != self._read[0]:
            self._read = changed, self._load()
        return self._read[1]

    def _load(self) -> dict[str, Any]:
        if not self._path.exists():
            return {}
        found = json.loads(self._path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError(say("saved.no_object", kind=type(found).__name__))
        return found

    def _write(self, settings: dict[str, Any]) -> None:
        """To a temporary file first, so that a reader never sees half of it. Its mode is the old one's, or any new file's."""
        temporary = Path(f"{self._path}.tmp")
        try:
            temporary.write_text(json.dumps(settings, indent=2, ensure_ascii=False), encoding="utf-8")
            if self._path.exists():
                shutil.copymode(self._path, temporary)
            os.replace(temporary, self._path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
