"""The one note that stands in the status, and how many more there are."""
from __future__ import annotations

import math

from ..words.say import Sentence, say
from .situation import Situation
from .wording import LESS, compared, is_plain, range_text

_LONGEST = 110
"""Letters of a note that is still one glance."""
_TOLD = {
    "negative.on", "negative.on_at", "negative.evaluated", "negative.left_out", "negative.left_out_halves", "cost.more_work", "runs.saved",
    "runs.checkpoint_itself",
}
"""Keys of the plan's notes that the status or the switches say in their own words."""


def note_of(s: Situation) -> Sentence | str:
    """The first that applies: what spoils the picture, what has no effect, what is good to know; and how many more are in Details."""
    left = [note for note in s.plan.notes if getattr(note, "key", "") not in _TOLD]
    first = spoils(s)
    if first is not None:
        return _with_more(first, len(left) - 1)
    plain = next((note for note in left if is_plain(note) and len(note) <= _LONGEST), "")
    if plain:
        return _with_more(plain if plain.endswith(".") else say("page.note.sentence", note=plain), len(left) - 1)
    found = _idle(s) or _compared_with(s)
    return _with_more(found, len(left)) if found else ""


def _with_more(note: str, more: int) -> str:
    if more <= 0:
        return note
    return say("page.note.more_one", note=note) if more == 1 else say("page.note.more", note=note, more=more)


def spoils(s: Situation) -> Sentence | None:
    """What the user has set so that the picture suffers; the plan has a longer note on it."""
    profile, plan = s.profile, s.plan
    if profile is None:
        return None
    if plan.steps not in profile.steps:
        key = "page.note.made_for" if profile.steps.max == 1 == profile.steps.min else "page.note.made_for_steps"
        return say(key, name=profile.name, steps=range_text(profile.steps))
    if plan.cfg > profile.cfg.max:
        return say("page.note.cfg_twice") if profile.cfg.max <= 1 else say("page.note.cfg", cfg=f"{profile.cfg.max:g}")
    return None


def _idle(s: Situation) -> Sentence | None:
    has = bool(s.request.negative_prompt.strip()) and math.isclose(s.plan.cfg, 1.0) and s.plan.negative is None
    return say("page.note.negative_idle") if has else None


def _compared_with(s: Situation) -> Sentence | None:
    """Why it is faster, or where nothing is gained, what it is compared with: a pasted picture brings its few steps into the WebUI's own
    controls.
    """
    made, without = s.plan.evaluations, s.plan.evaluations_without
    if compared(s.plan) == LESS:
        twice = without == 2 * s.own_count
        cfg = {"cfg": f"{s.base.host_cfg:g}"} if twice else {}
        return say("page.note.passes_twice" if twice else "page.note.passes", made=made, steps=s.own_steps, without=without, **cfg)
    return say("page.note.compared", steps=s.base.host_steps, cfg=f"{s.base.host_cfg:g}")
