"""Extensions: folders with scripts/ and javascript/."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from modules import paths


@dataclasses.dataclass
class Extension:
    """A folder that is loaded; `canonical_name` is its name in lower case."""

    name: str
    path: str
    is_builtin: bool = False
    enabled: bool = True

    @property
    def canonical_name(self) -> str:
        return self.name.lower()

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
    extensions.extend(Extension(path.name, str(path), True) for path in sorted(builtin.iterdir()) if path.is_dir())
    installed = Path(paths.data_path) / "extensions"
    found = [*folders, *(sorted(installed.iterdir()) if installed.is_dir() else [])]
    extensions.extend(Extension(path.name, str(path.resolve())) for path in found if path.is_dir())


def active() -> list[Extension]:
    """Extensions that are switched on."""
    return [extension for extension in extensions if extension.enabled]


def find_extension(filename: str) -> Extension | None:
    """The extension that a file belongs to."""
    parents = Path(filename).resolve().parents
    return next((extension for extension in extensions if Path(extension.path) in parents), None)
