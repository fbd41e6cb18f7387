"""What is there: the UNet, the LoRAs and the samplers of the running host, read without loading anything."""
from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from modules import sd_models, sd_samplers, sd_schedulers, shared
from modules.paths import data_path

from ..core.detect import Detection, detect_checkpoint
from ..core.facts import Facts, InstalledLora
from ..core.header import Unreadable, read_header
from ..core.layout import NO_LAYOUT, Layout, network_layout
from ..core.profiles import Tables, preferring
from ..core.request import AUTO, NO_LORA
from ..core.tables import load_tables
from ..words.say import in_language, say
from . import calls, draft, settings
from .detections import DetectionCache
from .folder import GoOn, LoraFolder, networks
from .hosts import Job, skips_uncond
from .rescan import Rescan
from .saved import SavedSettings
from .unet import unet_of

_log = logging.getLogger("fewstep")
USER_TABLE = Path(data_path) / "fewstep.yaml"
"""Where a user adds or changes rows, in the form of data/methods.yaml and data/files.yaml."""
_SAVED = Path(data_path) / "fewstep-checkpoints.json"
_OURS = "Accelerator: "
"""Begins what we say in the host's progress line, in every language."""


class HostFacts:
    """Reads the facts, and remembers what does not change while the host runs."""

    def __init__(self) -> None:
        self._tables = load_tables([USER_TABLE] if USER_TABLE.exists() else [])
        for problem in self._tables.problems:
            _log.warning("%s", problem)
        self._folder = LoraFolder(DetectionCache(Path(data_path) / "cache" / "fewstep-loras.json", self._tables))
        self._saved = SavedSettings(_SAVED)
        self._rescan = Rescan()
        self._seconds: dict[tuple[str, int, int], float] = {}
        self._unets: WeakKeyDictionary[Any, Layout] = WeakKeyDictionary()

    @property
    def tables(self) -> Tables:
        """The tables, in the order that the user prefers."""
        return preferring(self._tables, settings.auto_order())

    def of_generation(self, p: Job, lora: str = AUTO) -> Facts:
        """The facts while `p` is processed: the checkpoint is the loaded one. `lora` is the one that is asked for. The host's progress line
        tells how far a long first look at the LoRA folder is, and Interrupt leaves it.
        """
        facts = self._facts(p.sd_model, getattr(p.sd_model, "sd_checkpoint_info", None), _tell, lora)
        if (shared.state.textinfo or "").startswith(_OURS):
            shared.state.textinfo = None
        return facts

    def of_page(self, whole: bool = True, lora: str = AUTO) -> Facts:
        """The facts for a preview: the checkpoint is the selected one, loaded or not. `lora` is the one that is asked for. Not `whole`: a
        folder that takes long is left after a moment, as `unseen` says, and the next time goes on there.
        """
        return self._facts(_loaded_model(), _selected(), lambda seen, count: whole, lora)

    def installed(self) -> tuple[InstalledLora, ...]:
        """The LoRAs that were found so far."""
        return self._folder.look(lambda seen, count: False)[0]

    def preset_hires_steps(self) -> int:
        """What the host by itself puts into the page's Hires steps."""
        return settings.preset_hires_steps()

    def language(self) -> str:
        """The page's language."""
        return settings.language()

    def took(self, width: int, height: int, seconds: float) -> None:
        """Notes how long one evaluation of a picture of this size took."""
        self._seconds[getattr(_selected(), "name", ""), width, height] = seconds

    def seconds(self, width: int, height: int) -> float | None:
        """How long one evaluation of a picture of this size took last, with the selected checkpoint; None: not measured."""
        return self._seconds.get((getattr(_selected(), "name", ""), width, height))

    def keep(self, request: Mapping[str, Any]) -> None:
        """Saves settings for the selected checkpoint; empty ones are forgotten. Raises ValueError with words for the user."""
        if _selected() is None:
            raise ValueError(say("saved.no_checkpoint"))
        self._saved.keep(_selected().name, request)

    def refresh(self, wait: bool = False) -> str:
        """Lets the host look for LoRA files again, while no picture is made. Returns what to say: it may come later; with `wait` it is
        done on return.
        """
        return self._rescan.now() or "" if wait else self._rescan.soon()

    def _facts(self, model: Any, info: Any, go_on: GoOn, lora: str) -> Facts:
        unet, saved = self._network(model, info), self._saved.of(info.name) if info is not None else {}
        loras, unseen = self._folder.look(go_on, [name for name in (lora, saved.get("lora")) if name not in (AUTO, NO_LORA, None)])
        samplers = frozenset(sd_samplers.all_samplers_map)
        schedulers = frozenset(scheduler.label for scheduler in sd_schedulers.schedulers)
        return Facts(
            unet, loras, samplers, schedulers, fit_steps_to_strength=settings.all_steps(), skips_uncond=skips_uncond(),
            keeps_uncond=calls.keeps_uncond(),
            leaves_out_negative=settings.leaves_out_negative(),
            host_img2img_exact_steps=bool(getattr(shared.opts, "img2img_fix_steps", False)), self_timed=calls.self_timed(),
            calls_per_step=calls.calls_per_step(),
            unknown_lora_unloads_all=_unknown_lora_unloads_all(), checkpoint=self._recognised(info, unet),
            saved=saved, no_draft=draft.missing(), unseen=unseen, preset=settings.preset(),
        )

    def _network(self, model: Any, info: Any) -> Layout | None:
        """The network of the checkpoint `info`. Its file decides, because a host may keep the loaded one in 4 bits or in pieces; the loaded
        `model` is asked for a file that is no .safetensors file, if it is of that checkpoint.
        """
        layout, _ = _header(info)
        if layout != NO_LAYOUT:
            return layout
        loaded = getattr(model, "sd_checkpoint_info", None)
        same = loaded is info or getattr(loaded, "filename", None) == getattr(info, "filename", "")
        return self._loaded(model) if same else None

    def _loaded(self, model: Any) -> Layout | None:
        unet = unet_of(model)
        if unet is None:
            return None
        if unet not in self._unets:
            weights = dict(unet.named_parameters())
            packed = {name for name, weight in weights.items() if not weight.is_floating_point()}
            self._unets[unet] = network_layout({name: tuple(weight.shape) for name, weight in weights.items()}, packed)
        return self._unets[unet]

    def _recognised(self, info: Any, unet: Layout | None) -> Detection | None:
        """What the checkpoint of the host's record `info` is."""
        if info is None:
            return None
        layout, metadata = _header(info)
        return detect_checkpoint(Path(info.filename).stem, unet or layout, metadata, self.tables, getattr(info, "sha256", None))


def _header(info: Any) -> tuple[Layout, Mapping[str, str]]:
    """Layout and metadata of a checkpoint's file; nothing for a .ckpt, or a file that the host will complain of."""
    try:
        return _header_of(info.filename, os.stat(info.filename).st_mtime_ns)
    except (AttributeError, OSError, Unreadable):  # no record: none is selected
        return NO_LAYOUT, {}


@lru_cache(maxsize=8)
def _header_of(filename: str, changed: int) -> tuple[Layout, Mapping[str, str]]:
    header = read_header(Path(filename))
    return network_layout(header.shapes, header.packed), header.metadata


def _tell(seen: int, count: int) -> bool:
    looking = say("comment.note", text=say("comment.looking", seen=seen, count=count))
    shared.state.textinfo = in_language(looking, settings.language())
    return not shared.state.interrupted


def _selected() -> Any:
    """The host's record of the selected checkpoint, or None."""
    return sd_models.checkpoint_aliases.get(getattr(shared.opts, "sd_model_checkpoint", None) or "")


def _loaded_model() -> Any:
    """The loaded model, or None. `shared.sd_model` would load one."""
    return getattr(getattr(sd_models, "model_data", None), "sd_model", None)


def _unknown_lora_unloads_all() -> bool:
    """Forge and reForge stumble over a name that they do not know, and load nothing; Neo's later loader, without dyn_dims, does not."""
    load = getattr(networks(), "load_networks", None)
    return load is not None and skips_uncond() and "dyn_dims" in inspect.signature(load).parameters
