"""The shipped judge: it reads the pictures as they were drawn, and asks for all that a prompt names."""

from __future__ import annotations

import numpy as np
import pytest

from demo.judge import load_judge, recognise, which_are_right
from demo.scenes import ABSENT, fixed_prompts
from demo.weights import Models
from lab.drawing import sample_pictures


def test_the_judge_reads_drawn_pictures(models: Models):
    scenes, pictures = sample_pictures(200, np.random.default_rng(5))
    found = recognise(load_judge(models.judge), pictures)
    assert ((found == scenes) | (scenes == ABSENT)).all(1).mean() >= 0.98


def test_which_are_right_asks_for_everything_that_is_named(models: Models):
    judge = load_judge(models.judge)
    blank = np.zeros((4, 64, 64, 3), np.uint8)
    assert not which_are_right(judge, blank, fixed_prompts(4)).any()
    with pytest.raises(ValueError, match="3 pictures for 4 prompts"):
        which_are_right(judge, blank[:3], fixed_prompts(4))
    with pytest.raises(ValueError, match="64x64"):
        which_are_right(judge, np.zeros((1, 32, 32, 3), np.uint8), fixed_prompts(1))
