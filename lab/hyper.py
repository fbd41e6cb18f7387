"""Hyper-SD's trajectory segmented consistency distillation (Ren et al., 2404.13686), 8 -> 4 -> 2 -> 1 segments.

Segments (section 3.1): within each segment of the trajectory, the student says from both ends of a teacher's step the same
about a place further down, as in TCD; the segments are then merged two by two, with the stage before as teacher. Unlike there
the teacher's step reaches to the end of its own segment: the stage before is right there, and minutes must do.
Feedback (section 3.2): what it draws shall please. In place of people's preferences stands the reader: how surely it
recognises what was asked for. The judge, which measures in the end, is another network and is never asked here.
One step (section 3.3): the last stage ends with score distillation (`score.py`).
CFG-preserved: the same 8 segments below a teacher without guidance, for captions and for the empty one, so that guidance
can be chosen when sampling.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor
from torch.nn import functional

from demo.judge import Judge, load_judge
from demo.ldm import LATENT_SCALE, load_vae
from demo.scenes import ABSENT

from .autoencoder import decode_images
from .devices import here
from .diffusion import CLEAN, ddim_step, trailing_timesteps
from .networks import channels_last
from .score import match_loss, score_loss
from .settings import Training
from .student import FAKE, Batch, Sources, Student, Teacher, pseudo_huber, start_noise
from .training import Loss, train

_GUIDANCE = 4.0
_FINE_STEPS = 64
_HUBER_WIDTH = 0.003
_NO_CAPTION = 0.5
_FEEDBACK_FROM, _FEEDBACK_WEIGHT, _FEEDBACK_PICTURES = 0.7, 0.005, 4
_SCORE_FROM, _SCORE_WEIGHT, _GENERATOR_SHARE = 0.4, 1.0, 0.2


def distil_hyper(
    segments: int, previous: Path | None, sources: Sources, training: Training, checkpoint: Path, target: Path
) -> None:
    """Train and write the LoRA of one stage; `previous` is the LoRA of the stage with twice the segments, None for the first."""
    student = Student(sources, training.seed, previous, [FAKE] if segments == 1 else [])
    teach = _guided(student) if previous is None else student.teach_as_before
    consistent = segment_loss(student, training.batch, segments, 2 * segments if previous else _FINE_STEPS, teach)
    pleasing = feedback_loss(student, segments, load_judge(sources.reader), channels_last(load_vae(sources.checkpoint)))
    scored = one_step_loss(student, training.batch) if segments == 1 else None

    def loss(rng: np.random.Generator, progress: float) -> Tensor:
        value = consistent(rng, progress)
        if progress > _FEEDBACK_FROM:
            value = value + _FEEDBACK_WEIGHT * pleasing(rng, progress)
        if scored and progress > _SCORE_FROM:
            value = value + _SCORE_WEIGHT * scored(rng, progress)
        return value

    train(student.unet, loss, training, checkpoint)
    student.save(target, f"trajectory segmented consistency distillation, {segments} segments")


def distil_hyper_cfg(segments: int, sources: Sources, training: Training, checkpoint: Path, target: Path) -> None:
    """Train and write the CFG-preserved LoRA."""
    student = Student(sources, training.seed)

    def teach(sample: Tensor, timestep: Tensor, text: Tensor) -> Tensor:
        return student.teach(sample, timestep, text, 1.0)

    loss = segment_loss(student, training.batch, segments, _FINE_STEPS, teach, no_caption=_NO_CAPTION)
    train(student.unet, loss, training, checkpoint)
    student.save(target, f"trajectory segmented consistency distillation, {segments} segments, CFG preserved")


def segment_loss(student: Student, size: int, segments: int, teacher_segments: int, teach: Teacher, no_caption: float = 0) -> Loss:
    """From both ends of the teacher's step, the student must reach the same place in the segment."""

    def loss(rng: np.random.Generator, _progress: float) -> Tensor:
        batch = student.batch(size, rng)
        dropped = torch.rand(size)[:, None, None] < no_caption
        text = torch.where(dropped, student.no_text, batch.text)
        start, lower, goal = random_places(size, segments, teacher_segments)
        sample = start_noise(batch.clean, start)
        with torch.no_grad():
            stepped = ddim_step(sample, teach(sample, start, text), start, lower)
            target = student.carry(stepped, lower, goal, text)
        return pseudo_huber(student.carry(sample, start, goal, text), target, _HUBER_WIDTH)

    return loss


def random_places(size: int, segments: int, teacher_segments: int) -> tuple[Tensor, Tensor, Tensor]:
    """start > lower >= goal, int64 [n] each, of one of `segments`: where a teacher's step begins and ends, and where to.

    The teacher's step ends with its own segment, or at the goal; every second goal is the end of the student's segment.
    """
    fine = trailing_timesteps(_FINE_STEPS)
    length, teacher_length = _FINE_STEPS // segments, _FINE_STEPS // teacher_segments
    segment, start = torch.randint(0, segments, (size,)), (torch.rand(size) * length).long()
    # Sampling visits the beginning of a segment only, so that every second start is one.
    start = segment * length + torch.where(torch.rand(size) < 0.5, torch.zeros_like(start), start)
    end = (segment + 1) * length
    goal = torch.where(torch.rand(size) < 0.5, end, start + 1 + (torch.rand(size) * (end - start)).long())
    lower = torch.minimum((start // teacher_length + 1) * teacher_length, goal)
    return fine[start], fine[lower], fine[goal]


def feedback_loss(student: Student, segments: int, reader: Judge, autoencoder: AutoencoderKL) -> Loss:
    """How unsure the reader is of what was asked for, in the clean pictures that the student expects late in its trajectory."""
    late = trailing_timesteps(segments)[segments // 2 : segments]

    def loss(rng: np.random.Generator, _progress: float) -> Tensor:
        batch = student.batch(_FEEDBACK_PICTURES, rng)
        timestep = late[torch.randint(0, len(late), (len(batch),))]
        sample = start_noise(batch.clean, timestep)
        clean = student.carry(sample, timestep, torch.full_like(timestep, CLEAN), batch.text)
        return unsureness(reader, decode_images(autoencoder, clean / LATENT_SCALE), batch)

    return loss


def unsureness(reader: Judge, images: Tensor, batch: Batch) -> Tensor:
    """The reader's cross-entropy for the scenes' subjects and layouts; images [n, 3, 64, 64] -> scalar.

    The captions name these always, the ground and the size not.
    """
    wanted = here(torch.from_numpy(batch.scenes))
    answers = reader(images)
    losses = [functional.cross_entropy(answers[column], wanted[:, column], ignore_index=ABSENT, reduction="sum") for column in (0, 2, 4)]
    return torch.stack(losses).sum() / len(images)


def one_step_loss(student: Student, size: int) -> Loss:
    """Score distillation of what one step from pure noise draws; the student's own score learns in every step."""

    def loss(rng: np.random.Generator, _progress: float) -> Tensor:
        batch = student.batch(size, rng)
        top = torch.full((size,), int(trailing_timesteps(1)[0]))
        draws = bool(rng.random() < _GENERATOR_SHARE)
        with torch.set_grad_enabled(draws):
            drawn = student.carry(batch.noise(), top, torch.full_like(top, CLEAN), batch.text)
        matched = match_loss(student, drawn, batch.text, _GUIDANCE) if draws else torch.zeros(())
        return matched + score_loss(student, drawn.detach(), batch.text)

    return loss


def _guided(student: Student) -> Teacher:
    def teach(sample: Tensor, timestep: Tensor, text: Tensor) -> Tensor:
        return student.teach(sample, timestep, text, _GUIDANCE)

    return teach
