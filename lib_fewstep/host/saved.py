"""The user's own settings for a checkpoint: what Auto comes down to there. One JSON file in the WebUI's data folder, by checkpoint name."""
from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any


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
            others = {name: kept for name, kept in self._all().items() if name != checkpoint}
            self._write({**others, checkpoint: dict(settings)} if settings else others)
        except ValueError as error:
            raise ValueError(f"{self._path} is damaged ({error}); mend or delete it, then save again") from error
        except OSError as error:
            raise ValueError(f"{self._path} cannot be written: {error.strerror or error}") from error

    def _all(self) -> dict[str, Any]:
        if not self._path.exists():
            return {}
        changed = self._path.stat().st_mtime_ns
        if changed != self._read[0]:
            found = json.loads(self._path.read_text(encoding="utf-8"))
            if not isinstance(found, dict):
                raise ValueError(f"it holds a {type(found).__name__}, not an object")
            self._read = changed, found
        return self._read[1]

    def _write(self, settings: dict[str, Any]) -> None:
        """To a temporary file first, so that a reader never sees half of it."""
        handle, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name, suffix=".tmp")
        try:
            with open(handle, "w", encoding="utf-8") as file:
                json.dump(settings, file, indent=2, ensure_ascii=False)
            os.replace(temporary, self._path)
        except BaseException:
            os.unlink(temporary)
            raise
