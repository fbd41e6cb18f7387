"""The numbers that a method recommends and a user may change. Each stands here once, and the rest of the house reads it from here:
what a request may ask for, the slider, the picture's parameters, the axis of the X/Y/Z plot and the key of the API.
"""
from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

from ..words.say import say
from .schedules import MAX_STEPS

_KEY = "number"


@dataclass(frozen=True)
class Number:
    """One number: a request may ask for `low` to `high`, the slider has (lowest, highest, step).

    `called` is its name in a note, `meaning` what the API's description says of it. `unused` is what a slider stands at, out of sight,
    while the method has no such number. `parameter` is its key in a picture's parameters, which the WebUI writes itself where
    `host_writes`; `absent` is what it was in a picture whose parameters lack that key, None: as recommended. `axis` is its name in the
    X/Y/Z plot; empty: it has none.
    """

    low: float
    high: float
    whole: bool = False
    called: str = ""
    meaning: str = ""
    label: str = ""
    slider: tuple[float, float, float] = (0, 0, 0)
    unused: float = 0
    parameter: str = ""
    host_writes: bool = False
    absent: float | None = None
    axis: str = ""

    def read(self, value: Any) -> float | None:
        """`value` as a number in range, from whatever came in; None if it is not one."""
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            return None
        try:
            number = float(value)
        except (ValueError, OverflowError):
            return None
        if not self.low <= number <= self.high or (self.whole and number != int(number)):  # NaN fails the first
            return None
        return int(number) if self.whole else number

    @property
    def expected(self) -> str:
        """What may be asked for, in words."""
        return say("expected.whole" if self.whole else "expected.number", low=self.low, high=self.high)

    @property
    def described(self) -> str:
        """The same with its meaning, for the API's description."""
        return f"{self.expected}; {self.meaning}" if self.meaning else self.expected


def row(number: Number, default: Any = None) -> Any:
    """A record's field that holds `number`."""
    return field(default=default, metadata={_KEY: number})


def rows_of(record: Any) -> dict[str, Number]:
    """The numbers among the fields of a record, by name and in order."""
    return {each.name: each.metadata[_KEY] for each in fields(record) if _KEY in each.metadata}


@dataclass(frozen=True)
class Numbers:
    """A value for each number; None: not asked for, or the method has no such number. A new number is a new field here."""

    steps: int | None = row(Number(
        1, MAX_STEPS, whole=True, called=say("called.steps"), label="Steps", slider=(1, 50, 1), parameter="Steps", host_writes=True,
        axis="Steps",
    ))
    cfg: float | None = row(Number(
        1, 30, called=say("called.cfg"), label="CFG scale", slider=(1, 15, 0.1), parameter="CFG scale", host_writes=True, axis="CFG",
    ))
    weight: float | None = row(Number(
        -10, 10, called=say("called.weight"), meaning="of the LoRA", label="LoRA weight", slider=(0, 2, 0.05), unused=1.0,
        parameter="Accelerator weight", axis="LoRA weight",
    ))
    gamma: float | None = row(Number(
        0, 1, called=say("called.gamma"), meaning="of TCD: 0 is deterministic, 1 renews all noise at every step",
        label="Gamma", slider=(0, 1, 0.05), unused=0.3, parameter="Accelerator gamma", axis="Gamma",
    ))
    guidance: float | None = row(Number(
        0, 30, called=say("called.guidance"), meaning="of a model that takes a guidance scale as an input",
        label="Guidance", slider=(0, 20, 0.5), unused=8.0, parameter="Accelerator guidance",
    ))
    cfg_steps: int | None = row(Number(
        0, MAX_STEPS, whole=True, meaning="CFG above 1 is for so many first steps, 0: for all",
        label="Steps with CFG", slider=(0, 20, 1), parameter="Accelerator CFG steps",
    ))
    nag: float | None = row(Number(
        0, 20, called="NAG", meaning="how strongly the negative prompt acts at CFG 1 (Normalized Attention Guidance's phi), 0: not at all",
        label="Negative strength", slider=(0, 5, 0.25), unused=0.0, parameter="Accelerator NAG", absent=0.0, axis="NAG",
    ))
    shift: float | None = row(Number(
        0.1, 20, called=say("called.shift"), meaning="of a flow model's noise levels: the larger, the longer it stays at the noisy end",
        label="Shift", slider=(1, 12, 0.1), unused=3.0, parameter="Accelerator shift", axis="Shift",
    ))
    variety: float | None = row(Number(
        0, 1, called=say("called.variety"), meaning="how much more the pictures of different seeds differ, 0: as the method draws them",
        label="Variety", slider=(0, 1, 0.05), unused=0.0, parameter="Accelerator variety", axis="Variety",
    ))


NUMBERS = rows_of(Numbers)


def values_of(numbers: Numbers) -> dict[str, float | None]:
    """The value of each number."""
    return {name: getattr(numbers, name) for name in NUMBERS}


def same(a: float | None, b: float | None) -> bool:
    """Whether two values are equal, but for what a slider's arithmetic adds."""
    return a is b if a is None or b is None else math.isclose(a, b)
