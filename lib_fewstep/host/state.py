"""What we keep of one generation: on its processing object `p`, under one name. There is no other state."""
from __future__ import annotations

from typing import Any

from ..core.plan import Plan

_ATTRIBUTE = "fewstep_plan"


def plan_of(p: Any) -> Plan | None:
    """The plan that is in force for `p`; None without one."""
    return getattr(p, _ATTRIBUTE, None)


def set_plan(p: Any, plan: Plan | None) -> None:
    setattr(p, _ATTRIBUTE, plan)
