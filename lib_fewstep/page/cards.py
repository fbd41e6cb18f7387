"""The methods that can be chosen with one click."""
from __future__ import annotations

from dataclasses import dataclass

from ..core.decide import Settled
from ..core.profiles import Profile
from ..core.request import AUTO
from ..words.say import Sentence, say
from .refusals import refused
from .situation import Situation
from .wording import steps_and_work, steps_of

_MOST = 8


@dataclass(frozen=True)
class Card:
    """`key` is a method's, or "auto". Under the name stand `facts` and `more`; `works` says whether the negative prompt does."""

    key: str
    name: str
    facts: str
    more: str
    mark: str = ""
    works: bool = False


def cards(s: Situation) -> list[Card]:
    """Auto, the chosen one, and the first of those that can run, in the order that Auto prefers."""
    keys = list(shown_methods(s))
    return [_auto(s), *(_of_method(s.tables.profiles[key], s) for key in keys)]


def shown_methods(s: Situation) -> list[str]:
    """The keys of the methods that have a card of their own."""
    chosen = s.request.method if s.request.method in s.tables.profiles else ""
    keys = [profile.key for profile in s.runnable]
    if chosen in ("", *keys[: _MOST - 1]):
        return keys[: _MOST - 1]
    return [*keys[: _MOST - 2], chosen]


def _auto(s: Situation) -> Card:
    found = s.auto
    if found.choice is None:
        return Card(AUTO, say("page.auto"), say("page.auto.nothing"), say("page.auto.files"))
    profile = found.choice.profile
    asked = found.request.steps if found.saved else None
    now = say("page.auto.now", name=profile.name, steps=steps_of(int(asked or profile.steps.default)))
    return Card(AUTO, say("page.auto"), say("page.auto.unread") if s.unread else now, _where_from(found, s))


def _where_from(found: Settled, s: Situation) -> Sentence:
    if found.choice is not None and found.choice.tag is not None:
        return say("page.auto.prompt")
    if found.saved:
        return say("page.auto.saved")
    own = found.choice is not None and found.choice.lora is None
    return say("page.auto.distilled" if own and s.own is not None else "page.auto.files")


def _of_method(profile: Profile, s: Situation) -> Card:
    """The chosen one with what runs now, the others as recommended."""
    chosen = s.request.method == profile.key
    plan = s.plan if chosen and s.plan.active else s.as_recommended(profile)
    runs = plan is not None and profile in s.runnable
    facts = steps_and_work(plan, short=True) if plan is not None and runs else steps_of(int(profile.steps.default))
    negative = negative_prompt(profile, s) if runs else ""
    more = say(f"page.negative.{negative}") if negative else ""
    mark = say("page.mark.nc") if profile.noncommercial else ""
    if not runs and chosen and not s.plan.active:
        mark = refused(s).mark or mark
    return Card(profile.key, profile.name, facts, more, mark, negative == "yes")


def negative_prompt(profile: Profile, s: Situation) -> str:
    """How the negative prompt acts, "yes", "weak" or "no": as recommended, or, where the user has switched that off, without what makes it
    act at CFG 1. Empty for a model that knows none.
    """
    if profile.guidance is not None:
        return ""
    made_to_act = profile.takes_nag and bool(profile.nag.phi) and profile.cfg.default <= 1 and not s.negative_off
    return "yes" if made_to_act else profile.negative_prompt


def aria(card: Card) -> Sentence:
    """All that a card shows, to be read out."""
    heard = say("page.list", first=card.name, second=card.facts)
    for part in (card.more, card.mark):
        heard = say("page.list", first=heard, second=part) if part else heard
    return heard

