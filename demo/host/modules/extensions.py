"""Extensions: folders with scripts/ and javascript/."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from modules import paths


@dataclasses.dataclass
class Extension:
    """A folder that is loaded."""

    name: str
    path: str
    enabled: bool = True

    def list_files(self, subdir: str, extension: str) -> list[Path]:
        """Files directly in a subfolder that end in `extension`, sorted by name."""
        folder = Path(self.path) / subdir
        if not folder.is_dir():
            return []
        return [file for file in sorted(folder.iterdir()) if file.is_file() and file.suffix.lower() == extension]


extensions: list[Extension] = []
folders: list[Path] = []
"""The user's extensions, in loading order; set once at start."""


def list_extensions() -> None:
    """Fill `extensions`: the built-in ones first, then `folders`, then those in the data folder's extensions/."""
    extensions.clear()
    builtin = Path(paths.script_path) / "extensions"
    extensions.extend(Extension(path.name, str(path)) for path in sorted(builtin.iterdir()) if path.is_dir())
    installed = Path(paths.data_path) / "extensions"
    found = [*folders, *(sorted(installed.iterdir()) if installed.is_dir() else [])]
    extensions.extend(Extension(path.name, str(path.resolve())) for path in found if path.is_dir())


def active() -> list[Extension]:
    """Extensions that are switched on."""
    return [extension for extension in extensions if extension.enabled]
