"""The stages, in order, each with the files that it leaves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from demo.weights import models_in, unpack_weights, write_configuration

from .autoencoder import train_autoencoder
from .base import make_latents, train_base
from .consistency import distil_lcm, distil_tcd
from .dmd import distil_dmd
from .drawing import sample_pictures, save_sheet
from .export import export_checkpoint
from .hyper import distil_hyper, distil_hyper_cfg
from .judge import train_judge
from .lightning import distil_lightning
from .pack import BEST, pack_checkpoint, pack_others
from .settings import DMD, HYPER, HYPER_CFG, LCM, LIGHTNING, TCD, TURBO, Settings
from .student import Sources
from .tiny_decoder import train_tiny_decoder
from .turbo import distil_turbo


class Pipeline:
    """Each stage leaves one or more files and has nothing to do where they exist.

    Delete a file, and everything that was made from it, to have it made again.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.models = models_in(settings.work / "models", list(settings.distillations))
        self.reader = settings.work / "reader.safetensors"
        self.autoencoder = settings.work / "autoencoder.safetensors"
        self.latents = settings.work / "latents.safetensors"
        self.base = settings.work / "base.safetensors"
        self.sources = Sources(self.models.checkpoint, self.reader, self.models.tokenizer, self.latents, settings.lora_rank)
        self.stages: dict[str, Callable[[], None]] = {
            "data": self.draw_sheet,
            "reader": lambda: self._train(self.reader, train_judge, settings.reader),
            "vae": lambda: self._train(self.autoencoder, train_autoencoder, settings.autoencoder, self.reader),
            "judge": lambda: self._train(self.models.judge, train_judge, settings.judge),
            "latents": self.make_latents,
            "base": self.train_base,
            "export": self.export,
            "decoder": self.train_tiny_decoder,
            "lightning": lambda: self._in_turn(LIGHTNING, distil_lightning),
            "hyper": lambda: self._in_turn(HYPER, distil_hyper),
            "lcm": lambda: self._distil(LCM, distil_lcm),
            "tcd": lambda: self._distil(TCD, distil_tcd),
            "dmd": self.distil_dmd,
            "turbo": lambda: self._distil(TURBO, partial(distil_turbo, self.models.loras[LCM])),
            "hyper-cfg": lambda: self._distil(HYPER_CFG, partial(distil_hyper_cfg, 8)),
            "pack": self.pack,
        }

    def draw_sheet(self) -> None:
        """Some training pictures, to look at."""
        target = self.settings.work / "data.png"
        if _missing(target):
            _, pictures = sample_pictures(64, np.random.default_rng(0))
            save_sheet(pictures, 8, target)

    def make_latents(self) -> None:
        if _missing(self.latents):
            make_latents(self.settings.latents, self.autoencoder, self.latents)

    def train_base(self) -> None:
        write_configuration(self.models)
        self._train(self.base, train_base, self.settings.base, self.latents, self.models.tokenizer)

    def distil_dmd(self) -> None:
        for steps, name in DMD.items():
            self._distil(name, partial(distil_dmd, steps, self.models.loras[LCM]))

    def export(self) -> None:
        """Pack the checkpoint and unpack it: everything later is made for the weights as they are shipped."""
        packed = self.settings.packed / f"{self.models.checkpoint.name}.xz"
        if _missing(packed):
            export_checkpoint(self.base, self.autoencoder, self.models)
            pack_checkpoint(self.models.checkpoint, packed, self._effort)
        unpack_weights(packed, self.models.checkpoint)

    def train_tiny_decoder(self) -> None:
        settings, models = self.settings, self.models
        self._train(models.decoder, train_tiny_decoder, settings.decoder, models.checkpoint, settings.decoder_pictures)

    def pack(self) -> None:
        pack_others(self.models, self.settings.packed, self._effort)

    @property
    def _effort(self) -> int:
        """xz's preset."""
        return 0 if self.settings.quick else BEST

    def _in_turn(self, names: dict[int, str], distil: Callable[..., None]) -> None:
        """A LoRA for each number of steps, each from the one before."""
        previous = None
        for steps, name in names.items():
            self._distil(name, partial(distil, steps, previous))
            previous = self.models.loras[name]

    def _distil(self, name: str, distil: Callable[..., None]) -> None:
        self._train(self.models.loras[name], distil, self.sources, self.settings.distillations[name])

    def _train(self, target: Path, train: Callable[..., None], *arguments: object) -> None:
        """Call `train(*arguments, checkpoint, target)`, unless its target exists."""
        if _missing(target):
            checkpoint = self.settings.work / "training" / f"{target.stem}.pt"
            train(*arguments, checkpoint, target)
            checkpoint.unlink(missing_ok=True)


def _missing(target: Path) -> bool:
    if target.exists():
        print(f"{target.name}: done before")
        return False
    print(f"{target.name}: making it", flush=True)
    return True
