"""What is there: the UNet, the LoRAs and the samplers of the running host, read without loading anything."""
from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from modules import sd_models, sd_samplers, sd_schedulers, shared
from modules.paths import data_path

from ..core.detect import Detection, DetectionCache, detect_checkpoint
from ..core.facts import Facts, InstalledLora
from ..core.header import Unreadable, read_header
from ..core.layout import NO_LAYOUT, Layout, layout_of
from ..core.profiles import Tables, load_tables, preferring
from . import settings
from .network import unet_of
from .saved import SavedSettings

_log = logging.getLogger("fewstep")
USER_TABLE = Path(data_path) / "fewstep.yaml"
"""Where a user adds or changes rows, in the form of data/methods.yaml and data/files.yaml."""
_SAVED = Path(data_path) / "fewstep-checkpoints.json"


class HostFacts:
    """Reads the facts, and remembers what does not change while the host runs."""

    def __init__(self) -> None:
        self._tables = load_tables([USER_TABLE] if USER_TABLE.exists() else [])
        for problem in self._tables.problems:
            _log.warning("%s", problem)
        self._detections = DetectionCache(Path(data_path) / "cache" / "fewstep-loras.json", self._tables)
        self._saved = SavedSettings(_SAVED)
        self._unets: WeakKeyDictionary[Any, Layout] = WeakKeyDictionary()
        self._listed: list[Any] | None = None
        self._installed: list[InstalledLora] = []
        self._watched: list[int] = []
        self._headers: dict[tuple[str, int], tuple[Layout, Mapping[str, str]]] = {}
        self._lock = Lock()  # a generation and any number of previews read at once

    @property
    def tables(self) -> Tables:
        """The tables, in the order that the user prefers."""
        return preferring(self._tables, settings.auto_order())

    def of_generation(self, p: Any) -> Facts:
        """The facts while `p` is processed: the checkpoint is the loaded one."""
        return self._facts(self._loaded(p.sd_model), getattr(p.sd_model, "sd_checkpoint_info", None))

    def of_page(self) -> Facts:
        """The facts for a preview: the checkpoint is the selected one, read from its header, loaded or not."""
        layout, _ = self._header(_selected())
        return self._facts(layout if layout.family or layout.sites else self._loaded(_loaded_model()), _selected())

    def preset_hires_steps(self) -> int:
        """What the host by itself puts into the page's Hires steps."""
        return settings.preset_hires_steps()

    def keep(self, request: Mapping[str, Any]) -> None:
        """Saves settings for the selected checkpoint; empty ones are forgotten. Raises ValueError with words for the user."""
        if _selected() is None:
            raise ValueError("no checkpoint is selected: choose one, then save")
        self._saved.keep(_selected().name, request)

    def refresh(self) -> None:
        """Lets the host look for LoRA files again."""
        networks = _networks()
        if networks is not None:
            networks.list_available_networks()

    def _facts(self, unet: Layout | None, info: Any) -> Facts:
        with self._lock:
            loras = self._loras()
            self._detections.save()
        samplers = frozenset(sd_samplers.all_samplers_map)
        schedulers = frozenset(scheduler.label for scheduler in sd_schedulers.schedulers)
        return Facts(
            unet, loras, samplers, schedulers, all_steps=settings.all_steps(), skips_uncond=_skips_uncond(),
            all_or_none=_loads_all_or_none(), checkpoint=self._recognised(info, unet),
            saved=self._saved.of(info.name) if info is not None else {},
        )

    def _loras(self) -> tuple[InstalledLora, ...]:
        """The files in the host's list. One that is no accelerator is looked at again when the host has listed it anew, no sooner."""
        listed = list(getattr(_networks(), "available_networks", {}).values())
        if listed != self._listed:
            self._installed = [self._looked_at(on_disk) for on_disk in _shown(listed)]
            self._watched = [number for number, lora in enumerate(self._installed) if lora.detection.whole]
            self._listed = listed if len(self._installed) == len(listed) else None
        else:
            for number in self._watched:
                self._installed[number] = self._looked_at(listed[number])
        return tuple(self._installed)

    def _looked_at(self, on_disk: Any) -> InstalledLora:
        found = self._detections.get(on_disk.filename, getattr(on_disk, "shorthash", None))
        aliases = (on_disk.alias,) if getattr(on_disk, "alias", None) else ()
        return InstalledLora(on_disk.name, found, aliases, None if found.whole else partial(self._examined, on_disk.filename))

    def _examined(self, filename: str) -> Detection:
        self._listed = None  # one more to watch
        return self._detections.whole(Path(filename))

    def _loaded(self, model: Any) -> Layout | None:
        unet = unet_of(model)
        if unet is None:
            return None
        if unet not in self._unets:
            self._unets[unet] = layout_of({name: tuple(weight.shape) for name, weight in unet.named_parameters()})
        return self._unets[unet]

    def _recognised(self, info: Any, unet: Layout | None) -> Detection | None:
        """What the checkpoint of the host's record `info` is."""
        if info is None:
            return None
        layout, metadata = self._header(info)
        layout = layout if layout.family else unet or layout
        return detect_checkpoint(Path(info.filename).stem, layout, metadata, self.tables, getattr(info, "sha256", None))

    def _header(self, info: Any) -> tuple[Layout, Mapping[str, str]]:
        """Layout and metadata of a checkpoint's file; nothing for a .ckpt, or a file that the host will complain of."""
        try:
            path = Path(info.filename)
            key = (str(path), path.stat().st_mtime_ns)
            if key not in self._headers:
                header = read_header(path)
                self._headers[key] = layout_of(header.shapes), header.metadata
            return self._headers[key]
        except (AttributeError, OSError, Unreadable):  # no record: none is selected
            return NO_LAYOUT, {}


def _shown(listed: list[Any]) -> Iterator[Any]:
    """What is listed, one by one, while the host's progress line tells how far it is. Interrupt leaves it: the next look goes on there."""
    state = shared.state
    for number, on_disk in enumerate(listed):
        if state.job and state.interrupted:
            break
        if state.job and number % 100 == 0:
            state.textinfo = f"Accelerator: looking at LoRA {number} of {len(listed)}"
        yield on_disk
    if state.job:
        state.textinfo = None


def _selected() -> Any:
    """The host's record of the selected checkpoint, or None."""
    return sd_models.checkpoint_aliases.get(getattr(shared.opts, "sd_model_checkpoint", None) or "")


def _networks() -> Any:
    """The host's LoRA extension: a module of its own, imported by the host under this bare name."""
    return sys.modules.get("networks")


def _loaded_model() -> Any:
    """The loaded model, or None. `shared.sd_model` would load one."""
    return getattr(getattr(sd_models, "model_data", None), "sd_model", None)


def _loads_all_or_none() -> bool:
    """Forge and reForge stumble over a name that they do not know, and load nothing; Neo's later loader, without dyn_dims, does not."""
    load = getattr(_networks(), "load_networks", None)
    return load is not None and _skips_uncond() and "dyn_dims" in inspect.signature(load).parameters


def _skips_uncond() -> bool:
    """Forge and its kin leave the negative prompt out at CFG 1 by themselves."""
    return "modules_forge" in sys.modules
