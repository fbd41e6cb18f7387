"""The embedded host's `modules` in this process, for one test at a time: what `host/` imports, without a page, a server or a checkpoint."""
from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from demo.host import k_diffusion_loader

REPOSITORY = Path(__file__).parents[2]
MODULES = REPOSITORY / "demo" / "host"
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

    def script(self) -> Any:
        """scripts/accelerator.py, as the host executes it: a module."""
        spec = importlib.util.spec_from_file_location("accelerator_under_test", REPOSITORY / "scripts" / "accelerator.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def select(self, path: Path) -> Any:
        """Chooses a checkpoint on the page, and loads nothing. Returns the host's record of it."""
        info = SimpleNamespace(filename=str(path), name=path.name, name_for_extra=path.stem, title=path.name, sha256=None)
        self.sd_models.checkpoints_list[path.name] = self.sd_models.checkpoint_aliases[path.name] = info
        self.shared.opts.data["sd_model_checkpoint"] = path.name
        return info

    def load(self, model: Any) -> None:
        self.sd_models.model_data.sd_model = model

    def loras(self) -> Any:
        """The host's LoRA extension: its tables, filled by the rules of A1111 1.10.1 (`process_network_files`)."""
        if "networks" not in sys.modules:
            module: Any = ModuleType("networks")
            module.available_networks, module.available_network_aliases, module.forbidden_network_aliases = {}, {}, {}
            sys.modules["networks"] = module
        return sys.modules["networks"]

    def add_lora(self, path: Path, name: str = "", alias: str = "") -> None:
        tables, name = self.loras(), name or path.stem
        entry = SimpleNamespace(name=name, alias=alias or name, filename=str(path))
        tables.available_networks[name] = entry
        if entry.alias in tables.available_network_aliases:
            tables.forbidden_network_aliases[entry.alias.lower()] = 1
        tables.available_network_aliases |= {name: entry, entry.alias: entry}


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
