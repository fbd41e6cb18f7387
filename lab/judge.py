"""Trains the judge of `demo.judge` on freshly drawn pictures, a little noisy.

The *reader* is a second network of this kind from another seed. Trainings may use it (as a measure of likeness, or in
place of a person's preference); the judge measures only, and nothing is ever trained with it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from demo.judge import Judge, is_right, recognise, to_tensor
from demo.scenes import ABSENT, CLASS_COUNTS

from .devices import here
from .drawing import sample_pictures
from .files import save_tensors
from .networks import channels_last
from .settings import Training
from .training import train

_STRONGEST_NOISE = 0.08


def train_judge(training: Training, checkpoint: Path, target: Path) -> None:
    """Train and write a judge; print the share of held-out pictures of which it names everything."""
    torch.manual_seed(training.seed)
    judge = channels_last(Judge(CLASS_COUNTS))

    def loss(rng: np.random.Generator, _progress: float) -> Tensor:
        scenes, pictures = sample_pictures(training.batch, rng)
        images, wanted = here(to_tensor(pictures)), here(torch.from_numpy(scenes))
        strength = _STRONGEST_NOISE * torch.rand(len(images), 1, 1, 1)
        answers = judge(images + strength * torch.randn_like(images))
        # Pictures without the attribute are left out of its mean; the sum over none must be 0, not 0 / 0.
        losses = [
            functional.cross_entropy(logits, wanted[:, column], ignore_index=ABSENT, reduction="sum")
            / (wanted[:, column] != ABSENT).sum().clamp(min=1)
            for column, logits in enumerate(answers)
        ]
        return torch.stack(losses).sum()

    train(judge, loss, training, checkpoint)
    scenes, pictures = sample_pictures(3000, np.random.default_rng(1234))
    right = is_right(recognise(judge, pictures), scenes).all(1).mean()
    print(f"{target.stem}: everything right on {right:.1%} of 3000 held-out pictures")
    save_tensors(judge.state_dict(), target)
