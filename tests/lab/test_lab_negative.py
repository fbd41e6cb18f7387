"""The table of negative prompts at CFG 1: what is kept of it, and how a WebUI's shares are set beside the lab's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from demo.scenes import BACKGROUND, COLOUR, SHAPE
from demo.weights import Models, models_in
from lab.shapes.negative import METHODS, WAYS, against, kept_and_right, scenes
from lab.shapes.negative_host import compared, errors
from lab.shapes.negative_report import key, measure_negative_prompts


def test_what_was_measured_is_not_measured_again(tmp_path: Path) -> None:
    cells = {key(method, way): [0.5, 0.25] for method in METHODS for way in WAYS}
    (tmp_path / "nag.json").write_text(json.dumps({"prompts": 100, "cells": cells}), encoding="utf-8")
    nothing: Models = models_in(tmp_path / "no models here")
    measure_negative_prompts(nothing, 100, tmp_path)
    table = (tmp_path / "nag.md").read_text(encoding="utf-8")
    assert table.count("50 / 25") == len(cells) and "up to 5.0 points" in table
    with pytest.raises(OSError):  # of another number of prompts nothing is known, so that the models are needed
        measure_negative_prompts(nothing, 101, tmp_path)


def test_the_negative_prompt_names_the_background_that_came_out() -> None:
    wanted, prompts = scenes(3)
    seen = wanted.copy()
    seen[:, BACKGROUND] = [0, 1, 0]
    negatives = against(prompts, seen)
    assert [negative.startswith(f"{prompt} on a ") for negative, prompt in zip(negatives, prompts, strict=True)] == [True] * 3
    assert negatives[0].split(" on a ")[1] == negatives[2].split(" on a ")[1] != negatives[1].split(" on a ")[1]


def test_kept_is_of_the_background_and_right_of_shape_and_colour() -> None:
    wanted = scenes(4)[0]
    plain, seen = wanted.copy(), wanted.copy()
    seen[:3, BACKGROUND] = plain[:3, BACKGROUND] + 1
    seen[0, SHAPE] += 1
    seen[1, COLOUR] += 1
    assert kept_and_right(seen, plain, wanted) == (0.25, 0.5)
    assert np.array_equal(wanted, scenes(4)[0])


@pytest.mark.parametrize("share, other, apart", [(0.5, 0.6, 1.4213), (0.6, 0.5, 1.4213), (0.3, 0.3, 0), (1, 1, 0), (0, 1, 14.142)])
def test_by_how_many_standard_errors_two_shares_differ(share: float, other: float, apart: float) -> None:
    """The z of two proportions of 100 each: pooled 0.55 in the first, sqrt(0.55 * 0.45 * 2 / 100) = 0.07036."""
    assert errors(share, 100, other, 100) == pytest.approx(apart, rel=1e-4)


def test_a_cell_that_the_lab_has_not_measured_is_shown_all_the_same() -> None:
    name = key(METHODS[0], WAYS[0])
    rows = compared({name: (1.0, 0.5), "new | way": (0.1, 0.2)}, 100, {"prompts": 100, "cells": {name: [1.0, 0.6]}}).splitlines()
    assert rows[-2].endswith("| 100 / 50 | 100 / 60 | 1.4 |") and rows[-1] == "| new, way | 10 / 20 | – | – |"
