"""The emoji scenes: captions say what is drawn, subjects are where they are said to be."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from demo.scenes import (
    ABSENT,
    ATTRIBUTES,
    CLASS_COUNTS,
    GROUND,
    GROUNDS,
    LAYOUT,
    SECOND_SUBJECT,
    SINGLE,
    SIZE,
    SIZES,
    SUBJECT,
    SUBJECTS,
    VOCABULARY,
    fixed_prompts,
    full_caption,
    random_caption,
    sample_attributes,
)
from lab import emoji
from lab.drawing import render, sample_pictures


def test_the_fixed_prompts_never_change():
    prompts = fixed_prompts(1000)
    text = "\n".join(prompt.text for prompt in prompts)
    assert hashlib.sha256(text.encode()).hexdigest() == "8d6d0e02e129612d65a5023e53afcac2abd72b1f03c58affa2476c29e20d8a4f"
    assert fixed_prompts(7, skip=3) == prompts[3:10]
    with pytest.raises(ValueError, match="1001"):
        fixed_prompts(1000, skip=1)


def test_classes_are_in_range_and_two_subjects_differ():
    scenes = sample_attributes(3000, np.random.default_rng(0))
    for column, classes in enumerate(CLASS_COUNTS):
        assert set(scenes[:, column]) - {ABSENT} == set(range(classes)), ATTRIBUTES[column]
    assert (scenes[:, SUBJECT] != scenes[:, SECOND_SUBJECT]).all()
    assert ((scenes[:, SIZE] == ABSENT) == (scenes[:, LAYOUT] != SINGLE)).all()


def test_captions_use_the_vocabulary_and_the_full_one_names_everything():
    rng = np.random.default_rng(1)
    for scene in sample_attributes(300, rng):
        for caption in (full_caption(scene), random_caption(scene, rng)):
            assert set(caption.replace(",", " ,").split()) <= set(VOCABULARY)
            assert "a orange" not in caption and "a owl" not in caption and "an cat" not in caption
        named = [SUBJECTS[scene[SUBJECT]], GROUNDS[scene[GROUND]].replace("a orange", "an orange")]
        named.append(SIZES[scene[SIZE]] if scene[LAYOUT] == SINGLE else SUBJECTS[scene[SECOND_SUBJECT]])
        assert all(each in full_caption(scene) for each in named)


def test_pictures_are_deterministic():
    first, again = (sample_pictures(16, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    assert not np.array_equal(first[1], sample_pictures(16, np.random.default_rng(4))[1])


def test_every_subject_has_a_picture_of_its_own_that_fills_its_cell():
    sprites = np.stack([emoji.sprite(subject, 48) for subject in range(len(SUBJECTS))])
    assert (sprites[..., 3].max((1, 2)) > 0.99).all() and (sprites[..., :3] <= sprites[..., 3:] + 0.02).all()
    touched = (sprites[..., 3] > 0.2).any(1).sum(1), (sprites[..., 3] > 0.2).any(2).sum(1)
    assert (np.maximum(*touched) >= 46).all()
    distances = [np.abs(a - b).mean() for i, a in enumerate(sprites) for b in sprites[:i]]
    assert min(distances) > 0.02


@pytest.mark.parametrize(("relation", "axis"), [(1, 1), (2, 0)])
def test_the_first_subject_is_left_of_or_above_the_second(relation: int, axis: int):
    """A red car beside a green tree on white: the red ones' centre comes first along the axis."""
    car, tree, white = SUBJECTS.index("car"), SUBJECTS.index("tree"), GROUNDS.index("on a white background")
    scenes = np.tile(np.array([relation, white, car, ABSENT, tree]), (20, 1))
    pictures = render(scenes, np.random.default_rng(2)).astype(int)
    red, green = pictures[..., 0] - pictures[..., 1] > 100, pictures[..., 1] - pictures[..., 0] > 60
    for one, other in zip(red, green, strict=True):
        assert np.argwhere(one)[:, axis].mean() + 15 < np.argwhere(other)[:, axis].mean()


def test_a_large_subject_covers_more_than_a_small_one():
    scenes = np.array([[SINGLE, GROUNDS.index("on a blue background"), SUBJECTS.index("panda"), size, ABSENT] for size in (0, 1)])
    small, large = (np.abs(picture.astype(int) - picture[0, 0]).max(-1) > 60 for picture in render(scenes, np.random.default_rng(0)))
    assert 2 * small.sum() < large.sum()
