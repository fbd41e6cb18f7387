"""Checkpoints on disk, and the one that is loaded."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import yaml
from modules import hashes, paths, shared
from modules.sd_model import LatentDiffusion


class CheckpointInfo:
    """A checkpoint file and its names."""

    def __init__(self, filename: str) -> None:
        self.filename = filename
        self.name = Path(filename).name
        self.name_for_extra = self.model_name = Path(filename).stem
        self.sha256 = hashes.sha256(filename)
        self.hash = self.shorthash = self.sha256[:10]
        self.title = f"{self.name} [{self.shorthash}]"
        self.short_title = f"{self.model_name} [{self.shorthash}]"
        self.metadata = hashes.read_metadata(filename)
        self.ids = [self.title, self.name, self.name_for_extra, self.short_title, self.hash, self.sha256]


checkpoints_list: dict[str, CheckpointInfo] = {}
checkpoint_aliases: dict[str, CheckpointInfo] = {}


def list_models() -> None:
    """Look into models/Stable-diffusion."""
    checkpoints_list.clear()
    checkpoint_aliases.clear()
    for filename in shared.walk_files(str(Path(paths.models_path) / "Stable-diffusion"), [".safetensors"]):
        info = CheckpointInfo(filename)
        checkpoints_list[info.title] = info
        checkpoint_aliases.update(dict.fromkeys(info.ids, info))


def get_closet_checkpoint_match(search: str) -> CheckpointInfo | None:
    """The checkpoint of that name, or one whose title contains it."""
    if search in checkpoint_aliases:
        return checkpoint_aliases[search]
    return next((info for info in checkpoints_list.values() if search and search in info.title), None)


def select_checkpoint() -> CheckpointInfo:
    """The checkpoint that the settings name, else the first."""
    wanted = get_closet_checkpoint_match(shared.opts.sd_model_checkpoint or "")
    if wanted is not None:
        return wanted
    if not checkpoints_list:
        raise FileNotFoundError(f"no checkpoint in {Path(paths.models_path) / 'Stable-diffusion'}")
    return next(iter(checkpoints_list.values()))


def load_model(info: CheckpointInfo) -> LatentDiffusion:
    """Load a checkpoint. The tokenizer's folder stands in the yaml beside it; without one it is models/tiny-clip."""
    described = Path(info.filename).with_suffix(".yaml")
    folder = Path(paths.models_path) / "tiny-clip"
    if described.is_file():
        model = yaml.safe_load(described.read_text(encoding="utf8"))["model"]
        folder = Path(model["params"]["cond_stage_config"]["params"]["version"])
    return LatentDiffusion(info, folder)


class SdModelData:
    """Holds the loaded model."""

    def __init__(self) -> None:
        self.sd_model: LatentDiffusion | None = None
        self.lock = threading.Lock()

    def get_sd_model(self) -> LatentDiffusion:
        """The loaded model; loads it first where there is none."""
        with self.lock:
            if self.sd_model is None:
                self.sd_model = load_model(select_checkpoint())
        return self.sd_model


model_data = SdModelData()


def reload_model_weights(sd_model: Any = None, info: CheckpointInfo | None = None) -> LatentDiffusion:
    """Load the chosen checkpoint where another one is loaded."""
    wanted = info or select_checkpoint()
    if model_data.sd_model is None or model_data.sd_model.sd_checkpoint_info.filename != wanted.filename:
        model_data.sd_model = load_model(wanted)
    return model_data.sd_model
