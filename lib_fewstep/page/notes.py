"""The one note that stands in the status, and how many more there are."""
from __future__ import annotations

import math

from ..words.say import Sentence, say
from .situation import Situation
from .wording import LESS, compared, is_plain, range_text

_LONGEST = 110
"""Letters of a note that is still one glance."""
_TOLD = ("negative.evaluated", "negative.left_out", "negative.left_out_halves", "cost.more_work", "runs.saved", "runs.checkpoint_itself")
"""Keys of the plan's notes that the status says in its own words."""


def note_of(s: Situation) -> Sentence | str:
    """The first that applies: what spoils the picture, what has no effect, what is good to know; and how many more are in Details."""
    found = _spoils(s) or _of_plan(s) or _idle(s) or _compared_with(s)
    more = len(s.plan.notes) - 1
    if not found:
        return ""
    return say("page.note.more", note=found, more=more) if more > 0 else found


def _spoils(s: Situation) -> Sentence | None:
    profile, plan = s.profile, s.plan
    if profile is None:
        return None
    if plan.steps not in profile.steps:
        key = "page.note.made_for" if profile.steps.max == 1 == profile.steps.min else "page.note.made_for_steps"
        return say(key, name=profile.name, steps=range_text(profile.steps))
    if plan.cfg > profile.cfg.max:
        return say("page.note.cfg_twice") if profile.cfg.max <= 1 else say("page.note.cfg", cfg=f"{profile.cfg.max:g}")
    return None


def _of_plan(s: Situation) -> str:
    """The first of the plan's that is short and plain; what the status says anyway is passed over."""
    left = (note for note in s.plan.notes if getattr(note, "key", "") not in _TOLD)
    found = next((note for note in left if is_plain(note) and len(note) <= _LONGEST), "")
    return say("page.note.sentence", note=found) if found and not found.endswith(".") else found


def _idle(s: Situation) -> Sentence | None:
    has = bool(s.request.negative_prompt.strip()) and math.isclose(s.plan.cfg, 1.0) and s.plan.negative is None
    return say("page.note.negative_idle") if has else None


def _compared_with(s: Situation) -> Sentence | None:
    """Where nothing is gained, what it is compared with: a pasted picture brings its few steps into the WebUI's own controls."""
    if compared(s.plan) == LESS:
        return None
    return say("page.note.compared", steps=s.base.host_steps, cfg=f"{s.base.host_cfg:g}")
