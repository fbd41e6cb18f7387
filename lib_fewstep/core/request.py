"""What the user asks for, made from whatever came in."""
from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from .profiles import Profile, Range
from .schedules import MAX_STEPS

AUTO = "auto"
NO_LORA = "none"
"""The LoRA of a request that wants a method's settings for a checkpoint that has it merged in."""


@dataclass(frozen=True)
class Request:
    """What the user asked for. None means "as recommended"; the host's own settings are what runs without the Accelerator."""

    method: str = AUTO
    lora: str = AUTO
    steps: int | None = None
    cfg: float | None = None
    weight: float | None = None
    gamma: float | None = None
    guidance: float | None = None
    """Guidance scale for a model that takes one as an input."""
    cfg_steps: int | None = None
    """CFG applies in the first so many steps, and is 1 after; 0: in all."""
    sampler: str | None = None
    scheduler: str | None = None
    prompt: str = ""
    negative_prompt: str = ""
    denoise: float = 1.0
    """How much of the noise img2img adds, 0 to 1; 1 in txt2img."""
    hires_denoise: float | None = None
    """The same for the hires pass; None without one."""
    hires_steps: int = 0
    """Steps of the hires pass; 0: as many as in the first."""
    hires_sampler: str = ""
    hires_scheduler: str = ""
    """Of the hires pass, where the user chose others for it."""
    second_checkpoint: str = ""
    """What takes over from the loaded one: the hires pass' own, or the Refiner."""
    width: int = 0
    height: int = 0
    """Pixels of the first pass; 0: not known."""
    host_steps: int = 20
    host_hires_steps: int = 0
    """Steps of the WebUI's own hires pass; 0: as many as `host_steps`. Not what the user asks for where a preset has set it."""
    host_cfg: float = 7.0
    host_sampler: str = "Euler"
    problems: tuple[str, ...] = ()
    """What was wrong with the request as it came in, in words for the user."""


_NUMBERS = {"steps": (1, MAX_STEPS), "cfg": (1, 30), "weight": (-10, 10), "gamma": (0, 1), "guidance": (0, 30), "cfg_steps": (0, MAX_STEPS),
            "hires_steps": (0, MAX_STEPS)}
_WHOLE = ("steps", "cfg_steps", "hires_steps")
_TEXTS = ("method", "lora", "sampler", "scheduler")


def request_from(values: Mapping[str, Any], base: Request = Request()) -> Request:
    """A request from plain values as an API sends them; omitted keys, None and "" keep what `base` says.

    What cannot be used is left out and named in `problems`: its value, what is expected.
    """
    known: dict[str, Any] = {}
    problems = list(base.problems)
    for key, value in values.items():
        if value is None or value == "":
            continue
        if key in _TEXTS:
            if isinstance(value, str):
                known[key] = value.strip().lower() if value.strip().lower() in (AUTO, NO_LORA) else value
            else:
                problems.append(f"'{key}' is {short(value)}; expected text. It is not used")
        elif key in _NUMBERS:
            number = _number(value, *_NUMBERS[key], whole=key in _WHOLE)
            if number is None:
                low, high = _NUMBERS[key]
                kind = "a whole number" if key in _WHOLE else "a number"
                problems.append(f"'{key}' is {short(value)}; expected {kind} from {low} to {high}. The recommended value is used")
            else:
                known[key] = number
        elif key != "enabled":
            problems.append(f"'{str(key)[:40]}' is no setting; expected {', '.join(('enabled', *_TEXTS, *_NUMBERS))}")
    return replace(base, **known, problems=tuple(problems))


def possible(request: Request) -> Request:
    """`request` with numbers that can be run; the others are named in `problems`."""
    numbers = {name: getattr(request, name) for name in _NUMBERS}
    return request_from(numbers, replace(request, **{name: getattr(Request, name) for name in _NUMBERS}))


def _number(value: Any, low: float, high: float, whole: bool) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    if not low <= number <= high or (whole and number != int(number)):  # NaN fails the first
        return None
    return int(number) if whole else number


def own_choice(value: Any) -> str:
    """What the user chose for a pass of its own; "" where it is "Use same sampler" and the like, or nothing."""
    return value if isinstance(value, str) and value != "None" and not value.startswith("Use same") else ""


def short(value: Any) -> str:
    """`value` as a message quotes it."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def explicit(shown: Mapping[str, float | None], filled_in: Mapping[str, Any] | None) -> dict[str, float]:
    """Those of the values shown in the controls that the user changed from what was filled in; None: it is not known what that was."""
    if filled_in is None:
        return {k: v for k, v in shown.items() if v is not None}
    return {k: v for k, v in shown.items() if v is not None and _is_number(before := filled_in.get(k)) and not math.isclose(v, before)}


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9


def row_value(profile: Profile, name: str) -> float | None:
    """What `profile` recommends for a number of a request; None where the method has no such number."""
    if name == "cfg_steps":
        return profile.cfg_steps
    row: Range | None = getattr(profile, name)
    return row.default if row is not None else None
