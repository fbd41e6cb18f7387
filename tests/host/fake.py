"""The embedded host's `modules` in this process, for one test at a time: what `host/` imports, without a page, a server or a checkpoint."""
from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from demo.host import k_diffusion_loader

MODULES = Path(__file__).parents[2] / "demo" / "host"
ROOTS = ("modules", "networks", "lib_fewstep.host")
"""What a host has under these names is put in for a test, and taken out again: other tests have stand-ins of their own."""


class Host:
    """`host.shared` is the host's `modules.shared`; `host.our("cfg")` is `lib_fewstep.host.cfg`, imported in this host."""

    def __init__(self, data: Path):
        self.data = data

    def __getattr__(self, name: str) -> Any:
        return importlib.import_module(f"modules.{name}")

    def our(self, name: str) -> Any:
        return importlib.import_module(f"lib_fewstep.host.{name}")


@contextmanager
def running(data: Path) -> Iterator[Host]:
    """A host that has just started, with its files below `data` and no option saved."""
    k_diffusion_loader.load()
    before = _taken_out()
    sys.path.insert(0, str(MODULES))
    try:
        importlib.import_module("modules.paths").configure(data / "models", data)
        yield Host(data)
    finally:
        sys.path.remove(str(MODULES))
        _taken_out()
        sys.modules.update(before)


def _taken_out() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name.startswith(tuple(f"{root}." for root in ROOTS)) or name in ROOTS]
    return {name: sys.modules.pop(name) for name in names}


def job(**fields: Any) -> Any:
    """A txt2img job as the hosts make it, as far as a sampling pass reads it."""
    return SimpleNamespace(**{"prompt": "a cat", "is_hr_pass": False, "scheduler": "Automatic", "hr_scheduler": "Automatic",
                              "sampler_noise_scheduler_override": None, "extra_generation_params": {}, **fields})  # fmt: skip


def put_in_force(host: Host, p: Any, plan: Any) -> None:
    """As `generation.begin` does, without what it sets on `p`."""
    host.our("state").note(p, plan=plan)
