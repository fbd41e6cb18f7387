"""The methods that have no card: installed too, to download, without a file, whole checkpoints, for other models."""
from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..core.families import FAMILIES
from ..core.fits import unsupported
from ..core.offers import CANCELLED, FAILED, Offer
from ..core.profiles import CHECKPOINT, NOTHING, Profile
from ..words.say import Sentence, say
from .cards import negative_prompt, shown_methods
from .situation import Situation
from .wording import named, size_text, with_licence, work_text

_REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*", re.ASCII)


@dataclass(frozen=True)
class Row:
    """One method. `act` is "use:KEY", "download:KEY", "open:ADDRESS" or empty, `button` what stands on its button."""

    key: str
    name: str
    facts: str
    size: str = ""
    licence: str = ""
    nc: bool = False
    recommended: bool = False
    button: str = ""
    act: str = ""
    caution: str = ""
    """What to know before it is downloaded."""
    news: str = ""
    """How its last download ended, if it did not succeed."""


@dataclass(frozen=True)
class Group:
    """Rows under a title."""

    key: str
    title: str
    rows: tuple[Row, ...]


def groups(s: Situation) -> list[Group]:
    """Those that have rows."""
    family = FAMILIES[s.facts.family].short if s.facts.family in FAMILIES else ""
    found = [
        Group("installed", say("page.more.installed"), tuple(_usable(s))),
        Group("download", say("page.more.download", family=family), tuple(downloads(s)) if family else ()),
        Group("schedules", say("page.more.schedules"), tuple(_schedules(s))),
        Group("checkpoints", say("page.more.checkpoints"), tuple(_checkpoints(s))),
        Group("others", say("page.more.others"), tuple(_others(s))),
    ]
    return [group for group in found if group.rows]


def first_steps(s: Situation) -> list[Row]:
    """For a page on which nothing is installed: at most three files, the best first, and a start without any."""
    if unsupported(s.facts) is not None or (s.facts.unet is not None and s.facts.unet.unguided_flux):
        return []
    every = list(downloads(s))
    by_name: dict[str, Row] = {}
    for row in [row for row in every if not row.nc] or every:
        by_name.setdefault(s.tables.profiles[row.key].name, row)
    best = list(by_name.values())[:3]
    marked = [replace(row, recommended=i == 0 and not row.nc) for i, row in enumerate(best)]
    return [*marked, *list(_schedules(s))[:1]] if best else []


def downloads(s: Situation) -> Iterator[Row]:
    """Files that can be had for the checkpoint's family, in the order that Auto prefers."""
    return (_download(s.tables.profiles[offer.method], offer, s) for offer in s.offers)


def _download(profile: Profile, offer: Offer, s: Situation) -> Row:
    may = s.forbidden is None
    act = f"download:{profile.key}" if may else f"open:https://huggingface.co/{offer.repo}"
    button = say("page.more.get") if may else say("page.more.open")
    row = _row(profile, s, size_text(offer.size), with_licence(offer.licence), offer.noncommercial, button, act)
    if not offer.sha256:
        row = replace(row, caution=say("page.more.no_sha256"))
    ended = s.progress is not None and s.progress.offer.method == profile.key and s.progress.state in (FAILED, CANCELLED)
    return replace(row, news=s.progress.message) if ended and s.progress is not None else row


def _usable(s: Situation) -> Iterator[Row]:
    shown = set(shown_methods(s))
    for profile in s.runnable:
        if profile.key not in shown:
            yield _row(profile, s, "", with_licence(profile.licence), profile.noncommercial, say("page.use"), f"use:{profile.key}")


def _schedules(s: Situation) -> Iterator[Row]:
    for profile in s.tables.for_family(s.facts.family):
        there = s.facts.schedulers is None or profile.scheduler in s.facts.schedulers
        if profile.weights == NOTHING and there and s.own is None and s.facts.family is not None:
            yield _row(profile, s, say("page.more.no_file"), "", False, say("page.use"), f"use:{profile.key}")


def _checkpoints(s: Situation) -> Iterator[Row]:
    for profile in s.tables.for_family(s.facts.family):
        if profile.weights == CHECKPOINT and profile is not s.own and s.facts.family is not None:
            file = next((f for f in s.tables.files if f.method == profile.key and f.family == s.facts.family and not f.superseded), None)
            known = file is not None and _REPOSITORY.fullmatch(file.repo)
            act = f"open:https://huggingface.co/{file.repo}" if file is not None and known else ""
            size = size_text(file.size) if file is not None and file.size else ""
            button = say("page.more.open") if act else ""
            yield _row(profile, s, size, with_licence(profile.licence), profile.noncommercial, button, act)


def _others(s: Situation) -> Iterator[Row]:
    shown = set(shown_methods(s))
    for profile in s.tables.profiles.values():
        if profile.key not in shown and (s.facts.family is None or s.facts.family not in profile.families):
            families = ", ".join(FAMILIES[family].short for family in profile.families)
            licence = with_licence(profile.licence) if profile.licence else ""
            yield Row(profile.key, named(profile), families, "", licence, profile.noncommercial)


def _row(profile: Profile, s: Situation, size: str, licence: str, nc: bool, button: str, act: str) -> Row:
    plan = s.as_recommended(profile)
    work = work_text(plan, short=True) if plan is not None else None
    effect = negative_prompt(profile, s)
    negative = say(f"page.more.negative.{effect}") if effect else ""
    facts: Sentence | str = say("page.facts", first=work, second=negative) if work and negative else work or negative
    return Row(profile.key, named(profile), facts, size, licence, nc, False, button, act)
