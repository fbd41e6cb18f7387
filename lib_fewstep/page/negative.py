"""The switch that makes the negative prompt act at CFG 1."""
from __future__ import annotations

import math
from dataclasses import dataclass

from ..core.negative import more_time
from ..core.profiles import Profile
from ..words.say import Sentence, say
from .situation import Situation

USUAL = 2.0
"""phi of the paper's table 5 for the networks of Stable Diffusion, where a row has none of its own."""


@dataclass(frozen=True)
class Switch:
    """`info` stands under it, and says why where it is not `possible`."""

    on: bool
    possible: bool
    info: Sentence


def switch(s: Situation) -> Switch | None:
    """None where nothing runs that it could be for."""
    profile, plan = s.profile, s.plan
    if profile is None or not plan.active:
        return None
    if not math.isclose(plan.cfg, 1.0) and not plan.cfg_steps:
        return Switch(True, False, say("page.switch.negative.above"))
    if not profile.takes_nag:
        return Switch(False, False, say("page.switch.negative.impossible"))
    more = more_time(plan.negative or profile.nag.of(s.facts.family), plan.first, plan.hires)
    info = say("page.switch.negative.info") if more is None else say("page.switch.negative.costs", percent=round(100 * more))
    return Switch(bool(plan.nag), True, info)


def strength(profile: Profile) -> float:
    """How strongly it acts when it is switched on."""
    return profile.nag.phi or USUAL
