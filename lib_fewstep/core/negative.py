"""Whether and how the negative prompt acts where CFG is 1, and what to say of it."""
from __future__ import annotations

import math

from ..words.say import say
from .nag import COST, Nag, guided_share
from .passes import Pass
from .profiles import Profile
from .request import Request


def negative_prompt(phi: float, cfg: float, cfg_steps: int, request: Request, profile: Profile, family: str | None) -> Nag | None:
    """How it acts in the steps at CFG 1, as strongly as `phi`; None: not at all."""
    written = request.negative_prompt.strip() or request.hires_negative_prompt.strip()
    if not phi or not written or not (math.isclose(cfg, 1.0) or cfg_steps):
        return None
    row = profile.nag
    recommended = (row.tau, row.alpha_of(family), row.until)
    asked = (request.nag_tau, request.nag_alpha, request.nag_until)
    return Nag(phi, *(own if value is None else value for own, value in zip(recommended, asked, strict=True)))


def acting(by: Nag, *passes: Pass | None) -> str:
    """That it acts, and what it costs where the steps are known."""
    made = [one.noise_timesteps or one.timesteps for one in passes if one is not None]
    known = [each for each in made if each is not None]
    if len(known) < len(made) or not any(known):
        return say("negative_on")
    share = sum(len(each) * guided_share(each, by.until) for each in known) / sum(map(len, known))
    return say("negative_on_at", percent=round(100 * COST * share))
