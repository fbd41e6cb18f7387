"""Numbers as people say them: steps, work, sizes, licences, time."""
from __future__ import annotations

import math
import re

from ..core.negative import more_time
from ..core.plan import Plan
from ..core.profiles import Profile, Range
from ..words.say import Sentence, say

_NOT_PLAIN = re.compile(r"UNet|evaluation|sampler|timestep|gamma|<lora:|\.safetensors", re.IGNORECASE)
"""What the status and the cards never say."""
SAME, LESS, MORE = "same", "less", "more"


def is_plain(text: str) -> bool:
    """Whether a sentence may stand where people look first."""
    return not _NOT_PLAIN.search(text)


def steps_text(plan: Plan) -> Sentence:
    """The steps that run: "8 steps", "8 + 4 steps"."""
    if plan.hires is not None and plan.hires.steps:
        return say("page.steps.two", first=plan.first.steps, second=plan.hires.steps)
    return steps_of(plan.first.steps)


def steps_of(number: int) -> Sentence:
    """ "8 steps"."""
    return say("page.steps.one", steps=number) if number == 1 else say("page.steps", steps=number)


def host_steps(plan_steps: int, hires: int) -> Sentence:
    """The user's own steps, those of a hires pass beside them."""
    return say("page.steps.two", first=plan_steps, second=hires) if hires else steps_of(plan_steps)


def ratio(plan: Plan) -> float | None:
    """How many times faster than the user's own settings by the model's passes alone, NAG's part of a pass counted; None: not known."""
    made, without = plan.evaluations, plan.evaluations_without
    more = more_time(plan.negative, plan.first, plan.hires) if plan.negative is not None else 0
    return without / (made * (1 + (more or 0))) if made and without else None


def compared(plan: Plan) -> str:
    """Whether `plan` is `LESS`, `SAME` or `MORE` work than the user's own settings; empty where it cannot be counted."""
    times = ratio(plan)
    if times is None:
        return ""
    return LESS if times >= 1.05 else SAME if times > 0.95 else MORE


def work_text(plan: Plan, short: bool = False) -> Sentence | None:
    """ "up to 5× faster" and the like, "5× faster" where there is little room; None where it cannot be counted."""
    times, kind = ratio(plan), compared(plan)
    if times is None:
        return None
    if kind == SAME:
        return say("page.work.same")
    return say("page.work.card" if short and kind == LESS else f"page.work.{kind}", times=_times(times if kind == LESS else 1 / times))


def steps_and_work(plan: Plan, short: bool = False) -> Sentence:
    """ "8 steps, up to 5× faster"."""
    work = work_text(plan, short)
    return steps_text(plan) if work is None else say("page.steps_and_work", steps=steps_text(plan), work=work)


def size_text(size: int | None) -> Sentence:
    """A file's size: "787 MB", "1.2 GB"."""
    if not size:
        return say("page.size.unknown")
    mega = size / 1e6
    return say("page.size.gb", size=f"{mega / 1000:.1f}") if mega >= 999.5 else say("page.size.mb", size=f"{max(mega, 1):.0f}")


def seconds_text(seconds: float) -> Sentence:
    """About how long: "8 s", "3 min"."""
    if seconds < 90:
        return say("page.seconds", seconds=f"{seconds:.0f}" if seconds >= 9.5 else f"{seconds:.2g}")
    return say("page.minutes", minutes=f"{seconds / 60:.0f}")


def licence_text(licence: str) -> str:
    """A licence by its short name."""
    short = licence if len(licence) <= 24 else f"{licence[:23].rstrip(' ,(-')}…"
    return say("page.licence.unknown") if licence.strip().lower() in ("", "unknown") else short


def with_licence(licence: str) -> Sentence:
    """The same where nothing else says that it is a licence."""
    short = licence_text(licence)
    return short if isinstance(short, Sentence) else say("page.licence", licence=short)


def named(profile: Profile) -> Sentence:
    """A method with its steps: "Hyper-SD, 8 steps"."""
    return say("page.named", name=profile.name, steps=steps_of(int(profile.steps.default)))


def range_text(allowed: Range) -> str | Sentence:
    """ "8", "4 to 50"."""
    if allowed.min == allowed.max:
        return f"{allowed.min:g}"
    return say("page.range", low=f"{allowed.min:g}", high=f"{allowed.max:g}")


def _times(value: float) -> str:
    """Whole from 3 on, below it with one decimal where that is not 0."""
    return f"{value:.0f}" if value >= 2.95 else f"{math.floor(value * 10 + 0.5) / 10:g}"
