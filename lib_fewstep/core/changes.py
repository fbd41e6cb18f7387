"""What of a plan differs from its method's row."""
from __future__ import annotations

from .numbers import NUMBERS, values_of
from .plan import Plan
from .profiles import Profile
from .request import Request, recommended


def changed_from(plan: Plan, profile: Profile, request: Request) -> dict[str, float]:
    """The numbers of `plan` that differ from the row, and what was asked for beside NAG where it acts."""
    rows = {name: recommended(profile, name) for name in NUMBERS}
    numbers = {name: value for name, value in values_of(plan).items() if None not in (value, rows[name]) and value != rows[name]}
    beside = {name: getattr(request, name) for name in ("nag_tau", "nag_alpha", "nag_until")} if plan.negative is not None else {}
    return {name: value for name, value in {**numbers, **beside}.items() if value is not None}
