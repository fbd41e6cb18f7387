"""Settings -> what is measured of each, kept in one file per setting, so that a killed report continues."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from demo.judge import is_right, load_judge, recognise, to_tensor
from demo.scenes import fixed_prompts
from demo.weights import Models

from .autoencoder import decode, encode
from .drawing import render, sample_pictures
from .sampling import Sampler, Setting
from .statistics import Estimate, kernel_distance
from .tiny_decoder import draft

BASE_30 = Setting(sampler="DPM++ 2M", schedule="Karras", steps=30, cfg=4)
TEACHER = Setting(sampler="Euler", schedule="trailing", steps=50, cfg=4)
"""What the distillations follow; the paired distance is to its latents."""

_REFERENCE_SEED, _REAL_SEED = 555, 32
_BATCH = 250


@dataclass(frozen=True)
class Measured:
    """Of one setting, per picture: whether all that the prompt names is there, and the squared distance to the teacher's latents.

    `seen`: the judge's answers, int [n, attributes]. `seconds`: of sampling, for all pictures together.
    """

    right: NDArray[np.bool_]
    paired: NDArray[np.float64]
    seen: NDArray[np.int64]
    kernel: Estimate
    seconds: float


class Laboratory:
    """The models of a folder, the fixed prompts, and a folder of what was measured."""

    def __init__(self, models: Models, prompts: int, reference_pictures: int, folder: Path) -> None:
        self.sampler = Sampler(models)
        self.judge = load_judge(models.judge)
        self.folder = folder
        self.prompts = fixed_prompts(prompts)
        self.wanted = np.array([prompt.attributes for prompt in self.prompts])
        self.text = self.sampler.encode([prompt.text for prompt in self.prompts])
        self.no_text = self.sampler.encode([""]).expand_as(self.text)
        _, pictures = sample_pictures(reference_pictures, np.random.default_rng(_REFERENCE_SEED))
        self.reference = self.features(pictures)
        self._digests = {path: hashlib.sha256(path.read_bytes()).digest() for path in (models.checkpoint, models.judge)}
        self._teacher: Tensor | None = None

    def measure(self, setting: Setting) -> Measured:
        """Draw every prompt with the setting, unless that was measured before."""
        return self.kept(setting.key, setting.loras, lambda: self._measure(setting))

    def real(self, through_autoencoder: bool, shuffled: bool = False) -> Measured:
        """Real pictures of the prompts' own scenes; `shuffled`: of another prompt's."""
        pictures = self.real_pictures()
        if through_autoencoder:
            pictures = decode(self.sampler.vae, encode(self.sampler.vae, pictures))
        if shuffled:
            pictures = np.roll(pictures, 1, axis=0)
        return self.look(pictures, np.zeros(len(pictures)), 0.0)

    def drafted(self) -> Measured:
        """Real pictures of the prompts' own scenes, encoded, and decoded by the small decoder."""
        pictures = draft(self.sampler.models.decoder, encode(self.sampler.vae, self.real_pictures()))
        return self.look(pictures, np.zeros(len(pictures)), 0.0)

    def real_pictures(self) -> NDArray[np.uint8]:
        return render(self.wanted, np.random.default_rng(_REAL_SEED))

    def look(self, pictures: NDArray[np.uint8], paired: NDArray[np.float64], seconds: float) -> Measured:
        """What the judge finds in pictures, number i against prompt i."""
        return self.judged(pictures, self.wanted, paired, seconds)

    def judged(
        self, pictures: NDArray[np.uint8], wanted: NDArray[np.int64], paired: NDArray[np.float64], seconds: float
    ) -> Measured:
        """The same for pictures of any scenes [n, attributes]; attributes of -1 may be anything."""
        seen = recognise(self.judge, pictures)
        right = is_right(seen, wanted).all(1)
        return Measured(right, paired, seen, kernel_distance(self.features(pictures), self.reference), seconds)

    @torch.no_grad()
    def features(self, pictures: NDArray[np.uint8]) -> NDArray[np.float64]:
        batches = [pictures[start : start + _BATCH] for start in range(0, len(pictures), _BATCH)]
        return torch.cat([self.judge.features(to_tensor(batch)) for batch in batches]).double().numpy()

    def sample(self, setting: Setting, negative: Tensor | None = None, start: Tensor | None = None) -> Tensor:
        """Scaled latents [prompts, 4, 8, 8]."""
        return self.sampler.sample(setting, self.text, self.no_text if negative is None else negative, start)

    def teacher(self) -> Tensor:
        """The latents to which the paired distance is measured."""
        path = self.folder / f"teacher-{len(self.prompts)}-{self._stamp(())}.npy"
        if self._teacher is None and path.exists():
            self._teacher = torch.from_numpy(np.load(path))
        if self._teacher is None:
            self._teacher = self.sample(TEACHER)
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, self._teacher.numpy())
        return self._teacher

    def kept(self, key: str, loras: tuple[tuple[str, float], ...], measure: Callable[[], Measured]) -> Measured:
        """What was measured under this key with these very files, or is now."""
        path = self.folder / f"{_file_name(key)}-{len(self.prompts)}-{self._stamp(loras)}.npz"
        if path.exists():
            with np.load(path) as stored:
                kernel = Estimate(*map(float, stored["kernel"]))
                return Measured(stored["right"], stored["paired"], stored["seen"], kernel, float(stored["seconds"]))
        measured = measure()
        _save(measured, path)
        print(f"{key}: {100 * measured.right.mean():.1f} % right, paired distance {measured.paired.mean():.4f}", flush=True)
        return measured

    def _stamp(self, loras: tuple[tuple[str, float], ...]) -> str:
        """Changes with the checkpoint, the judge and the LoRAs."""
        for path in (paths := [self.sampler.models.loras[name] for name, _ in loras]):
            self._digests.setdefault(path, hashlib.sha256(path.read_bytes()).digest())
        models = (self.sampler.models.checkpoint, self.sampler.models.judge, *paths)
        return hashlib.sha256(b"".join(self._digests[path] for path in models)).hexdigest()[:8]

    def _measure(self, setting: Setting) -> Measured:
        teacher = self.teacher()
        started = time.monotonic()
        latents = self.sample(setting)
        seconds = time.monotonic() - started
        paired = (latents - teacher).square().mean((1, 2, 3)).double().numpy()
        return self.look(decode(self.sampler.vae, latents), paired, seconds)


def _save(measured: Measured, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    kernel = measured.kernel
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")  # another process may be at the same cell
    with temporary.open("wb") as file:
        np.savez_compressed(
            file,
            right=measured.right,
            paired=measured.paired,
            seen=measured.seen,
            kernel=[kernel.value, kernel.low, kernel.high],
            seconds=measured.seconds,
        )
    os.replace(temporary, path)


def _file_name(key: str) -> str:
    return re.sub(r"[^A-Za-z0-9.+-]+", "_", key)
