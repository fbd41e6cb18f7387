"""What the tiny model can draw: one or two flat shapes on a flat background, and the sentences that ask for them.

A scene is a row of class numbers, one per entry of `ATTRIBUTES`; -1 stands for "this scene has no such attribute".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHAPES = ("circle", "square", "triangle", "diamond", "star", "cross", "ring", "moon")
COLOURS = ("red", "green", "blue", "yellow", "purple", "orange", "white", "black")
SIZES = ("small", "large")
LAYOUTS = ("single", "side by side", "stacked")
ATTRIBUTES = ("layout", "background", "shape", "colour", "size", "second_shape", "second_colour")
CLASS_COUNTS = (len(LAYOUTS), len(COLOURS), len(SHAPES), len(COLOURS), len(SIZES), len(SHAPES), len(COLOURS))

ABSENT = -1
SINGLE, SIDE_BY_SIDE, STACKED = range(len(LAYOUTS))
LAYOUT, BACKGROUND, SHAPE, COLOUR, SIZE, SECOND_SHAPE, SECOND_COLOUR = range(len(ATTRIBUTES))

_GLUE_WORDS = ("a", "an", "on", "background", "with", "left", "right", "of", "above", "below", ",", "in", "the")
VOCABULARY = _GLUE_WORDS + SHAPES + COLOURS + SIZES
"""Every word that a caption can contain."""

_DEMO_SEED, _DEMO_POOL = 2024, 500


@dataclass(frozen=True)
class Prompt:
    """A sentence and what a picture must show to follow it: one class number per entry of `ATTRIBUTES`."""

    text: str
    attributes: tuple[int, ...]


def sample_attributes(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw `count` scenes -> int64 [count, 7]. A shape never has its background's colour."""
    scenes = np.full((count, len(ATTRIBUTES)), ABSENT, dtype=np.int64)
    scenes[:, LAYOUT] = rng.choice(len(LAYOUTS), count, p=[0.64, 0.18, 0.18])
    scenes[:, BACKGROUND] = rng.integers(0, len(COLOURS), count)
    scenes[:, SHAPE] = rng.integers(0, len(SHAPES), count)
    scenes[:, COLOUR] = (scenes[:, BACKGROUND] + rng.integers(1, len(COLOURS), count)) % len(COLOURS)
    single = scenes[:, LAYOUT] == SINGLE
    # Both kinds of scene draw all numbers, so that the layout of one scene does not shift the random stream of the next.
    scenes[:, SIZE] = np.where(single, rng.integers(0, len(SIZES), count), ABSENT)
    scenes[:, SECOND_SHAPE] = np.where(single, ABSENT, rng.integers(0, len(SHAPES), count))
    second_colour = (scenes[:, BACKGROUND] + rng.integers(1, len(COLOURS), count)) % len(COLOURS)
    scenes[:, SECOND_COLOUR] = np.where(single, ABSENT, second_colour)
    return scenes


def full_caption(scene: NDArray[np.int64]) -> str:
    """The canonical sentence, which names every attribute that the scene has."""
    return _captions(scene)[0][0]


def random_caption(scene: NDArray[np.int64], rng: np.random.Generator) -> str:
    """One of the sentences that fit the scene; some leave the size or the background open."""
    sentences, cumulative = zip(*_captions(scene), strict=True)
    return sentences[int(np.searchsorted(cumulative, rng.random(), side="right"))]


def demo_prompts(count: int = 32) -> list[Prompt]:
    """The first `count` of 500 fixed prompts, the same ones on every machine and for every `count`.

    Raises ValueError when more than 500 are asked for.
    """
    if count > _DEMO_POOL:
        raise ValueError(f"there are {_DEMO_POOL} demo prompts, {count} were asked for")
    scenes = sample_attributes(_DEMO_POOL, np.random.default_rng(_DEMO_SEED))[:count]
    return [Prompt(full_caption(scene), tuple(int(value) for value in scene)) for scene in scenes]


def _captions(scene: NDArray[np.int64]) -> list[tuple[str, float]]:
    """Every sentence for the scene with its cumulative probability; the first names all attributes."""
    layout, background, shape, colour, size, second_shape, second_colour = (int(value) for value in scene)
    ground, first = COLOURS[background], f"{COLOURS[colour]} {SHAPES[shape]}"
    if layout == SINGLE:
        sized = f"{SIZES[size]} {first}"
        sentences = [
            (f"a {sized} on a {ground} background", 0.45),
            (f"{sized}, {ground} background", 0.60),
            (f"a {ground} background with a {sized}", 0.75),
            (f"a {first} on a {ground} background", 0.88),
            (f"a {sized}", 1.0),
        ]
    else:
        second = f"{COLOURS[second_colour]} {SHAPES[second_shape]}"
        relation, inverse = ("left of", "right of") if layout == SIDE_BY_SIDE else ("above", "below")
        sentences = [
            (f"a {first} {relation} a {second} on a {ground} background", 0.60),
            (f"a {second} {inverse} a {first} on a {ground} background", 0.85),
            (f"{first} {relation} {second}, {ground} background", 1.0),
        ]
    return [(text.replace("a orange", "an orange"), cumulative) for text, cumulative in sentences]
