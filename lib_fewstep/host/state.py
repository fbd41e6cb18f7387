"""What we keep of one generation: one record, on its processing object `p`. There is no other state."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..core.plan import Plan

TITLE = "Accelerator"
"""The script's name, in the page and in the API."""
_ATTRIBUTE = "fewstep"
Prompts = tuple[str, str]


@dataclass(frozen=True)
class Generation:
    """Replaced whenever it changes and never written into: X/Y/Z plot makes its cells' objects as shallow copies of one.

    `plan` is in force; `guidance` is the negative prompt's part in the pass that runs, `variety` Variety's. `decision` is the plan, active
    or not, that was decided on for `decided_for` (prompt, negative prompt). `before`
    are the fields of `p` that the plan has set, with what stood there and what it put there; `written` is what it added to the picture's
    parameters. `hires_scheduler` is the user's, as it was before the first batch. Of a cell of the plot: `axes` are its values on our
    axes, `arguments` the script's own without them, `began` when it began; `seconds` is the plot's one list of what each method took.
    """

    plan: Plan | None = None
    guidance: Any = None
    variety: Any = None
    decision: Plan | None = None
    decided_for: Prompts | None = None
    before: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    written: Mapping[str, Any] = field(default_factory=dict)
    hires_scheduler: str | None = None
    axes: Mapping[str, Any] = field(default_factory=dict)
    arguments: tuple[Any, ...] | None = None
    began: float = 0.0
    seconds: dict[str, list[float | None]] | None = None


_NOTHING = Generation()


class _Kept(dict[str, Any]):
    """Holds the record. Who sends `p` on as JSON, as stable-diffusion-webui-distributed does, finds an empty object."""

    def __init__(self, record: Generation):
        super().__init__()
        self.record = record


def generation_of(p: Any) -> Generation:
    """What we know of `p`."""
    kept = getattr(p, _ATTRIBUTE, None)
    return kept.record if isinstance(kept, _Kept) else _NOTHING


def note(p: Any, **changes: Any) -> None:
    """Replaces what we know of `p`."""
    setattr(p, _ATTRIBUTE, _Kept(replace(generation_of(p), **changes)))


def plan_of(p: Any) -> Plan | None:
    """The plan that is in force for `p`; None without one."""
    return generation_of(p).plan
