"""Scenes, captions and pictures: the same for everybody, and saying what they show."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from demo.judge import load_judge, recognise, which_are_right
from demo.scenes import (
    ABSENT,
    ATTRIBUTES,
    BACKGROUND,
    CLASS_COUNTS,
    COLOUR,
    COLOURS,
    LAYOUT,
    SECOND_COLOUR,
    SHAPES,
    SINGLE,
    SIZE,
    SIZES,
    VOCABULARY,
    demo_prompts,
    full_caption,
    random_caption,
    sample_attributes,
)
from demo.weights import Models
from lab.shapes.pictures import sample_pictures


def test_the_demo_prompts_never_change():
    prompts = demo_prompts(500)
    assert prompts[0].text == "a yellow circle left of a red diamond on a black background"
    text = "\n".join(prompt.text for prompt in prompts)
    assert (
        hashlib.sha256(text.encode()).hexdigest() == "95641af4aef13132405f22a2428499f443b867c6449b5f21484c2c3d200a99db"
    )
    assert demo_prompts(7) == prompts[:7]
    with pytest.raises(ValueError, match="501"):
        demo_prompts(501)


def test_classes_are_in_range_and_shapes_are_visible():
    scenes = sample_attributes(2000, np.random.default_rng(0))
    for column, classes in enumerate(CLASS_COUNTS):
        assert set(scenes[:, column]) - {ABSENT} == set(range(classes)), ATTRIBUTES[column]
    assert (scenes[:, COLOUR] != scenes[:, BACKGROUND]).all()
    assert (scenes[:, SECOND_COLOUR] != scenes[:, BACKGROUND]).all()
    assert ((scenes[:, SIZE] == ABSENT) == (scenes[:, LAYOUT] != SINGLE)).all()


def test_captions_use_the_vocabulary_and_the_full_one_names_everything():
    rng = np.random.default_rng(1)
    for scene in sample_attributes(300, rng):
        for caption in (full_caption(scene), random_caption(scene, rng)):
            assert set(caption.replace(",", " ,").split()) <= set(VOCABULARY)
            assert "a orange" not in caption
        layout, background, shape, colour, size, second_shape, second_colour = scene
        named = [COLOURS[background], SHAPES[shape], COLOURS[colour]]
        named += [SIZES[size]] if layout == SINGLE else [SHAPES[second_shape], COLOURS[second_colour]]
        assert set(named) <= set(full_caption(scene).split())


def test_pictures_are_deterministic():
    first, again = (sample_pictures(16, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    other = sample_pictures(16, np.random.default_rng(4))
    assert not np.array_equal(first[1], other[1])


def test_the_judge_reads_drawn_pictures(models: Models):
    scenes, pictures = sample_pictures(200, np.random.default_rng(5))
    judge = load_judge(models.judge)
    found = recognise(judge, pictures)
    assert ((found == scenes) | (scenes == ABSENT)).all(1).mean() >= 0.98


def test_which_are_right_asks_for_everything_that_is_named(models: Models):
    judge = load_judge(models.judge)
    blank = np.zeros((4, 64, 64, 3), np.uint8)
    assert not which_are_right(judge, blank, demo_prompts(4)).any()
    with pytest.raises(ValueError, match="3 pictures for 4 prompts"):
        which_are_right(judge, blank[:3], demo_prompts(4))
    with pytest.raises(ValueError, match="64x64"):
        which_are_right(judge, np.zeros((1, 32, 32, 3), np.uint8), demo_prompts(1))
