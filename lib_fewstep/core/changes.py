"""What of a plan differs from its method's row."""
from __future__ import annotations

from .negative import beside_it
from .numbers import NUMBERS, values_of
from .plan import Plan
from .profiles import Profile
from .request import recommended


def changed_from(plan: Plan, profile: Profile, family: str | None) -> dict[str, float]:
    """The numbers of `plan` that differ from the row, those beside NAG too where it acts."""
    rows = {name: recommended(profile, name) for name in NUMBERS}
    numbers = {name: value for name, value in values_of(plan).items() if value is not None and rows[name] not in (None, value)}
    return {**numbers, **beside_it(plan.negative, profile, family)}
