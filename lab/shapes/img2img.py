"""Which steps should a few-step method make in img2img? `python -m lab.shapes.img2img` measures two answers.

`host`: the share of its steps that the WebUIs make, int(strength * steps) + 1 of the full grid. `all`: all its steps, within the noise that
is left. Two tasks, judged as everywhere: *keep* (the start already shows what the prompt says; it should survive) and *recolour*
(the start shows the scene in other colours; the prompt's should win).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from demo.lora import merge_lora
from demo.scenes import BACKGROUND, COLOUR, COLOURS
from demo.weights import unpack
from lib_fewstep.core.samplers import sample_lcm, sample_tcd
from lib_fewstep.core.schedules import host_share, sigmas_at, timesteps_for, training_sigmas

from ..autoencoder import decode, encode
from .evaluation import LCM, LIGHTNING, TCD, Evaluation
from .pictures import render, sample_places

STRENGTHS = (0.2, 0.3, 0.5, 0.75, 0.9)
STEPS = 4
Sampler = Callable[..., Tensor]


def sample_euler(
    model: Callable[..., Tensor], x: Tensor, sigmas: Tensor, disable: bool | None = None, noise_sampler: object = None
) -> Tensor:
    """Euler's method in k-diffusion's call shape (Karras et al. 2022, algorithm 2 without churn)."""
    for sigma, sigma_next in pairwise(sigmas):
        x = x + (x - model(x, sigma * x.new_ones(len(x)))) / sigma * (sigma_next - sigma)
    return x


METHODS: dict[str, tuple[str, Sampler, str]] = {
    "LCM": (LCM, sample_lcm, "lcm"),
    "TCD": (TCD, partial(sample_tcd, gamma=0.3, model_sigmas=training_sigmas()), "lcm"),
    "Lightning, 4 steps": (LIGHTNING[4], sample_euler, "trailing"),
}


def visited(rule: str, strength: float, answer: str) -> Sequence[float]:
    """The timesteps of one pass at `strength`, by the answer `host` or `all`."""
    if answer == "all":
        return timesteps_for(rule, STEPS, strength)
    return timesteps_for(rule, STEPS)[-host_share(STEPS, strength) :]


class Img2Img(Evaluation):
    """The evaluation's prompts and models, begun from pictures."""

    def starts(self, recoloured: bool) -> Tensor:
        """Latents [prompts, 4, 8, 8] of pictures of the prompts' own scenes, or of the same scenes with shape and background recoloured."""
        rng = np.random.default_rng(77)
        scenes = self.wanted.copy()
        if recoloured:
            scenes[:, COLOUR] = (scenes[:, COLOUR] + rng.integers(1, len(COLOURS), len(scenes))) % len(COLOURS)
            clash = scenes[:, COLOUR] == scenes[:, BACKGROUND]
            scenes[clash, BACKGROUND] = (scenes[clash, BACKGROUND] + 1) % len(COLOURS)
        return encode(self.vae, render(scenes, sample_places(scenes, rng), rng))

    @torch.no_grad()
    def pictures(self, method: str, timesteps: Sequence[float], start: Tensor) -> NDArray[np.uint8]:
        """uint8 [prompts, 64, 64, 3]: `start` noised to the first timestep, and denoised over all of them."""
        lora, sampler, _ = METHODS[method]
        self.unet.load_state_dict(self.base)
        merge_lora(self.unet, self.models.loras[lora], 1.0)
        sigmas = sigmas_at(timesteps, training_sigmas())
        fresh = torch.Generator().manual_seed(5)
        x = start + sigmas[0] * self.noise
        x = sampler(
            self._denoise, x, sigmas, disable=True, noise_sampler=lambda *_: torch.randn(x.shape, generator=fresh)
        )
        return decode(self.vae, x)

    def _denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        """k-diffusion's model: x = x0 + sigma * noise -> x0."""
        timestep = (training_sigmas() - sigma[0]).abs().argmin()
        scale = (1 + sigma[0] ** 2).sqrt()
        return x - sigma[0] * self._guided(x / scale, timestep, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lab.shapes.img2img", description=__doc__)
    parser.add_argument("--prompts", type=int, default=250)
    parser.add_argument("--models", type=Path, default=Path(__file__).parents[1] / "work" / "shipped" / "models")
    options = parser.parse_args()
    lab = Img2Img(unpack(options.models), options.prompts, reference_pictures=500)
    print(
        "| task | method | strength | "
        + " | ".join(f"{answer}: timesteps | right %" for answer in ("host", "all"))
        + " |"
    )
    print("|---|---|---|---|---|---|---|")
    for task in ("keep", "recolour"):
        start = lab.starts(recoloured=task == "recolour")
        for method, (_, _, rule) in METHODS.items():
            for strength in STRENGTHS:
                cells = []
                for answer in ("host", "all"):
                    timesteps = visited(rule, strength, answer)
                    exact = lab.score(lab.pictures(method, timesteps, start)).exact
                    cells.append(f"{' '.join(map(str, timesteps))} | {100 * exact:.0f}")
                print(f"| {task} | {method} | {strength} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
