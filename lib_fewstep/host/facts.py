"""What is there: the UNet, the LoRAs and the samplers of the running host, read without loading anything."""
from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from modules import sd_models, sd_samplers, sd_schedulers, shared
from modules.paths import data_path

from ..core.detect import DetectionCache
from ..core.header import Unreadable, read_header
from ..core.layout import Layout, layout_of
from ..core.plan import Facts, InstalledLora
from ..core.profiles import Tables, load_tables
from . import settings

USER_TABLE = Path(data_path) / "fewstep.yaml"
"""Where a user adds or changes rows, in the form of data/methods.yaml and data/files.yaml."""


class HostFacts:
    """Reads the facts, and remembers what does not change while the host runs."""

    def __init__(self) -> None:
        self.tables: Tables = load_tables([USER_TABLE] if USER_TABLE.exists() else [])
        for problem in self.tables.problems:
            print(f"Few-Step Accelerator: {problem}")
        self._detections = DetectionCache(Path(data_path) / "cache" / "fewstep-loras.json", self.tables)
        self._unets: WeakKeyDictionary[Any, Layout] = WeakKeyDictionary()
        self._checkpoints: dict[tuple[str, int], Layout] = {}
        self._lock = Lock()  # a generation and any number of previews read at once

    def of_generation(self, p: Any) -> Facts:
        """The facts while `p` is processed: the UNet is the loaded one."""
        return self._facts(self._loaded(p.sd_model))

    def of_page(self) -> Facts:
        """The facts for a preview: the UNet is that of the selected checkpoint, read from its header, loaded or not."""
        return self._facts(self._selected() or self._loaded(_loaded_model()))

    def refresh(self) -> None:
        """Lets the host look for LoRA files again."""
        networks = _networks()
        if networks is not None:
            networks.list_available_networks()

    def _facts(self, unet: Layout | None) -> Facts:
        with self._lock:
            loras = tuple(self._loras())
            self._detections.save()
        samplers = frozenset(sd_samplers.all_samplers_map)
        schedulers = frozenset(scheduler.label for scheduler in sd_schedulers.schedulers)
        return Facts(unet, loras, samplers, schedulers, all_steps=settings.all_steps(), skips_uncond=_skips_uncond())

    def _loras(self) -> Iterator[InstalledLora]:
        networks = _networks()
        for on_disk in list(getattr(networks, "available_networks", {}).values()):
            aliases = (on_disk.alias,) if getattr(on_disk, "alias", None) else ()
            yield InstalledLora(on_disk.name, self._detections.get(Path(on_disk.filename), getattr(on_disk, "shorthash", None)), aliases)

    def _loaded(self, model: Any) -> Layout | None:
        unet = _unet_of(model)
        if unet is None:
            return None
        if unet not in self._unets:
            self._unets[unet] = layout_of({name: tuple(weight.shape) for name, weight in unet.named_parameters()})
        return self._unets[unet]

    def _selected(self) -> Layout | None:
        checkpoint = sd_models.checkpoint_aliases.get(getattr(shared.opts, "sd_model_checkpoint", None) or "")
        if checkpoint is None:
            return None
        try:
            path = Path(checkpoint.filename)
            key = (str(path), path.stat().st_mtime_ns)
            if key not in self._checkpoints:
                self._checkpoints[key] = layout_of(read_header(path).shapes)
            return self._checkpoints[key] if self._checkpoints[key].sites else None
        except (OSError, Unreadable):  # a .ckpt, or a file that the host will complain of
            return None


def _networks() -> Any:
    """The host's LoRA extension: a module of its own, imported by the host under this bare name."""
    return sys.modules.get("networks")


def _loaded_model() -> Any:
    """The loaded model, or None. `shared.sd_model` would load one."""
    return getattr(getattr(sd_models, "model_data", None), "sd_model", None)


def _unet_of(model: Any) -> Any:
    """The network whose forward the host calls, in Forge and its kin or in A1111; None for a placeholder."""
    forge = getattr(model, "forge_objects", None)
    if forge is not None:
        return getattr(getattr(forge.unet, "model", None), "diffusion_model", None)
    return getattr(getattr(model, "model", None), "diffusion_model", None)


def _skips_uncond() -> bool:
    """Forge and its kin leave the negative prompt out at CFG 1 by themselves."""
    return any(name.partition(".")[0] == "modules_forge" for name in sys.modules)
