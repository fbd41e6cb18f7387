"""Imports k-diffusion's samplers without the rest of the package.

`import k_diffusion` pulls in its training code, and with it clip, wandb, jsonmerge, accelerate and torchvision.
Sampling needs three files of it. So an empty package that merely knows its folder is registered first; the submodules
then import as usual. One of them names torchvision for two picture helpers that nobody calls here: it gets an empty
module instead.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType

SUBMODULES = ("utils", "sampling", "external")
_UNUSED = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")


def load() -> None:
    """Make `k_diffusion.sampling`, `.external` and `.utils` importable. Calling it twice is free."""
    if "k_diffusion" in sys.modules:
        return
    spec = importlib.util.find_spec("k_diffusion")
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError("k-diffusion is missing: pip install --no-deps k-diffusion==0.1.1.post1")
    package = ModuleType("k_diffusion")
    package.__path__ = list(spec.submodule_search_locations)
    package.__spec__ = spec
    sys.modules["k_diffusion"] = package

    replaced = {name: sys.modules.get(name) for name in _UNUSED}
    _register_empty_torchvision()
    try:
        for name in SUBMODULES:
            importlib.import_module(f"k_diffusion.{name}")
    finally:
        for name, module in replaced.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def _register_empty_torchvision() -> None:
    modules = {name: ModuleType(name) for name in _UNUSED}
    for name, module in modules.items():
        module.__path__ = []
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(modules[parent], child, module)
    sys.modules.update(modules)
