"""The one training loop. Killed at any time, it continues where its last checkpoint was, with the same numbers."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .files import save_state, save_text
from .settings import Training

_CHECKPOINT_SECONDS = 60
_LOG_EVERY = 100

Loss = Callable[[np.random.Generator, float], Tensor]
"""Draws its own batch from the generator; the float is how much of the training is done, 0..1. -> scalar."""


class WeightAverage:
    """An exponential moving average of parameters, whose horizon grows with the number of updates."""

    def __init__(self, parameters: list[nn.Parameter], decay: float) -> None:
        self.parameters = parameters
        self.decay = decay
        self.updates = 0
        self.average = [parameter.detach().clone() for parameter in parameters]

    @torch.no_grad()
    def update(self) -> None:
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for average, parameter in zip(self.average, self.parameters, strict=True):
            average.lerp_(parameter, 1 - decay)

    @torch.no_grad()
    def apply(self) -> None:
        """Replace the parameters by their average."""
        for parameter, average in zip(self.parameters, self.average, strict=True):
            parameter.copy_(average)


class Clock:
    """Seconds since a training began, over all its runs: by the clock on the wall, and those a processor worked on it.

    The two differ by what else the machine did.
    """

    def __init__(self, wall: float = 0.0, processor: float = 0.0) -> None:
        self._wall, self._processor = wall - time.monotonic(), processor - time.process_time()

    def wall(self) -> float:
        return self._wall + time.monotonic()

    def processor(self) -> float:
        return self._processor + time.process_time()

    def __str__(self) -> str:
        return f"{self.wall():.0f} s ({self.processor():.0f} s of a processor)"


def train(model: nn.Module, loss: Loss, training: Training, checkpoint: Path) -> None:
    """Minimise `loss` over the parameters of `model` that require gradients; they end as their weight average.

    `checkpoint` is written every minute and removed at the end; a summary stays beside it as .json.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    torch.manual_seed(training.seed)
    rng = np.random.default_rng(training.seed)
    optimizer = torch.optim.AdamW(
        parameters,
        lr=training.learning_rate,
        betas=(0.9, training.second_beta),
        weight_decay=training.weight_decay,
        fused=True,
    )
    average = None if training.average_decay is None else WeightAverage(parameters, training.average_decay)
    first, clock, smoothed = 0, Clock(), math.nan
    if checkpoint.exists():
        first, clock, smoothed = _restore(checkpoint, model, optimizer, average, rng)
        print(f"{checkpoint.stem}: continuing after {first} steps", flush=True)

    saved = time.monotonic()
    model.train()
    for step in range(first, training.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, training)
        value = loss(rng, step / training.steps)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        if training.gradient_norm is not None:
            nn.utils.clip_grad_norm_(parameters, training.gradient_norm)
        optimizer.step()
        if average is not None and (step + 1) % training.average_every == 0:
            average.update()
        smoothed = value.item() if math.isnan(smoothed) else 0.98 * smoothed + 0.02 * value.item()
        if (step + 1) % _LOG_EVERY == 0:
            place = f"step {step + 1}/{training.steps}, {clock}"
            print(f"{checkpoint.stem}: {place}, loss {smoothed:.5f}", flush=True)
        if time.monotonic() - saved > _CHECKPOINT_SECONDS:
            _save(checkpoint, model, optimizer, average, rng, (step + 1, clock, smoothed))
            saved = time.monotonic()

    if average is not None:
        average.apply()
    model.eval()
    summary = {
        "steps": training.steps,
        "batch": training.batch,
        "seconds": round(clock.wall(), 1),
        "processor_seconds": round(clock.processor(), 1),
        "threads": torch.get_num_threads(),
        "loss": smoothed,
    }
    save_text(json.dumps(summary, indent=1), checkpoint.with_suffix(".json"))


def learning_rate(step: int, training: Training) -> float:
    """The learning rate of a step, counted from 0."""
    warm = min(1.0, (step + 1) / training.warmup)
    decay = max(0.0, step / training.steps - training.hold) / (1 - training.hold)
    cosine = 0.5 * (1 + math.cos(math.pi * decay))
    return training.learning_rate * warm * (training.floor + (1 - training.floor) * cosine)


def _save(
    checkpoint: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: WeightAverage | None,
    rng: np.random.Generator,
    progress: tuple[int, Clock, float],
) -> None:
    state: dict[str, Any] = {
        "progress": (progress[0], progress[1].wall(), progress[1].processor(), progress[2]),
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "average": None if average is None else (average.updates, average.average),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all(),
        "numpy": json.dumps(rng.bit_generator.state),
    }
    save_state(state, checkpoint)


def _restore(
    checkpoint: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: WeightAverage | None,
    rng: np.random.Generator,
) -> tuple[int, Clock, float]:
    state = torch.load(checkpoint, weights_only=True, map_location=torch.get_default_device())
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    if average is not None:
        average.updates, average.average = state["average"]
    torch.set_rng_state(state["torch"].cpu())
    torch.cuda.set_rng_state_all([each.cpu() for each in state.get("cuda", [])])
    rng.bit_generator.state = json.loads(state["numpy"])
    step, wall, processor, smoothed = state["progress"]
    return step, Clock(wall, processor), smoothed
