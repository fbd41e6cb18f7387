"""Prompts to conditionings, in the nested records that samplers and extensions expect.

No prompt editing and no AND here: every prompt has exactly one part with one schedule entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

if TYPE_CHECKING:
    from modules.sd_model import LatentDiffusion


class ScheduledPromptConditioning(NamedTuple):
    """The text encoding [77, width] in force up to and including step `end_at_step`."""

    end_at_step: int
    cond: Tensor


class ComposableScheduledPromptConditioning:
    """One part of a prompt, with its weight."""

    def __init__(self, schedules: list[ScheduledPromptConditioning], weight: float = 1.0) -> None:
        self.schedules, self.weight = schedules, weight


class MulticondLearnedConditioning:
    """The prompts of a batch; `batch[i]` lists the parts of prompt i."""

    def __init__(self, shape: tuple[int, ...], batch: list[list[ComposableScheduledPromptConditioning]]) -> None:
        self.shape, self.batch = shape, batch


class SdConditioning(list):
    """Prompts with the picture's size, which some models want to know."""

    def __init__(self, prompts: Sequence[str], is_negative_prompt: bool = False, width: int | None = None,
                 height: int | None = None) -> None:  # fmt: skip
        super().__init__(prompts)
        self.is_negative_prompt, self.width, self.height = is_negative_prompt, width, height


def get_learned_conditioning(
    model: LatentDiffusion,
    prompts: Sequence[str],
    steps: int,
    hires_steps: int | None = None,
    use_old_scheduling: bool = False,
) -> list[list[ScheduledPromptConditioning]]:
    """Encode prompts -> one schedule per prompt. Each distinct text is encoded on its own, whatever its batch."""
    encoded = {prompt: model.get_learned_conditioning([prompt])[0] for prompt in dict.fromkeys(prompts)}
    return [[ScheduledPromptConditioning(steps, encoded[prompt])] for prompt in prompts]


def get_multicond_learned_conditioning(
    model: LatentDiffusion,
    prompts: Sequence[str],
    steps: int,
    hires_steps: int | None = None,
    use_old_scheduling: bool = False,
) -> MulticondLearnedConditioning:
    """Encode prompts that may have weighted parts."""
    schedules = get_learned_conditioning(model, prompts, steps, hires_steps, use_old_scheduling)
    batch = [[ComposableScheduledPromptConditioning(schedule)] for schedule in schedules]
    return MulticondLearnedConditioning((len(prompts),), batch)


def _at_step(schedule: list[ScheduledPromptConditioning], step: int) -> Tensor:
    return next((entry.cond for entry in schedule if step <= entry.end_at_step), schedule[0].cond)


def reconstruct_cond_batch(schedules: list[list[ScheduledPromptConditioning]], current_step: int) -> Tensor:
    """The encodings [n, 77, width] in force at a step."""
    return torch.stack([_at_step(schedule, current_step) for schedule in schedules])


def reconstruct_multicond_batch(
    conditioning: MulticondLearnedConditioning, current_step: int
) -> tuple[list[list[tuple[int, float]]], Tensor]:
    """-> for each image the (row, weight) of its parts, and the rows [parts, 77, width]."""
    rows: list[Tensor] = []
    parts_of_images = []
    for parts in conditioning.batch:
        parts_of_images.append([(len(rows) + i, part.weight) for i, part in enumerate(parts)])
        rows.extend(_at_step(part.schedules, current_step) for part in parts)
    return parts_of_images, torch.stack(rows)
