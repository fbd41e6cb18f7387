"""Compare: the user's own settings beside every accelerator that is installed."""
from __future__ import annotations

import math
from dataclasses import dataclass

from ..words.say import Sentence, say
from .situation import Situation
from .status import Status, comparing
from .wording import seconds_text

_LONG_SECONDS, _LONG_PICTURES = 60, 12
"""From here on the button asks for a second press."""


@dataclass(frozen=True)
class Comparison:
    """`methods` are the keys to compare beside the user's own settings; `seconds` is how long all that takes, None: not measured.
    `like` is how many pictures of the user's own settings take as long.
    """

    methods: tuple[str, ...]
    seconds: float | None
    like: float | None

    @property
    def pictures(self) -> int:
        return len(self.methods) + 1

    @property
    def long(self) -> bool:
        """Whether one should think twice."""
        return self.pictures > _LONG_PICTURES or (self.seconds or 0) > _LONG_SECONDS

    @property
    def button(self) -> Sentence:
        """What is done, and how long it takes."""
        if self.seconds is not None:
            return say("page.compare.time", pictures=self.pictures, time=seconds_text(self.seconds))
        if self.like is not None:
            return say("page.compare.like", pictures=self.pictures, own=math.ceil(self.like))
        return say("page.compare", pictures=self.pictures)

    @property
    def again(self) -> Sentence:
        """What the button says after the first press, where that is not enough."""
        if self.seconds is None:
            return say("page.compare.again_long", pictures=self.pictures)
        return say("page.compare.again", pictures=self.pictures, time=seconds_text(self.seconds))

    @property
    def status(self) -> Status:
        """While it runs."""
        time = seconds_text(self.seconds) if self.seconds is not None else ""
        return comparing(self.pictures, time, say("page.compare.sentence", methods=len(self.methods)))


def comparison(s: Situation) -> Comparison | None:
    """None where no accelerator can run."""
    plans = [plan for plan in map(s.as_recommended, s.runnable) if plan is not None]
    if not plans:
        return None
    counts = [plans[0].evaluations_without, *(plan.evaluations for plan in plans)]
    whole = None if None in counts else sum(count or 0 for count in counts)
    own = counts[0]
    return Comparison(
        tuple(plan.method or "" for plan in plans),
        None if whole is None or s.seconds is None else whole * s.seconds,
        whole / own if whole is not None and own else None,
    )
