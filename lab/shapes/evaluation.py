"""Sampler settings -> pictures -> numbers, with diffusers' schedulers as the reference implementation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_euler_ancestral_discrete import EulerAncestralDiscreteScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from diffusers.schedulers.scheduling_lcm import LCMScheduler
from diffusers.schedulers.scheduling_tcd import TCDScheduler
from numpy.typing import NDArray
from torch import Tensor
from transformers import CLIPTokenizer

from demo.judge import Judge, is_right, load_judge, recognise, to_tensor
from demo.ldm import load_text_encoder, load_unet, load_vae
from demo.lora import merge_lora
from demo.scenes import ABSENT, demo_prompts
from demo.weights import Models

from ..autoencoder import decode, encode
from ..base import predict_noise
from ..networks import channels_last
from .pictures import render, sample_pictures, sample_places

_BATCH = 250
_NOISE_SEED, _SAMPLER_SEED = 7, 0
_ALL_PROMPTS = 500

_SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
}
_CONSISTENCY = {"original_inference_steps": 50, "set_alpha_to_one": True, "steps_offset": 1}
_DDIM = {"clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}

SAMPLERS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "Euler, leading": (EulerDiscreteScheduler, {"timestep_spacing": "leading", "steps_offset": 1}),
    "Euler, trailing": (EulerDiscreteScheduler, {"timestep_spacing": "trailing"}),
    "Euler, linspace": (EulerDiscreteScheduler, {"timestep_spacing": "linspace"}),
    "Euler a, trailing": (EulerAncestralDiscreteScheduler, {"timestep_spacing": "trailing"}),
    "DPM++ 2M Karras": (DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    "DDIM, leading": (DDIMScheduler, {**_DDIM, "timestep_spacing": "leading"}),
    "DDIM, trailing": (DDIMScheduler, {**_DDIM, "timestep_spacing": "trailing"}),
    "LCM": (LCMScheduler, _CONSISTENCY),
    "TCD": (TCDScheduler, _CONSISTENCY),
}
_STOCHASTIC = ("LCM", "TCD", "Euler a, trailing")


def scheduler_of(sampler: str, steps: int, gamma: float | None) -> tuple[Any, dict[str, Any]]:
    """-> (the scheduler with its timesteps set, what its `step` takes beside the sample)."""
    make_scheduler, options = SAMPLERS[sampler]
    scheduler = make_scheduler(**_SCHEDULE, **options)
    scheduler.set_timesteps(steps)
    step_options: dict[str, Any] = {} if gamma is None else {"eta": gamma}
    if sampler in _STOCHASTIC:
        step_options["generator"] = torch.Generator().manual_seed(_SAMPLER_SEED)
    return scheduler, step_options


@dataclass(frozen=True)
class Cell:
    """One sampler setting. `gamma` is TCD's stochasticity, which diffusers calls eta."""

    lora: str | None
    sampler: str
    steps: int
    guidance: float = 1.0
    weight: float = 1.0
    gamma: float | None = None

    @property
    def key(self) -> str:
        """Names the cell in results.json."""
        parts = [self.lora or "base", self.sampler, f"{self.steps} steps", f"CFG {self.guidance:g}"]
        if self.weight != 1:
            parts.append(f"weight {self.weight:g}")
        if self.gamma is not None:
            parts.append(f"gamma {self.gamma:g}")
        return " | ".join(parts)


@dataclass(frozen=True)
class Score:
    """Shares (0..1) and a distance.

    `attributes`: of the attributes that the prompts name, those found. `exact`: of the pictures, those with all of
    them. `distance`: Frechet distance (Heusel et al., 1706.08500) to real pictures in the judge's features.
    """

    attributes: float
    exact: float
    distance: float


LCM, TCD = "lcm-lora-sdv1-5", "TCD-SD15-LoRA"
LIGHTNING = {steps: f"tiny-lightning-{steps}step-lora" for steps in (8, 4, 2)}

HEADLINE = (
    Cell(None, "Euler, leading", 8, 4),
    Cell(None, "Euler, leading", 4, 4),
    Cell(None, "Euler, trailing", 4),
    Cell(LCM, "LCM", 4),
    Cell(LCM, "LCM", 4, 7),
    Cell(TCD, "TCD", 4, gamma=0.3),
    Cell(LIGHTNING[8], "Euler, trailing", 8),
    Cell(LIGHTNING[4], "Euler, trailing", 4),
    Cell(LIGHTNING[4], "Euler, trailing", 4, 7),
    Cell(LIGHTNING[4], "DPM++ 2M Karras", 4),
    Cell(LIGHTNING[2], "Euler, trailing", 2),
)
"""The settings that the README shows."""


def full_matrix() -> list[Cell]:
    """Every setting that was ever of interest: the headline, then one thing changed at a time."""
    cells = list(HEADLINE)
    cells += [Cell(None, sampler, 30, 4) for sampler in ("Euler, leading", "DPM++ 2M Karras", "DDIM, leading")]
    cells += [Cell(None, sampler, 4, 4) for sampler in ("DPM++ 2M Karras", "DDIM, leading", "Euler, trailing")]
    cells += [Cell(None, "Euler, leading", steps, 4) for steps in (1, 2)]
    cells += [Cell(None, "Euler, trailing", steps) for steps in (1, 2, 8)]
    cells += [Cell(None, "Euler, leading", 30, 7), Cell(None, "DPM++ 2M Karras", 8, 4)]
    cells += [Cell(None, "LCM", 4), Cell(None, "TCD", 4, gamma=0.3)]

    cells += [Cell(LCM, "LCM", steps) for steps in (1, 2, 8)]
    cells += [Cell(LCM, "LCM", 4, 2), Cell(LCM, "TCD", 4, gamma=0.3)]
    cells += [Cell(LCM, "LCM", 4, weight=weight) for weight in (0.5, 0.8, 1.2)]
    others = ("Euler, leading", "Euler, trailing", "DDIM, trailing", "DPM++ 2M Karras")
    cells += [Cell(LCM, sampler, 4) for sampler in others]

    cells += [Cell(TCD, "TCD", steps, gamma=gamma) for steps in (1, 2, 4, 8) for gamma in (0.0, 0.3, 1.0)]
    cells += [Cell(TCD, "TCD", 4, guidance, gamma=0.3) for guidance in (2, 7)]
    cells += [Cell(TCD, "TCD", 4, weight=weight, gamma=0.3) for weight in (0.5, 0.8, 1.2)]
    cells += [Cell(TCD, sampler, 4) for sampler in ("Euler, leading", "Euler, trailing", "DDIM, trailing", "LCM")]

    cells += [Cell(name, "Euler, trailing", steps) for name in LIGHTNING.values() for steps in (1, 2, 4, 8)]
    for steps in (8, 4):
        name = LIGHTNING[steps]
        cells += [Cell(name, "Euler, leading", steps), Cell(name, "LCM", steps)]
        cells += [Cell(name, "Euler, trailing", steps, guidance) for guidance in (2, 7)]
    four = LIGHTNING[4]
    cells += [Cell(four, sampler, 4) for sampler in ("Euler, linspace", "DDIM, trailing", "Euler a, trailing")]
    cells += [Cell(four, "Euler, trailing", 4, weight=weight) for weight in (0.5, 0.8, 1.2)]
    cells += [Cell(four, "TCD", 4, gamma=gamma) for gamma in (0.0, 0.3)]
    return list(dict.fromkeys(cells))


class Evaluation:
    """Fixed prompts and noise, the same for every cell, and the models of a WebUI's folder."""

    def __init__(self, models: Models, prompts: int, reference_pictures: int) -> None:
        self.models = models
        self.judge = load_judge(models.judge)
        self.unet = channels_last(load_unet(models.checkpoint))
        self.vae = channels_last(load_vae(models.checkpoint))
        self.base = {name: tensor.clone() for name, tensor in self.unet.state_dict().items()}
        chosen = demo_prompts(prompts)
        self.wanted = np.array([prompt.attributes for prompt in chosen])
        self.text = _encode([prompt.text for prompt in chosen], models)
        self.no_text = _encode([""], models)
        generator = torch.Generator().manual_seed(_NOISE_SEED)
        self.noise = torch.randn(_ALL_PROMPTS, 4, 8, 8, generator=generator)[:prompts]
        _, pictures = sample_pictures(reference_pictures, np.random.default_rng(555))
        self.reference = _moments(_features(self.judge, pictures))

    def run(self, cell: Cell) -> Score:
        """Draw every prompt with the cell's setting and let the judge look."""
        self.unet.load_state_dict(self.base)
        if cell.lora is not None:
            merge_lora(self.unet, self.models.loras[cell.lora], cell.weight)
        return self.score(decode(self.vae, self.sample(cell)))

    def references(self) -> dict[str, Score]:
        """What can be reached at best and at worst, on the prompts' own scenes."""
        rng = np.random.default_rng(32)
        real = render(self.wanted, sample_places(self.wanted, rng), rng)
        return {
            "real pictures": self.score(real),
            "real pictures through the autoencoder (ceiling)": self.score(decode(self.vae, encode(self.vae, real))),
            "real pictures of other prompts (chance)": self.score(rng.permutation(real)),
        }

    @torch.no_grad()
    def sample(self, cell: Cell) -> Tensor:
        """The sampling loop -> scaled latents [prompts, 4, 8, 8]."""
        scheduler, step_options = scheduler_of(cell.sampler, cell.steps, cell.gamma)
        sample = self.noise * scheduler.init_noise_sigma
        for timestep in scheduler.timesteps:
            noise = self._guided(scheduler.scale_model_input(sample, timestep), timestep, cell.guidance)
            sample = scheduler.step(noise, timestep, sample, return_dict=False, **step_options)[0]
        return sample

    def score(self, pictures: NDArray[np.uint8]) -> Score:
        """Judge uint8 [prompts, 64, 64, 3], picture i against prompt i."""
        right = is_right(recognise(self.judge, pictures), self.wanted)
        features = _moments(_features(self.judge, pictures))
        return Score(
            attributes=float(right[self.wanted != ABSENT].mean()),
            exact=float(right.all(1).mean()),
            distance=frechet_distance(features, self.reference),
        )

    def _guided(self, sample: Tensor, timestep: Tensor, guidance: float) -> Tensor:
        parts = []
        for latents, text in zip(sample.split(_BATCH), self.text.split(_BATCH), strict=True):
            noise = predict_noise(self.unet, latents, timestep, text)
            if guidance != 1:
                free = predict_noise(self.unet, latents, timestep, self.no_text.expand_as(text))
                noise = free + guidance * (noise - free)
            parts.append(noise)
        return torch.cat(parts)


def frechet_distance(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> float:
    """Squared Frechet distance of two normal distributions, each given as mean [d] and covariance [d, d]."""
    (mean, covariance), (other_mean, other_covariance) = first, second
    cross = torch.linalg.eigvals(covariance @ other_covariance).real.clamp(min=0).sqrt().sum()
    offset = (mean - other_mean).square().sum()
    return float(offset + covariance.trace() + other_covariance.trace() - 2 * cross)


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    return features.mean(0), torch.cov(features.T)


def _features(judge: Judge, pictures: NDArray[np.uint8]) -> Tensor:
    batches = [pictures[start : start + _BATCH] for start in range(0, len(pictures), _BATCH)]
    return torch.cat([judge.features(to_tensor(batch)) for batch in batches]).double()


def _encode(sentences: list[str], models: Models) -> Tensor:
    tokenizer = CLIPTokenizer.from_pretrained(str(models.tokenizer))
    tokens = tokenizer(sentences, padding="max_length", truncation=True, max_length=77)["input_ids"]
    encoder = load_text_encoder(models.checkpoint)
    return encoder(input_ids=torch.tensor(cast(list[list[int]], tokens))).last_hidden_state
