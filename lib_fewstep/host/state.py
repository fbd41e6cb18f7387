"""What we keep of one generation: on its processing object `p`. There is no other state."""
from __future__ import annotations

from typing import Any

from ..core.plan import Plan

_PLAN, _DECISION = "fewstep_plan", "fewstep_decision"
Prompts = tuple[str, str]


def plan_of(p: Any) -> Plan | None:
    """The plan that is in force for `p`; None without one."""
    return getattr(p, _PLAN, None)


def set_plan(p: Any, plan: Plan | None) -> None:
    """Puts `plan` in force, or none; what was decided before no longer holds."""
    setattr(p, _PLAN, plan)
    setattr(p, _DECISION, None)


def decision_of(p: Any, prompts: Prompts) -> Plan | None:
    """The plan, active or not, that was decided on for these prompts (prompt, negative prompt); None if there was none."""
    decided = getattr(p, _DECISION, None)
    return decided[1] if decided is not None and decided[0] == prompts else None


def set_decision(p: Any, prompts: Prompts, plan: Plan) -> None:
    """Remembers what was decided on for these prompts."""
    setattr(p, _DECISION, (prompts, plan))
