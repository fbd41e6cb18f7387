"""Executes a script file as a module of its own."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

loaded_scripts: dict[str, ModuleType] = {}


def load_module(path: str) -> ModuleType:
    """Execute the file. Its `__name__` is the file's name ("accelerator.py"), and it is not put into sys.modules."""
    spec = importlib.util.spec_from_file_location(Path(path).name, path)
    assert spec is not None and spec.loader is not None, f"not a Python file: {path}"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    loaded_scripts[path] = module
    return module
