"""How long and how hard everything trains."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Training:
    """One run of AdamW: linear warm-up, a constant part up to `hold` (share of the steps), then half a cosine."""

    steps: int
    batch: int
    learning_rate: float
    warmup: int
    hold: float = 0.0
    floor: float = 0.02
    weight_decay: float = 0.0
    second_beta: float = 0.99
    gradient_norm: float | None = 1.0
    average_decay: float | None = None
    average_every: int = 1
    seed: int = 0


@dataclass(frozen=True)
class Settings:
    """Everything that decides what the stages compute. `quick` proves the pipeline, not the models."""

    work: Path
    packed: Path
    latents: int
    autoencoder: Training
    base: Training
    judge: Training
    lcm: Training
    tcd: Training
    lightning: tuple[tuple[int, Training], ...]
    decoder: Training
    decoder_pictures: int
    lora_rank: int
    prompts: int
    reference_pictures: int
    quick: bool = False


def full_settings(work: Path, packed: Path) -> Settings:
    """The step counts of the shipped models: about 75 minutes on two cores."""
    base = Training(
        3335, 64, 8e-4, warmup=200, hold=0.3, weight_decay=1e-3, average_decay=0.994, average_every=4, seed=3
    )
    distil = Training(629, 32, 1e-3, warmup=30, hold=0.4, floor=0.05, average_decay=0.99, seed=10)
    return Settings(
        work=work,
        packed=packed,
        latents=24_000,
        autoencoder=Training(3027, 8, 5e-4, warmup=50, weight_decay=1e-4, seed=1),
        base=base,
        judge=Training(
            1074, 96, 2e-3, warmup=50, weight_decay=1e-2, second_beta=0.999, gradient_norm=None, floor=0.01, seed=5
        ),
        lcm=distil,
        tcd=distil,
        lightning=(
            (8, replace(distil, steps=294)),
            (4, replace(distil, steps=449, learning_rate=6e-4)),
            (2, replace(distil, steps=238, learning_rate=6e-4)),
        ),
        decoder=Training(2400, 32, 3e-3, warmup=50, average_decay=0.99, seed=20),
        decoder_pictures=2500,
        lora_rank=16,
        prompts=500,
        reference_pictures=6000,
    )


def quick_settings(work: Path, packed: Path) -> Settings:
    """A few steps of everything: a couple of minutes, and useless models."""
    few = Training(6, 8, 5e-4, warmup=2, average_decay=0.9)
    return Settings(
        work=work,
        packed=packed,
        latents=128,
        autoencoder=few,
        base=few,
        judge=few,
        lcm=few,
        tcd=few,
        lightning=((8, few), (4, few), (2, few)),
        decoder=few,
        decoder_pictures=64,
        lora_rank=16,
        prompts=12,
        reference_pictures=300,
        quick=True,
    )
