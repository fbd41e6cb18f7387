"""What to say where a host's own schedule is the same at every size, and the authors' goes by the picture's."""
from __future__ import annotations

from ..words.say import say
from .families import by_size_of
from .flow import shift_for, shifted_level
from .request import Request

_NOTABLE = 0.02
"""How far a noise level in the middle of two schedules may differ until a note is due."""


def note_on_size(family: str | None, request: Request, steps: int, scheduler: str) -> str:
    """That the host's `scheduler` has the shift of the usual size, and what the authors' would be; "" where the two are about the same."""
    rule, width, height = by_size_of(family), request.width, request.height
    if not rule or not width or not height:
        return ""
    host, authors = shift_for(rule, None, steps, 0, 0), shift_for(rule, None, steps, width, height)
    if abs(shifted_level(0.5, host) - shifted_level(0.5, authors)) <= _NOTABLE:
        return ""
    return say("schedule.by_size", schedule=scheduler, host=host, authors=authors, width=width, height=height)
