"""How the demo says what it does."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

_WIDTH = 79


class LiveLine:
    """The lowest line of a terminal, written over until it is finished. A file or a pipe gets finished lines alone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._is_live = stream, stream.isatty()

    def show(self, text: str) -> None:
        """Say what goes on now."""
        if self._is_live:
            self._write(f"\r{text:<{_WIDTH}}")

    def finish(self, text: str) -> None:
        """Say it for good."""
        self.show("")
        self._write(f"\r{text}\n" if self._is_live else f"{text}\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def megabytes(folder: Path) -> int:
    """The size of all files below `folder`, in whole MB."""
    return round(sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6)
