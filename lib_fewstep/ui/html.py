"""The page's texts as HTML. No <ul>, <p> or headings: the hosts' styles take those for their own."""
from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable
from typing import Any

from ..page.details import Details
from ..page.more import Group, Row
from ..page.status import CANNOT, CHECK, COMPARING, DOWNLOADING, LOOKING, OFF, ON, SETUP, SLOWER, STOPPED, UNREAD, Status
from ..words.say import say

Say = Callable[[str], str]
"""A sentence in the page's language."""

_DISC = "M10 1a9 9 0 1 0 0 18 9 9 0 0 0 0-18z"
_RING = f"{_DISC}m0 2a7 7 0 1 1 0 14 7 7 0 0 1 0-14z"
_TICK = f"{_DISC}m4.7 6.6-5.6 6.2a1 1 0 0 1-1.5 0L5.2 11.3l1.5-1.4 1.6 1.8 4.9-5.4z"
_OCTAGON = "M6.3 1h7.4L19 6.3v7.4L13.7 19H6.3L1 13.7V6.3zM9 5v6h2V5zm0 8v2h2v-2z"
_TRIANGLE = "M10 1.5 19.5 18.5H.5zM9 7v6h2V7zm0 7.5v2h2v-2z"
_CLOCK = f"{_RING}M9 5.5h2v4.1l2.9 2.9-1.4 1.4L9 10.4z"
_ICONS = {
    ON: _TICK, OFF: f"{_RING}M6 9h8v2H6z", SLOWER: _TRIANGLE, CHECK: _TRIANGLE, CANNOT: _OCTAGON, STOPPED: _OCTAGON,
    SETUP: "M9 1h2v8l2.8-2.8 1.4 1.4L10 12.8 4.8 7.600l1.400-1.400L9 9zM2 16h16v2H2z", DOWNLOADING: _CLOCK, LOOKING: _CLOCK,
    COMPARING: _CLOCK, UNREAD: _CLOCK,
}
_ROWS_SHOWN = 5


def status_html(status: Status, told: Say) -> str:
    """The status panel."""
    lines = [("word", status.word), ("headline", status.headline), ("sentence", status.sentence), ("note", status.note)]
    text = "".join(f'<div class="fewstep-{name}"{_title(name, told(line))}>{html.escape(told(line))}</div>' for name, line in lines if line)
    if status.share is not None:
        text += f'<progress max="1" value="{status.share:.3f}"></progress>'
    button = button_html(status.act, told(status.button), status.strong) if status.button else ""
    return (
        f'<div class="fewstep-status" data-state="{status.state}">{icon_html(status.state)}'
        f'<div class="fewstep-text" role="status">{text}</div>{button}</div>'
    )


def _title(name: str, text: str) -> str:
    """Of a note, which may be cut to a line."""
    return f' title="{html.escape(text)}"' if name == "note" else ""


def icon_html(state: str) -> str:
    """A state's sign."""
    path = f'<path fill="currentColor" fill-rule="evenodd" d="{_ICONS[state]}"/>'
    return f'<svg class="fewstep-icon" viewBox="0 0 20 20" aria-hidden="true">{path}</svg>'


def button_html(act: str, text: str, strong: bool = False, named: str = "") -> str:
    """A button that the page's script acts for; what opens another site is a link."""
    classes = f"fewstep-button{' fewstep-strong' if strong else ''}"
    said = f' aria-label="{html.escape(named)}"' if named else ""
    if act.startswith("open:"):
        address = html.escape(act.removeprefix("open:"))
        return f'<a class="{classes}" href="{address}" target="_blank" rel="noreferrer"{said}>{html.escape(text)}</a>'
    return f'<button type="button" class="{classes}" data-act="{html.escape(act)}"{said}>{html.escape(text)}</button>'


def start_html(rows: Iterable[Row], told: Say) -> str:
    """What a page on which nothing is installed offers."""
    return rows_html(rows, told)


def more_html(groups: Iterable[Group], told: Say) -> str:
    """The list of methods that have no card."""
    parts = [_group_html(group, told) for group in groups]
    own, look = html.escape(told(say("page.more.own_file"))), html.escape(told(say("page.more.rescan")))
    parts.append(f'<div class="fewstep-quiet">{own} <button type="button" class="fewstep-link" data-act="rescan">{look}</button></div>')
    return "".join(parts)


def _group_html(group: Group, told: Say) -> str:
    title = html.escape(told(group.title))
    if group.key in ("others", "checkpoints"):
        return f'<details><summary class="fewstep-quiet">{title}</summary>{rows_html(group.rows, told)}</details>'
    shown, rest = group.rows[:_ROWS_SHOWN], group.rows[_ROWS_SHOWN:]
    listed = rows_html(shown, told)
    if rest:
        more = html.escape(told(say("page.more.show", count=len(rest))))
        listed += f'<details><summary class="fewstep-link">{more}</summary>{rows_html(rest, told)}</details>'
    return f'<div class="fewstep-quiet">{title}</div>{listed}'


def rows_html(rows: Iterable[Row], told: Say) -> str:
    """A list of methods."""
    items = "".join(_row_html(row, told) for row in rows)
    return f'<div class="fewstep-list" role="list">{items}</div>' if items else ""


def _row_html(row: Row, told: Say) -> str:
    mark = f' <span class="fewstep-good">{html.escape(told(say("page.more.recommended")))}</span>' if row.recommended else ""
    if row.nc:
        mark += f' <span class="fewstep-nc">{html.escape(told(say("page.mark.nc")))}</span>'
    size = "".join(f"<div>{html.escape(told(text))}</div>" for text in (row.size, row.licence) if text)
    button = ""
    if row.act:
        verb = {"download": "page.more.get_named", "use": "page.use_named"}.get(row.act.partition(":")[0], "page.open_named")
        button = button_html(row.act, told(row.button), row.recommended, told(say(verb, name=row.name)))
    name, facts = html.escape(told(row.name)), html.escape(told(row.facts))
    caution = f'<div class="fewstep-quiet">{html.escape(told(row.caution))}</div>' if row.caution else ""
    news = f'<div class="fewstep-nc">{html.escape(told(row.news))}</div>' if row.news else ""
    return (
        f'<div class="fewstep-row" role="listitem"><div class="fewstep-what"><div class="fewstep-name">{name}{mark}</div>'
        f'<div class="fewstep-quiet">{facts}</div>{caution}{news}</div><div class="fewstep-size">{size}</div>{button}</div>'
    )


def details_html(details: Details, told: Say) -> str:
    """What exactly runs, the notes on it, and what is known of the method."""
    rows = "".join(f"<dt>{html.escape(told(name))}</dt><dd>{html.escape(told(text))}</dd>" for name, text in details.rows)
    notes = "".join(f'<div role="listitem">{html.escape(told(note))}</div>' for note in (*details.notes, *details.about))
    listed = f'<div class="fewstep-notes" role="list">{notes}</div>' if notes else ""
    return (f'<dl class="fewstep-details">{rows}</dl>' if rows else "") + listed


def data_html(data: dict[str, Any]) -> str:
    """What the page's script needs, in one attribute."""
    return f'<div data-fewstep="{html.escape(json.dumps(data))}"></div>'
