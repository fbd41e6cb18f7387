"""What the tiny model can draw: one or two emoji in a place, and the sentences that ask for them.

A scene is a row of class numbers, one per entry of `ATTRIBUTES`; -1 stands for "this scene has no such attribute".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SUBJECTS = (
    *("cat", "dog", "fox", "panda", "frog", "owl", "penguin", "fish", "butterfly", "lion", "apple", "strawberry"),
    *("watermelon", "donut", "cupcake", "rose", "sunflower", "cactus", "mushroom", "tree", "rocket", "car", "boat", "house"),
)
COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white")
PLACES = ("in a meadow", "on the beach", "in the snow", "at night")
GROUNDS = (*(f"on a {colour} background" for colour in COLOURS), *PLACES)
SIZES = ("small", "large")
LAYOUTS = ("single", "side by side", "stacked")
ATTRIBUTES = ("layout", "ground", "subject", "size", "second_subject")
CLASS_COUNTS = (len(LAYOUTS), len(GROUNDS), len(SUBJECTS), len(SIZES), len(SUBJECTS))

ABSENT = -1
SINGLE, SIDE_BY_SIDE, STACKED = range(len(LAYOUTS))
LAYOUT, GROUND, SUBJECT, SIZE, SECOND_SUBJECT = range(len(ATTRIBUTES))

_GLUE_WORDS = ("a", "an", "on", "in", "at", "the", "background", "left", "right", "of", "above", "below", ",", "and", "no")
_PLACE_WORDS = ("meadow", "beach", "snow", "night")
VOCABULARY = _GLUE_WORDS + _PLACE_WORDS + SUBJECTS + COLOURS + SIZES
"""Every word that a caption can contain."""

_PROMPT_SEED, _PROMPT_POOL = 2026, 1000


@dataclass(frozen=True)
class Prompt:
    """A sentence and what a picture must show to follow it: one class number per entry of `ATTRIBUTES`."""

    text: str
    attributes: tuple[int, ...]


def sample_attributes(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw `count` scenes -> int64 [count, 5]. Two subjects of one scene differ."""
    scenes = np.full((count, len(ATTRIBUTES)), ABSENT, dtype=np.int64)
    scenes[:, LAYOUT] = rng.choice(len(LAYOUTS), count, p=[0.7, 0.15, 0.15])
    scenes[:, GROUND] = rng.integers(0, len(GROUNDS), count)
    scenes[:, SUBJECT] = rng.integers(0, len(SUBJECTS), count)
    single = scenes[:, LAYOUT] == SINGLE
    # Both kinds of scene draw all numbers, so that the layout of one scene does not shift the random stream of the next.
    scenes[:, SIZE] = np.where(single, rng.integers(0, len(SIZES), count), ABSENT)
    other = (scenes[:, SUBJECT] + rng.integers(1, len(SUBJECTS), count)) % len(SUBJECTS)
    scenes[:, SECOND_SUBJECT] = np.where(single, ABSENT, other)
    return scenes


def full_caption(scene: NDArray[np.int64]) -> str:
    """The canonical sentence, which names every attribute that the scene has."""
    return _captions(scene)[0][0]


def random_caption(scene: NDArray[np.int64], rng: np.random.Generator) -> str:
    """One of the sentences that fit the scene; some leave the size or the ground open."""
    sentences, cumulative = zip(*_captions(scene), strict=True)
    return sentences[int(np.searchsorted(cumulative, rng.random(), side="right"))]


def fixed_prompts(count: int, skip: int = 0) -> list[Prompt]:
    """`count` of 1000 fixed prompts behind the first `skip`, the same ones on every machine.

    Raises ValueError when more are asked for.
    """
    if skip + count > _PROMPT_POOL:
        raise ValueError(f"there are {_PROMPT_POOL} fixed prompts, {skip + count} were asked for")
    scenes = sample_attributes(_PROMPT_POOL, np.random.default_rng(_PROMPT_SEED))[skip : skip + count]
    return [Prompt(full_caption(scene), tuple(int(value) for value in scene)) for scene in scenes]


def _captions(scene: NDArray[np.int64]) -> list[tuple[str, float]]:
    """Every sentence for the scene with its cumulative probability; the first names all attributes."""
    layout, ground, subject, size, second = (int(value) for value in scene)
    where, first = GROUNDS[ground], SUBJECTS[subject]
    short = where.removeprefix("on a ") if where.endswith("background") else where
    if layout == SINGLE:
        sized = f"{SIZES[size]} {first}"
        sentences = [
            (f"a {sized} {where}", 0.60),
            (f"{sized}, {short}", 0.70),
            (f"{_a(first)} {where}", 0.88),
            (f"a {sized}", 1.0),
        ]
    else:
        other = SUBJECTS[second]
        relation, inverse = ("left of", "right of") if layout == SIDE_BY_SIDE else ("above", "below")
        sentences = [
            (f"{_a(first)} {relation} {_a(other)} {where}", 0.65),
            (f"{_a(other)} {inverse} {_a(first)} {where}", 0.88),
            (f"{first} {relation} {other}, {short}", 1.0),
        ]
    return [(text.replace("a orange", "an orange"), cumulative) for text, cumulative in sentences]


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"
