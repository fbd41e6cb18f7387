"""Draws scenes: 64x64 RGB pictures of emoji on a coloured ground or in a place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demo.judge import PICTURE_SIZE
from demo.scenes import ABSENT, COLOURS, GROUND, LAYOUT, SECOND_SUBJECT, SIDE_BY_SIDE, SINGLE, SIZE, SUBJECT, sample_attributes

from .emoji import sprite

Floats = NDArray[np.float32]

_RGB = {
    "red": (206, 62, 62),
    "orange": (240, 150, 70),
    "yellow": (248, 224, 110),
    "green": (90, 175, 95),
    "blue": (85, 135, 220),
    "purple": (140, 95, 190),
    "pink": (244, 170, 200),
    "white": (244, 244, 244),
}
_PALETTE = np.array([_RGB[name] for name in COLOURS], np.float32) / 255
_COLOUR_NOISE = 0.012
_SMALL, _LARGE, _PAIR = (25, 30), (46, 54), (25, 30)
_DOWN, _ACROSS = np.mgrid[0:PICTURE_SIZE, 0:PICTURE_SIZE].astype(np.float32) / PICTURE_SIZE


def sample_pictures(count: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Draw `count` random scenes -> attributes int64 [count, 5] and pictures uint8 [count, 64, 64, 3]."""
    scenes = sample_attributes(count, rng)
    return scenes, render(scenes, rng)


def render(scenes: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Paint the scenes, each subject somewhere in its part of the picture -> uint8 [count, 64, 64, 3]."""
    return np.stack([_paint(scene, rng) for scene in scenes])


def save_sheet(pictures: NDArray[np.uint8], columns: int, path: Path, gap: int = 2) -> None:
    """Write pictures as one PNG, row by row, with a grey gap of `gap` pixels around each."""
    rows, cell = -(-len(pictures) // columns), PICTURE_SIZE + gap
    sheet = np.full((rows * cell + gap, columns * cell + gap, 3), 128, np.uint8)
    for number, picture in enumerate(pictures):
        top, left = gap + number // columns * cell, gap + number % columns * cell
        sheet[top : top + PICTURE_SIZE, left : left + PICTURE_SIZE] = picture
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet).save(path)


def _paint(scene: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.uint8]:
    picture = _ground(int(scene[GROUND]), rng)
    for subject, (centre_x, centre_y, size) in zip(scene[[SUBJECT, SECOND_SUBJECT]], _places(scene, rng), strict=True):
        if subject != ABSENT:
            left, top = round(centre_x - size / 2), round(centre_y - size / 2)
            drawn = sprite(int(subject), size)
            part = picture[top : top + size, left : left + size]
            part *= 1 - drawn[..., 3:]
            part += drawn[..., :3]
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


def _places(scene: NDArray[np.int64], rng: np.random.Generator) -> list[tuple[float, float, int]]:
    """Per subject its centre (x, y) and size in pixels; it lies inside the picture."""
    if scene[LAYOUT] == SINGLE:
        low, high = _LARGE if scene[SIZE] else _SMALL
        size = int(rng.integers(low, high + 1))
        x, y = rng.uniform(size / 2 + 1, PICTURE_SIZE - size / 2 - 1, 2)
        return [(x, y, size), (x, y, size)]
    sizes = rng.integers(_PAIR[0], _PAIR[1] + 1, 2)
    first_across = rng.uniform(24, 40)
    # Two subjects share one axis, each in its half; across it, the second stays near the first.
    across = first_across, float(np.clip(first_across + rng.uniform(-8, 8), 17, PICTURE_SIZE - 17))
    along = rng.uniform(15.5, 17), PICTURE_SIZE - rng.uniform(15.5, 17)
    pairs = zip(along, across, strict=True) if scene[LAYOUT] == SIDE_BY_SIDE else zip(across, along, strict=True)
    return [(x, y, int(size)) for (x, y), size in zip(pairs, sizes, strict=True)]


def _ground(number: int, rng: np.random.Generator) -> Floats:
    """float32 [64, 64, 3]. Every colour is a little off, differently in each picture."""
    if number < len(COLOURS):
        ground = np.broadcast_to(_PALETTE[number], (PICTURE_SIZE, PICTURE_SIZE, 3))
    else:
        ground = (_meadow, _beach, _snow, _night)[number - len(COLOURS)](rng)
    return (ground + rng.normal(0, _COLOUR_NOISE, 3)).astype(np.float32)


def _blend(top: tuple[int, ...], bottom: tuple[int, ...], amount: Floats) -> Floats:
    """From one colour (0..255) to another, per pixel; `amount` [64, 64] is clipped to 0..1."""
    share = np.clip(amount, 0, 1)[..., None]
    return (np.array(top, np.float32) * (1 - share) + np.array(bottom, np.float32) * share) / 255


def _layer(picture: Floats, colour: tuple[int, ...], edge: Floats) -> Floats:
    """Paint `colour` where `edge` [64, 64], in picture heights, is above 0, with a soft border of a pixel."""
    cover = np.clip(edge * PICTURE_SIZE + 0.5, 0, 1)[..., None]
    return picture * (1 - cover) + np.array(colour, np.float32) / 255 * cover


def _meadow(rng: np.random.Generator) -> Floats:
    hill = rng.uniform(0.42, 0.52) + 0.07 * np.sin(4 * _ACROSS + rng.uniform(0, 6))
    sky = _blend((120, 190, 245), (205, 232, 250), _DOWN * 2)
    return _layer(_layer(sky, (112, 190, 90), _DOWN - hill), (84, 160, 70), _DOWN - hill - 0.28)


def _beach(rng: np.random.Generator) -> Floats:
    horizon = rng.uniform(0.3, 0.38)
    shore = rng.uniform(0.56, 0.64) + 0.04 * np.sin(5 * _ACROSS + rng.uniform(0, 6))
    sea = _layer(_blend((150, 215, 250), (225, 243, 252), _DOWN * 3), (40, 150, 200), _DOWN - horizon)
    return _layer(sea, (240, 215, 160), _DOWN - shore)


def _snow(rng: np.random.Generator) -> Floats:
    hill = rng.uniform(0.5, 0.6) + 0.05 * np.sin(5 * _ACROSS + rng.uniform(0, 6))
    return _layer(_blend((165, 185, 205), (205, 218, 230), _DOWN * 2), (250, 252, 255), _DOWN - hill)


def _night(rng: np.random.Generator) -> Floats:
    hill = rng.uniform(0.74, 0.82) + 0.04 * np.sin(4 * _ACROSS + rng.uniform(0, 6))
    sky = _blend((18, 20, 60), (52, 48, 110), _DOWN * 1.3)
    for x, y in rng.uniform(0.03, 0.97, (7, 2)):
        sky = _layer(sky, (255, 250, 210), 0.016 - np.hypot(_ACROSS - x, _DOWN - 0.7 * y))
    return _layer(sky, (26, 40, 52), _DOWN - hill)
