"""The judge: a small network that names what a picture shows, so that "does this setting work?" becomes a number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from .scenes import ABSENT, CLASS_COUNTS, Prompt

PICTURE_SIZE = 64
_WIDTHS_AND_STRIDES = ((32, 2), (32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (128, 2))
_BATCH = 256


class Judge(nn.Module):
    """Pictures float32 [n, 3, 64, 64] in -1..1 -> for each attribute of a scene, logits [n, classes]."""

    def __init__(self, class_counts: Sequence[int] = CLASS_COUNTS) -> None:
        super().__init__()
        layers, channels = [], 3
        for width, stride in _WIDTHS_AND_STRIDES:
            convolution = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
            layers.append(nn.Sequential(convolution, nn.BatchNorm2d(width), nn.ReLU()))
            channels = width
        self.body = nn.Sequential(*layers)
        self.fc = nn.Linear(channels * 4 * 4, 128)
        self.heads = nn.ModuleList(nn.Linear(128, classes) for classes in class_counts)

    def features(self, pictures: Tensor) -> Tensor:
        """What the heads see, [n, 128]: the space in which distances between sets of pictures are measured."""
        return torch.relu(self.fc(self.body(pictures).flatten(1)))

    def forward(self, pictures: Tensor) -> list[Tensor]:
        features = self.features(pictures)
        return [head(features) for head in self.heads]


def load_judge(path: Path) -> Judge:
    """The trained judge, ready to be asked."""
    state = load_file(path)
    heads = sum(name.startswith("heads.") and name.endswith(".bias") for name in state)
    judge = Judge([len(state[f"heads.{head}.bias"]) for head in range(heads)])
    judge.load_state_dict(state)
    return judge.eval().requires_grad_(False)


def to_tensor(pictures: NDArray[np.uint8]) -> Tensor:
    """uint8 [n, height, width, 3] -> float32 [n, 3, height, width] in -1..1, channels last in memory."""
    tensor = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
    return tensor.contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def recognise(judge: Judge, pictures: NDArray[np.uint8]) -> NDArray[np.int64]:
    """uint8 [n, 64, 64, 3] -> int64 [n, attributes], the likeliest class of every attribute.

    Raises ValueError for another size: a resized picture would be judged by how it was resized.
    """
    if pictures.shape[1:] != (PICTURE_SIZE, PICTURE_SIZE, 3):
        raise ValueError(f"the judge reads pictures of 64x64x3, these are {pictures.shape[1:]}")
    batches = [pictures[start : start + _BATCH] for start in range(0, len(pictures), _BATCH)]
    device = judge.fc.weight.device
    answers = [torch.stack([logits.argmax(1) for logits in judge(to_tensor(batch).to(device))], 1) for batch in batches]
    return torch.cat(answers).cpu().numpy()


def is_right(recognised: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Both int64 [n, attributes] -> bool of that shape; an attribute that the prompt does not name (-1) counts as right."""
    return (recognised == wanted) | (wanted == ABSENT)


def which_are_right(judge: Judge, pictures: NDArray[np.uint8], prompts: Sequence[Prompt]) -> NDArray[np.bool_]:
    """Per picture, whether it shows everything its prompt names: picture i belongs to prompt i -> bool [n]."""
    wanted = np.array([prompt.attributes for prompt in prompts], dtype=np.int64)
    if len(wanted) != len(pictures):
        raise ValueError(f"{len(pictures)} pictures for {len(wanted)} prompts")
    return is_right(recognise(judge, pictures), wanted).all(1)
