"""The latents of a generation as the probe kept them, in variance-preserving terms: sqrt(abar) * picture + sqrt(1 - abar) * noise."""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .client import WebUI

ABAR = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)
"""Stable Diffusion's training schedule: betas between 0.00085 and 0.012, linear in their roots."""
SIGMA = np.sqrt((1 - ABAR) / ABAR)


@dataclass(frozen=True)
class Step:
    """One question to the UNet: at which timestep, what it was given and what it answered, each by rows."""

    t: int
    given: np.ndarray
    answered: np.ndarray

    @property
    def picture(self) -> np.ndarray:
        """What an eps-predicting answer means."""
        return (self.given - np.sqrt(1 - ABAR[self.t]) * self.answered) / np.sqrt(ABAR[self.t])


def last_steps(webui: WebUI) -> list[Step]:
    """Those of the last generation. A host may ask for both prompts one after the other: that is one step of two rows."""
    steps: list[Step] = []
    for call in webui.get("/probe/tensors")["calls"]:
        found = Step(round(call["t"][0]), np.array(call["given"]), np.array(call["answered"]))
        if steps and steps[-1].t == found.t:
            before = steps.pop()
            found = Step(found.t, np.concatenate([before.given, found.given]), np.concatenate([before.answered, found.answered]))
        steps.append(found)
    return steps


def last_result(webui: WebUI) -> np.ndarray:
    """What the last generation's sampling came to."""
    return np.array(webui.get("/probe/tensors")["results"][-1])


def noise_in(given: np.ndarray, picture: np.ndarray, t: int) -> np.ndarray:
    """The noise of a latent at timestep `t` whose picture is known."""
    return (given - np.sqrt(ABAR[t]) * picture) / np.sqrt(1 - ABAR[t])
