"""Live: whose picture is drawn next while people type and paint. The time comes in from outside, and nothing is drawn here.

One picture is in flight for all pages together. A page's newest wish replaces the one that waits, what is replaced is never drawn, and a
wish for what the page shows already is no work. Pages take turns by who has waited longest. The times are those of Krita's live mode.
"""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

GRACE_SECONDS = 0.25
"""How long a page must be quiet before a picture begins, where pictures take long."""
SLOW_SECONDS = 1.5
"""Pictures take long from this mean on."""
LONGEST_WAIT_SECONDS = 3.0
"""A change waits no longer than this for the page to be quiet."""
_REMEMBERED_PICTURES = 10
_REMEMBERED_PAGES = 64

Outcome = Literal["waits", "superseded", "unchanged"]


@dataclass(frozen=True)
class Wish:
    """A picture that a page wants. It counts its wishes up in `number`; equal `content` means equal pictures.

    `since` is when the oldest change came that no picture shows yet, `changed` when the last did, both in seconds of one clock.
    """

    page: str
    number: int
    content: str
    since: float
    changed: float


@dataclass(frozen=True)
class _Page:
    newest: int
    shown: str | None = None


@dataclass(frozen=True)
class Live:
    """All pages' wishes at one moment: `waiting` holds one of each page at most, `drawing` is in flight."""

    waiting: tuple[Wish, ...] = ()
    drawing: Wish | None = None
    seconds: tuple[float, ...] = ()
    pages: Mapping[str, _Page] = field(default_factory=dict[str, _Page])


def offer(live: Live, page: str, number: int, content: str, now: float) -> tuple[Live, Outcome]:
    """Takes in a wish, and says what becomes of it: it waits, a newer one of its page is known, or the page has that picture."""
    known = live.pages.get(page)
    if known is not None and number <= known.newest:
        return live, "superseded"
    replaced = _waiting_of(live, page)
    shown = known.shown if known is not None else None
    live = _remember(replace(live, waiting=_others(live, page)), page, _Page(number, shown))
    if content == (live.drawing.content if live.drawing is not None and live.drawing.page == page else shown):
        return live, "unchanged"
    since = replaced.since if replaced is not None else now
    return replace(live, waiting=(*live.waiting, Wish(page, number, content, since, now))), "waits"


def withdraw(live: Live, page: str, number: int) -> Live:
    """Without this wish, if it waits: who asked has gone."""
    return replace(live, waiting=tuple(wish for wish in live.waiting if (wish.page, wish.number) != (page, number)))


def due(live: Live) -> float | None:
    """When the next picture may begin; None while one is in flight, or none is wanted."""
    if live.drawing is not None or not live.waiting:
        return None
    return min(_due(live, wish) for wish in live.waiting)


def begin(live: Live, now: float) -> tuple[Live, Wish | None]:
    """Puts the wish in flight that has waited longest among those that are due; None if none is."""
    ready = [wish for wish in live.waiting if _due(live, wish) <= now] if live.drawing is None else []
    if not ready:
        return live, None
    wish = min(ready, key=lambda each: each.since)
    return replace(live, waiting=_others(live, wish.page), drawing=wish), wish


def finish(live: Live, seconds: float | None) -> Live:
    """The picture in flight is there, after so many seconds; None: it failed, and the same may be asked for again."""
    done = live.drawing
    if done is None:
        return live
    page = _Page(live.pages[done.page].newest, done.content if seconds is not None else None)
    live = _remember(replace(live, drawing=None), done.page, page)
    return live if seconds is None else replace(live, seconds=(*live.seconds, seconds)[-_REMEMBERED_PICTURES:])


def _due(live: Live, wish: Wish) -> float:
    slow = bool(live.seconds) and sum(live.seconds) / len(live.seconds) > SLOW_SECONDS
    return min(wish.changed + GRACE_SECONDS, wish.since + LONGEST_WAIT_SECONDS) if slow else wish.changed


def _waiting_of(live: Live, page: str) -> Wish | None:
    return next((wish for wish in live.waiting if wish.page == page), None)


def _others(live: Live, page: str) -> tuple[Wish, ...]:
    return tuple(wish for wish in live.waiting if wish.page != page)


def _remember(live: Live, page: str, known: _Page) -> Live:
    """With what is known of the page; of many pages those are forgotten that have asked for nothing for longest."""
    pages = {name: each for name, each in live.pages.items() if name != page}
    busy = {wish.page for wish in (*live.waiting, *((live.drawing,) if live.drawing is not None else ()))}
    idle = [name for name in pages if name not in busy]
    for name in idle[: max(0, len(pages) + 1 - _REMEMBERED_PAGES)]:
        del pages[name]
    return replace(live, pages={**pages, page: known})
