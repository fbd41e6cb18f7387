"""Whether and how the negative prompt acts where CFG is 1, and what to say of it."""
from __future__ import annotations

import math
from dataclasses import replace

from ..words.say import say
from .facts import Facts
from .nag import COST, Nag, guided_share
from .passes import Counting, Pass
from .profiles import Profile
from .prompts import is_plain
from .request import Request


def negative_prompt(phi: float, cfg: float, cfg_steps: int, request: Request, profile: Profile, family: str | None) -> Nag | None:
    """How it acts in the steps at CFG 1, as strongly as `phi`; None: not at all."""
    written = request.negative_prompt.strip() or request.hires_negative_prompt.strip()
    if not phi or not written or not (math.isclose(cfg, 1.0) or cfg_steps):
        return None
    asked = {"tau": request.nag_tau, "alpha": request.nag_alpha, "until": request.nag_until}
    return replace(profile.nag.of(family), phi=phi, **{name: value for name, value in asked.items() if value is not None})


def beside_it(by: Nag | None, profile: Profile, family: str | None) -> dict[str, float]:
    """What differs from the row of how it acts, by the names that requests have for that: of all but phi."""
    row = profile.nag.of(family)
    names = () if by is None else ("tau", "alpha", "until")
    return {f"nag_{name}": getattr(by, name) for name in names if not math.isclose(getattr(by, name), getattr(row, name))}


def notes_on(
    by: Nag | None, cfg: float, counting: Counting, request: Request, facts: Facts, *passes: Pass | None
) -> list[str]:
    """What the user should know of the negative prompt: that it acts at CFG 1, or that it does not."""
    if by is not None:
        return [_acting(by, *passes)]
    idle = facts.skips_uncond or is_plain(request.prompt)
    if not request.negative_prompt.strip() or not math.isclose(cfg, 1.0) or not idle:
        return []
    if not all(counting.skips(one.sampler, True) for one in passes if one is not None):
        return [say("negative.evaluated")]
    return [say("negative.left_out_halves" if counting.parts == 1 else "negative.left_out")]


def more_time(by: Nag, *passes: Pass | None) -> float | None:
    """How much longer a picture takes, as a share of its time; None where the host decides the steps."""
    made = [one.noise_timesteps or one.timesteps for one in passes if one is not None]
    known = [each for each in made if each is not None]
    if len(known) < len(made) or not any(known):
        return None
    return COST * sum(len(each) * guided_share(each, by.until) for each in known) / sum(map(len, known))


def _acting(by: Nag, *passes: Pass | None) -> str:
    """That it acts, and what it costs where the steps are known."""
    more = more_time(by, *passes)
    return say("negative.on") if more is None else say("negative.on_at", percent=round(100 * more))
