"""The sliders of Fine-tune: which there are, what stands under their names, and which of them the user has changed."""
from __future__ import annotations

import math

from ..core.controls import Controls
from ..core.families import by_size_of
from ..core.numbers import NUMBERS
from ..core.profiles import Profile
from ..core.request import AUTO, recommended
from ..words.say import Sentence, say
from .situation import Situation
from .wording import range_text


def shown(profile: Profile | None, cfg: float | None, cfg_steps: float | None, nag: float | None) -> frozenset[str]:
    """The numbers that the method has; CFG in some steps only makes sense where CFG is above 1, a strength where its switch is on, and can
    be: not with CFG in all steps.
    """
    if profile is None:
        return frozenset(NUMBERS)
    above = isinstance(cfg, (int, float)) and cfg > 1
    idle = {"cfg_steps": not above, "nag": not nag or (above and not cfg_steps)}
    return frozenset(name for name in NUMBERS if has(profile, name) and not idle.get(name))


def has(profile: Profile, name: str) -> bool:
    """Whether a method has this number."""
    return profile.cfg.max > 1 if name == "cfg_steps" else recommended(profile, name) is not None


def by_size(s: Situation) -> bool:
    """Whether there is a choice between the WebUI's schedule and one that goes by the picture's size."""
    return s.profile is not None and s.profile.timesteps is None and by_size_of(s.facts.family) != ""


def info(profile: Profile, name: str) -> Sentence:
    """One line under a slider's name."""
    best = f"{recommended(profile, name) or 0:g}"
    if name == "steps":
        fixed = profile.steps.min == profile.steps.max
        return say("page.info.steps" if fixed else "page.info.steps_best", range=range_text(profile.steps), best=best)
    own = name in ("gamma", "guidance", "cfg_steps", "variety")
    return say(f"page.info.{name}" if own else "page.info.recommended", best=best)


def changed(s: Situation, controls: Controls) -> tuple[str, ...]:
    """The names of the controls that the user has set otherwise than recommended."""
    profile = s.profile
    if profile is None:
        return ()
    asked = {**vars(controls), **s.plan.changed}
    visible = shown(profile, asked["cfg"], asked["cfg_steps"], asked["nag"])
    numbers = tuple(name for name in NUMBERS if name in visible and _differs(asked.get(name), recommended(profile, name)))
    others = {"lora": controls.lora != AUTO, "by_size": s.plan.by_size}
    return (*numbers, *(name for name, differs in others.items() if differs))


def _differs(value: object, best: float | None) -> bool:
    return best is not None and isinstance(value, (int, float)) and not math.isclose(value, best)


def hint(names: tuple[str, ...]) -> Sentence:
    """What stands at the fold's right."""
    return say("page.fine.changed", changed=len(names)) if names else say("page.fine.recommended")
