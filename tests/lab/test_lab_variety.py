"""The table of Variety: spread over seeds, the share right, and that a table continues where it was stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from demo.scenes import BACKGROUND, COLOUR, SIZE
from demo.weights import models_in
from lab.shapes.negative import scenes
from lab.shapes.variety import BASE, METHODS, PLAIN, SEEDS, WAYS, right, spread
from lab.shapes.variety_report import key, measure_variety


def test_spread_is_the_mean_distance_between_two_seeds_of_one_prompt() -> None:
    """Three of four seeds draw the same, and the fourth is 6 away from each: 3 of 6 pairs. Other prompts' pictures do not count."""
    latents = torch.zeros(2 * SEEDS, 4, 2, 2)
    latents[3, 0, 0, 0] = 6
    latents[SEEDS:] = 100
    assert spread(latents[:SEEDS]) == pytest.approx(3) and spread(latents) == pytest.approx(1.5)


def test_right_is_of_what_the_prompt_names() -> None:
    wanted = scenes(4)[0]
    seen = wanted.copy()
    seen[:, BACKGROUND] += 1
    seen[0, COLOUR] += 1
    seen[1, SIZE] += 1
    assert right(seen, wanted) == 0.5


def test_what_was_measured_is_not_measured_again(tmp_path: Path) -> None:
    cells = {key(method, way): [12.0, 0.25] for method in METHODS for way in WAYS}
    cells[key(BASE, PLAIN)] = [24.0, 0.75]
    (tmp_path / "variety.json").write_text(json.dumps({"prompts": 100, "cells": cells}), encoding="utf-8")
    measure_variety(models_in(tmp_path / "no models here"), 100, tmp_path)
    table = (tmp_path / "variety.md").read_text(encoding="utf-8")
    assert table.count("50 / 25") == len(cells) - 1 and "75 right" in table and "up to 2.5 points" in table
