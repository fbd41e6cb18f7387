"""What an accelerator is worth on the tiny models: each method against 30 ordinary steps, judged picture by picture."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demo.host.session import Session
from demo.judge import Judge, which_are_right
from demo.scenes import Prompt

SIZE = 64
FIRST_SEED = 1000
BASELINE = {"steps": 30, "cfg_scale": 4.0, "sampler_name": "Euler", "scheduler": "Automatic"}
LORAS = {
    "lcm": "lcm-lora-sdv1-5",
    "tcd": "TCD-SD15-LoRA",
    "tiny-lightning-4": "tiny-lightning-4step-lora",
    "tiny-lightning-2": "tiny-lightning-2step-lora",
    "hyper-sd15-2": "Hyper-SD15-2steps-lora",
    "tiny-dmd2-1": "tiny-dmd2-1step-lora",
}
METHODS = tuple(LORAS)
PAGE_CFG = 7.0
"""What a WebUI's page has when it opens."""


@dataclass
class Row:
    """One way of generating, tried on every prompt. Times are seconds for all pictures."""

    label: str
    steps: int = 0
    evaluations: int = 0
    seconds: float = 0.0
    verdicts: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    """Per picture, whether everything that its prompt names is there."""
    by_hand: tuple[Row, ...] = ()
    """The same LoRA and steps, with Euler and "Automatic" timesteps: at CFG 1, and at the page's CFG."""
    pictures: list[NDArray[np.uint8]] = field(default_factory=list)
    refusal: str = ""
    """Why the accelerator did not act, in its own words; then the numbers are those of the host's defaults."""

    @property
    def right(self) -> float:
        return float(self.verdicts.mean()) if len(self.verdicts) else 0.0


Tell = Callable[[str], None]
"""Takes what goes on now, in words."""


def run_method(session: Session, judge: Judge, prompts: Sequence[Prompt], method: str | None, tell: Tell) -> Row:
    """Try a method with its recommended settings and by hand; None is the baseline. `tell` hears of every picture."""
    if method is None:
        return _run(session, judge, prompts, "no accelerator", BASELINE, {}, tell)
    row = _run(session, judge, prompts, method, {}, {"Accelerator": [{"method": method}]}, tell)
    if row.refusal or method not in LORAS:
        return row
    tagged = [replace(prompt, text=f"{prompt.text} <lora:{LORAS[method]}:1>") for prompt in prompts]
    plain = {"steps": row.steps, "sampler_name": "Euler", "scheduler": "Automatic"}
    row.by_hand = tuple(
        _run(session, judge, tagged, f"{method} by hand, CFG {cfg:g}", {**plain, "cfg_scale": cfg}, {}, tell) for cfg in (1.0, PAGE_CFG)
    )
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
    row.verdicts = which_are_right(judge, np.stack(row.pictures), prompts)
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
    head = f"{'method':<18}{'steps':>6}{'UNet calls':>12}{'s/picture':>11}{'right':>8}   by hand: CFG 1{'CFG 7':>8}"
    return f"{head}\n{'-' * len(head)}"


def line(row: Row) -> str:
    """A row as a line of the table."""
    if row.refusal:
        return f"{row.label:<18}not run: {row.refusal}"
    per_picture = row.seconds / max(1, len(row.pictures))
    text = f"{row.label:<18}{row.steps:>6}{row.evaluations:>12}{per_picture:>11.3f}{row.right:>8.0%}"
    return text + "".join(f"{other.right:>{width}.0%}" for other, width in zip(row.by_hand, (17, 8), strict=False))
