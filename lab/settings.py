"""How long and how hard everything trains."""

from __future__ import annotations

from collections.abc import Mapping
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
    reader: Training
    autoencoder: Training
    base: Training
    judge: Training
    distillations: Mapping[str, Training]
    decoder: Training
    decoder_pictures: int
    lora_rank: int
    prompts: int
    reference_pictures: int
    quick: bool = False


LCM, TCD = "lcm-lora-sdv1-5", "TCD-SD15-LoRA"
LIGHTNING = {steps: f"tiny-lightning-{steps}step-lora" for steps in (8, 4, 2, 1)}
HYPER = {8: "Hyper-SD15-8steps-lora", 4: "Hyper-SD15-4steps-lora", 2: "Hyper-SD15-2steps-lora", 1: "Hyper-SD15-1step-lora"}
HYPER_CFG = "Hyper-SD15-8steps-CFG-lora"
TURBO = "tiny-turbo-lora"
DMD = {4: "tiny-dmd2-4step-lora", 1: "tiny-dmd2-1step-lora"}
"""The LoRAs' names: the published ones' where there are such files for Stable Diffusion 1.5, so that they are recognised."""


def full_settings(work: Path, packed: Path) -> Settings:
    """The step counts of a full run; README.md says how long each takes."""
    base = Training(6000, 48, 8e-4, warmup=200, hold=0.3, weight_decay=1e-3, average_decay=0.996, average_every=4, seed=3)
    judge = Training(1600, 64, 2e-3, warmup=50, weight_decay=1e-2, second_beta=0.999, gradient_norm=None, floor=0.01, seed=5)
    distil = Training(800, 32, 1e-3, warmup=30, hold=0.4, floor=0.05, average_decay=0.99, seed=10)
    later = replace(distil, learning_rate=6e-4)
    return Settings(
        work=work,
        packed=packed,
        latents=32_000,
        reader=replace(judge, steps=700, seed=6),
        autoencoder=Training(12_000, 6, 6e-4, warmup=50, hold=0.2, weight_decay=1e-4, average_decay=0.998, seed=1),
        base=base,
        judge=judge,
        distillations={
            LCM: distil,
            TCD: distil,
            LIGHTNING[8]: replace(distil, steps=400),
            LIGHTNING[4]: replace(later, steps=600),
            LIGHTNING[2]: replace(later, steps=600),
            LIGHTNING[1]: replace(later, steps=1000),
            HYPER[8]: replace(distil, steps=400),
            HYPER[4]: replace(later, steps=400),
            HYPER[2]: replace(later, steps=500),
            HYPER[1]: replace(later, steps=1200),
            HYPER_CFG: replace(distil, steps=400),
            TURBO: replace(later, steps=600),
            DMD[4]: replace(later, steps=600),
            DMD[1]: replace(later, steps=2800),
        },
        decoder=Training(2400, 32, 3e-3, warmup=50, average_decay=0.99, seed=20),
        decoder_pictures=2500,
        lora_rank=12,
        prompts=300,
        reference_pictures=3000,
    )


def quick_settings(work: Path, packed: Path) -> Settings:
    """A few steps of everything: a couple of minutes, and useless models."""
    few = Training(4, 4, 5e-4, warmup=2, average_decay=0.9)
    full = full_settings(work, packed)
    return replace(
        full,
        latents=32,
        reader=few,
        autoencoder=few,
        base=few,
        judge=few,
        distillations=dict.fromkeys(full.distillations, few),
        decoder=few,
        decoder_pictures=32,
        prompts=12,
        reference_pictures=64,
        quick=True,
    )


def timing_settings(work: Path) -> Settings:
    """A few steps of everything at full size: what `lab.timing` learns the seconds from."""
    full = full_settings(work, work / "packed")

    def few(training: Training) -> Training:
        return replace(training, steps=5)

    return replace(
        full,
        latents=64,
        reader=few(full.reader),
        autoencoder=few(full.autoencoder),
        base=few(full.base),
        judge=few(full.judge),
        distillations={name: few(training) for name, training in full.distillations.items()},
        decoder=few(full.decoder),
        decoder_pictures=64,
        quick=True,
    )
