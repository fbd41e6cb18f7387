"""What an accelerator is worth on the tiny models: each method against 30 ordinary steps, judged picture by picture."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from demo.host.session import Session
from demo.judge import Judge, share_right
from demo.scenes import Prompt

SIZE = 64
FIRST_SEED = 1000
BASELINE = {"steps": 30, "cfg_scale": 4.0, "sampler_name": "Euler", "scheduler": "Automatic"}
WRONG_CFG = 7.0
METHODS = ("lcm", "tcd", "tiny-lightning-8", "tiny-lightning-4", "tiny-lightning-2")

_SHOWN = 8
_SCALE = 2
_LABEL_WIDTH = 170


@dataclass
class Row:
    """One way of generating, tried on every prompt. Times are seconds for all pictures."""

    label: str
    steps: int = 0
    evaluations: int = 0
    seconds: float = 0.0
    right: float = 0.0
    wrong: Row | None = None
    """The same method, with settings that it was not made for."""
    pictures: list[NDArray[np.uint8]] = field(default_factory=list)
    refusal: str = ""
    """Why the accelerator did not act, in its own words; then the numbers are those of the host's defaults."""


Tell = Callable[[str], None]
"""Takes what goes on now, in words."""


def run_method(session: Session, judge: Judge, prompts: Sequence[Prompt], method: str | None, tell: Tell) -> Row:
    """Try a method with its recommended settings and with CFG 7; None is the baseline. `tell` hears of every picture."""
    if method is None:
        return _run(session, judge, prompts, "no accelerator", BASELINE, {}, tell)
    row = _run(session, judge, prompts, method, {}, {"Accelerator": [{"method": method}]}, tell)
    if row.refusal:
        return row
    wrong = {"Accelerator": [{"method": method, "cfg": WRONG_CFG}]}
    row.wrong = _run(session, judge, prompts, f"{method} at CFG {WRONG_CFG:g}", {}, wrong, tell)
    return row


def _run(
    session: Session,
    judge: Judge,
    prompts: Sequence[Prompt],
    label: str,
    fields: dict[str, Any],
    alwayson: dict[str, list[Any]],
    tell: Tell,
) -> Row:
    row = Row(label)
    with _counted_evaluations(row):
        started = time.perf_counter()
        for number, prompt in enumerate(prompts):
            tell(f"{label}, picture {number + 1} of {len(prompts)}")
            seed = FIRST_SEED + number
            result = session.txt2img(alwayson, prompt=prompt.text, seed=seed, width=SIZE, height=SIZE, **fields)
            row.pictures.append(np.asarray(result.images[0]))
            row.steps = result.steps
            if alwayson and "Accelerator" not in result.extra_generation_params:
                row.refusal = result.comments.strip() or "the Accelerator did not act"
                return row
        row.seconds = time.perf_counter() - started
    row.evaluations //= len(prompts)
    row.right = share_right(judge, np.stack(row.pictures), prompts)
    return row


@contextmanager
def _counted_evaluations(row: Row) -> Iterator[None]:
    """Count how many latents the UNet is asked about: twice per step where a negative prompt takes part."""
    from modules import shared

    def count(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        row.evaluations += args[0].shape[0]

    hook = shared.sd_model.model.diffusion_model.register_forward_pre_hook(count, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()


def heading() -> str:
    """The table's first lines."""
    head = f"{'method':<18}{'steps':>6}{'UNet calls':>12}{'s/picture':>11}{'right':>8}{'at CFG 7':>10}"
    return f"{head}\n{'-' * len(head)}"


def line(row: Row) -> str:
    """A row as a line of the table."""
    if row.refusal:
        return f"{row.label:<18}not run: {row.refusal}"
    wrong = "" if row.wrong is None else f"{row.wrong.right:.0%}"
    per_picture = row.seconds / max(1, len(row.pictures))
    return f"{row.label:<18}{row.steps:>6}{row.evaluations:>12}{per_picture:>11.3f}{row.right:>8.0%}{wrong:>10}"


def draw(rows: Sequence[Row], path: Path) -> None:
    """The first pictures of every row side by side, labelled; of the first method also those of its wrong settings."""
    rows = [row for row in rows if not row.refusal]
    spoilt = next((row.wrong for row in rows if row.wrong is not None), None)
    rows = rows if spoilt is None else [rows[0], spoilt, *rows[1:]]
    cell = SIZE * _SCALE
    shown = min(_SHOWN, len(rows[0].pictures))
    sheet = Image.new("RGB", (_LABEL_WIDTH + shown * (cell + 2), len(rows) * (cell + 2)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for i, row in enumerate(rows):
        top = i * (cell + 2)
        text = f"{row.label}\n{row.steps} steps\n{row.evaluations} UNet calls\n{row.right:.0%} right"
        pen.multiline_text((8, top + cell / 2), text, "black", font, anchor="lm")
        for j, picture in enumerate(row.pictures[:shown]):
            enlarged = Image.fromarray(picture).resize((cell, cell), Image.Resampling.NEAREST)
            sheet.paste(enlarged, (_LABEL_WIDTH + j * (cell + 2), top))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
