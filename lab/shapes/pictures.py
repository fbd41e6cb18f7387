"""Draws scenes: 64x64 RGB pictures of flat shapes, anti-aliased by signed distance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from demo.judge import PICTURE_SIZE
from demo.scenes import (
    ABSENT,
    BACKGROUND,
    COLOUR,
    COLOURS,
    LAYOUT,
    SECOND_COLOUR,
    SECOND_SHAPE,
    SHAPE,
    SHAPES,
    SIDE_BY_SIDE,
    SINGLE,
    SIZE,
    sample_attributes,
)

Floats = NDArray[np.float32]
Distance = Callable[[Floats, Floats, Floats], Floats]

_RGB = {
    "red": (215, 35, 40),
    "green": (40, 165, 60),
    "blue": (40, 75, 215),
    "yellow": (245, 215, 50),
    "purple": (140, 50, 175),
    "orange": (245, 130, 25),
    "white": (242, 242, 242),
    "black": (22, 22, 22),
}
_PALETTE = np.array([_RGB[name] for name in COLOURS], np.float32) / 255
_COLOUR_NOISE = 0.012


def sample_pictures(count: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Draw `count` random scenes -> attributes int64 [count, 7] and pictures uint8 [count, 64, 64, 3]."""
    scenes = sample_attributes(count, rng)
    return scenes, render(scenes, sample_places(scenes, rng), rng)


def sample_places(scenes: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Where the shapes are: float32 [count, 2, 3], per shape its centre (x, y) and radius in pixels; radius 0: none."""
    count = len(scenes)
    small, large = rng.uniform(8, 10.5, count), rng.uniform(17, 22, count)
    chance = rng.uniform(0, 1, (count, 6))

    radius = np.where(scenes[:, SIZE] == 0, small, large)
    free = PICTURE_SIZE - 2 * (radius + 2)
    centre = [radius + 2 + chance[:, axis] * free for axis in (0, 1)]
    alone = np.stack([*centre, radius], 1)

    # Two shapes share one axis, each in its half; across it, the second stays near the first.
    radii = [9 + 3.5 * chance[:, 2], 9 + 3.5 * chance[:, 3]]
    along = [15 + 6 * chance[:, 0], 43 + 6 * chance[:, 1]]
    first_across = 20 + 24 * chance[:, 4]
    across = [first_across, np.clip(first_across + 16 * (chance[:, 5] - 0.5), 15, 49)]

    places = np.zeros((count, 2, 3), np.float32)
    single, beside = scenes[:, LAYOUT] == SINGLE, scenes[:, LAYOUT] == SIDE_BY_SIDE
    for shape in (0, 1):
        horizontal = np.stack([along[shape], across[shape], radii[shape]], 1)
        vertical = np.stack([across[shape], along[shape], radii[shape]], 1)
        places[:, shape] = np.where(beside[:, None], horizontal, vertical)
    places[single, 0], places[single, 1] = alone[single], 0
    return places


def render(scenes: NDArray[np.int64], places: Floats, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Paint the scenes -> uint8 [count, 64, 64, 3]. Every colour is a little off, differently in each picture."""
    count = len(scenes)
    background = _PALETTE[scenes[:, BACKGROUND]] + _colour_noise(count, rng)
    pictures = np.broadcast_to(background[:, None, None], (count, PICTURE_SIZE, PICTURE_SIZE, 3)).copy()
    y, x = np.mgrid[0:PICTURE_SIZE, 0:PICTURE_SIZE].astype(np.float32) + 0.5
    for shape, (shape_column, colour_column) in enumerate(((SHAPE, COLOUR), (SECOND_SHAPE, SECOND_COLOUR))):
        colours = _PALETTE[scenes[:, colour_column]] + _colour_noise(count, rng)
        for number, name in enumerate(SHAPES):
            chosen = np.flatnonzero((scenes[:, shape_column] == number) & (scenes[:, shape_column] != ABSENT))
            centre_x, centre_y, radius = places[chosen, shape].T[:, :, None, None]
            distance = _DISTANCES[name](x - centre_x, y - centre_y, radius)
            cover = np.clip(0.5 - distance, 0, 1)[..., None].astype(np.float32)
            pictures[chosen] = pictures[chosen] * (1 - cover) + colours[chosen][:, None, None] * cover
    return (np.clip(pictures, 0, 1) * 255 + 0.5).astype(np.uint8)


def _colour_noise(count: int, rng: np.random.Generator) -> Floats:
    return rng.normal(0, _COLOUR_NOISE, (count, 3)).astype(np.float32)


# Signed distances to each shape's edge, negative inside, for x to the right and y down from its centre. They need to be
# right near the edge only. The factors give all shapes about the same visible size at equal radius.


def _circle(x: Floats, y: Floats, radius: Floats) -> Floats:
    return np.hypot(x, y) - radius


def _square(x: Floats, y: Floats, radius: Floats) -> Floats:
    return np.maximum(abs(x), abs(y)) - 0.84 * radius


def _triangle(x: Floats, y: Floats, radius: Floats) -> Floats:
    y, inner = y - 0.2 * radius, 0.62 * radius
    return np.maximum(y - inner, (3**0.5 * abs(x) - y) / 2 - inner)


def _diamond(x: Floats, y: Floats, radius: Floats) -> Floats:
    return (abs(x) + 0.8 * abs(y) - 0.95 * radius) / 1.28


def _star(x: Floats, y: Floats, radius: Floats) -> Floats:
    # Fold the plane into half of one of the five points, where the outline is one straight edge from tip to valley.
    fifth = 2 * np.pi / 5
    angle = abs((np.arctan2(x, -y) + fifth / 2) % fifth - fifth / 2)
    length, tip, valley = np.hypot(x, y), 1.08 * radius, 0.45 * radius
    across, along = length * np.sin(angle), length * np.cos(angle)
    edge_x, edge_y = valley * np.sin(fifth / 2), valley * np.cos(fifth / 2) - tip
    return ((along - tip) * edge_x - across * edge_y) / np.hypot(edge_x, edge_y)


def _cross(x: Floats, y: Floats, radius: Floats) -> Floats:
    x, y, arm = abs(x), abs(y), 0.34 * radius
    return np.minimum(np.maximum(x - radius, y - arm), np.maximum(y - radius, x - arm))


def _ring(x: Floats, y: Floats, radius: Floats) -> Floats:
    return abs(np.hypot(x, y) - 0.73 * radius) - 0.27 * radius


def _moon(x: Floats, y: Floats, radius: Floats) -> Floats:
    return np.maximum(np.hypot(x, y) - radius, 0.82 * radius - np.hypot(x - 0.5 * radius, y))


_DISTANCES: dict[str, Distance] = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "diamond": _diamond,
    "star": _star,
    "cross": _cross,
    "ring": _ring,
    "moon": _moon,
}
