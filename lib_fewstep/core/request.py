"""What the user asks for, made from whatever came in. What a request holds has been checked: the border is here."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from ..words.say import listed, quoted, say
from .numbers import Number, Numbers, row, rows_of, same
from .profiles import Profile, Range
from .schedules import MAX_STEPS

AUTO = "auto"
NO_LORA = "none"
"""The LoRA of a request that wants a method's settings for a checkpoint that has it merged in."""
_MOST = 1e9
"""No setting of the WebUI's means more than this."""


@dataclass(frozen=True)
class Request(Numbers):
    """What the user asked for. None means "as recommended"; the WebUI's own settings are what runs without the Accelerator."""

    method: str = AUTO
    lora: str = AUTO
    sampler: str | None = None
    scheduler: str | None = None
    draft: bool = False
    """Decode with the WebUI's small decoder: faster, a little softer."""
    by_size: bool = False
    """Where the WebUI's schedule is the same at every size and the model's authors have one that goes by it: theirs."""
    prompt: str = ""
    negative_prompt: str = ""
    hires_negative_prompt: str = ""
    """Of the hires pass; empty: the same."""
    denoise: float = 1.0
    """How much of the noise img2img adds, 0 to 1; 1 in txt2img."""
    hires_denoise: float | None = None
    """The same for the hires pass; None without one."""
    hires_steps: int = row(Number(0, MAX_STEPS, whole=True, meaning="of the hires pass, 0: as many as in the first"), default=0)
    """Steps of the hires pass; 0: as many as in the first."""
    nag_tau: float | None = row(Number(
        1, 20, meaning="how much longer the negative prompt may make a layer's output at CFG 1 (NAG's tau)",
        parameter="Accelerator NAG tau",
    ))
    nag_alpha: float | None = row(Number(
        0, 1, meaning="how much of the negative prompt's effect is mixed in at CFG 1 (NAG's alpha)", parameter="Accelerator NAG alpha",
    ))
    nag_until: float | None = row(Number(
        0, 1000, meaning="the noise level (sigma) down to which the negative prompt acts at CFG 1", parameter="Accelerator NAG until",
    ))
    hires_sampler: str = ""
    hires_scheduler: str = ""
    """Of the hires pass, where the user chose others for it."""
    second_checkpoint: str = ""
    """What takes over from the loaded one: the hires pass' own, or the Refiner."""
    width: int = 0
    height: int = 0
    """Pixels of the first pass; 0: not known."""
    hires_size: tuple[int, int] = (0, 0)
    """Pixels of the hires pass, width and height; 0: not known."""
    host_steps: int = 20
    host_hires_steps: int = 0
    """Steps of the WebUI's own hires pass; 0: as many as `host_steps`. Not what the user asks for where a preset has set it."""
    host_cfg: float = 7.0
    host_sampler: str = "Euler"
    problems: tuple[str, ...] = ()
    """What was wrong with the request as it came in, in words for the user."""


TEXTS = ("method", "lora", "sampler", "scheduler")
SWITCHES = ("draft", "by_size")
ROWS = rows_of(Request)
"""All numbers that may be asked for: those of a method, the steps of the hires pass, and what goes with `nag`."""
BESIDE = ("nag_tau", "nag_alpha", "nag_until")
"""Those that go with `nag` and have no slider."""


def request_from(values: Mapping[str, Any], base: Request = Request()) -> Request:
    """A request from plain values as an API sends them; omitted keys, None and "" keep what `base` says.

    What cannot be used is left out and named in `problems`: its value, what is expected.
    """
    known: dict[str, Any] = {}
    problems = list(base.problems)
    for key, value in values.items():
        if value is None or value == "":
            continue
        if key in TEXTS:
            if isinstance(value, str):
                known[key] = value.strip().lower() if value.strip().lower() in (AUTO, NO_LORA) else value
            else:
                problems.append(say("setting.no_text", key=key, value=quoted(value)))
        elif key in ROWS:
            number = ROWS[key].read(value)
            if number is None:
                problems.append(say("setting.no_number", key=key, value=quoted(value), expected=ROWS[key].expected))
            else:
                known[key] = number
        elif key in SWITCHES:
            if isinstance(value, bool):
                known[key] = value
            else:
                problems.append(say("setting.no_switch", key=key, value=quoted(value)))
        elif key != "enabled":
            problems.append(say("setting.unknown", key=str(key)[:40], keys=listed(_settings_like(str(key)), "or")))
    return replace(base, **known, problems=tuple(problems))


HOST_FIELDS = (
    "prompt", "negative_prompt", "steps", "cfg_scale", "sampler_name", "denoising_strength", "width", "height", "enable_hr",
    "hr_second_pass_steps", "hr_negative_prompt", "hr_sampler_name", "hr_scheduler", "hr_checkpoint_name", "refiner_checkpoint",
    "hr_scale", "hr_resize_x", "hr_resize_y",
)
"""The settings of the WebUI that a request starts from, by their names on its processing object."""


def host_request(values: Mapping[str, Any], is_img2img: bool, preset_hires_steps: int | None = None) -> Request:
    """What the WebUI's own settings ask for: `values` by the names of `HOST_FIELDS`, from its page or from a generation.

    What is missing or makes no sense counts as unknown. Hires steps that a preset has filled in are not the user's wish.
    """
    default = Request()
    hires = bool(values.get("enable_hr"))
    denoise = min(_number(values.get("denoising_strength"), 0.0), 1.0)
    hires_steps = _number(values.get("hr_second_pass_steps"), 0) if hires else 0
    said = Request(
        prompt=_text(values.get("prompt"), ""),
        negative_prompt=_text(values.get("negative_prompt"), ""),
        hires_negative_prompt=_text(values.get("hr_negative_prompt"), "") if hires else "",
        denoise=denoise if is_img2img else 1.0,
        hires_denoise=denoise if hires else None,
        hires_sampler=_own_choice(values.get("hr_sampler_name")) if hires else "",
        hires_scheduler=_own_choice(values.get("hr_scheduler")) if hires else "",
        second_checkpoint=_own_choice(values.get("refiner_checkpoint")) or (_own_choice(values.get("hr_checkpoint_name")) if hires else ""),
        width=int(_number(values.get("width"), 0)),
        height=int(_number(values.get("height"), 0)),
        hires_size=_hires_size(values) if hires else (0, 0),
        host_steps=int(_number(values.get("steps"), default.host_steps, least=1)),
        host_hires_steps=int(hires_steps),
        host_cfg=_number(values.get("cfg_scale"), default.host_cfg),
        host_sampler=_text(values.get("sampler_name"), default.host_sampler),
    )
    return said if hires_steps == preset_hires_steps else request_from({"hires_steps": hires_steps}, said)


def _hires_size(values: Mapping[str, Any]) -> tuple[int, int]:
    """The hires pass' pixels: the size that was asked for, of which one side may be left out, or the first pass' times the scale.

    Source: the hosts' `calculate_target_resolution`.
    """
    names = ("width", "height", "hr_resize_x", "hr_resize_y")
    width, height, across, down = (_number(values.get(name), 0) for name in names)
    if not width or not height:
        return int(across), int(down)
    if not across and not down:
        across = width * _number(values.get("hr_scale"), 2.0)
    across, down = across or down * width / height, down or across * height / width
    return round(across), round(down)


def changed_by_user(shown: Mapping[str, float | None], filled_in: Mapping[str, Any] | None) -> dict[str, float]:
    """Those of the values shown in the controls that differ from what was filled in; None: it is not known what that was."""
    there = {name: value for name, value in shown.items() if value is not None}
    if filled_in is None:
        return there
    return {name: value for name, value in there.items() if _is_number(before := filled_in.get(name)) and not same(value, before)}


def recommended(profile: Profile, name: str) -> float | None:
    """What `profile` recommends for a number; None where the method has no such number."""
    if name == "cfg_steps":
        return profile.cfg_steps
    if name == "nag":
        return profile.nag.phi if profile.takes_nag else None
    if name == "variety":
        return 0.0  # no method's authors have it; it is the user's
    allowed: Range | None = getattr(profile, name)
    return allowed.default if allowed is not None else None


def _settings_like(key: str) -> list[str]:
    """The settings nearest to `key`, or the first; five at most."""
    known = ["enabled", *TEXTS, *ROWS, *SWITCHES]
    return get_close_matches(key.strip().lower(), known, n=3) or known[:5]


def _own_choice(value: Any) -> str:
    """What the user chose for a pass of its own; "" where it is "Use same sampler" and the like, or nothing."""
    return value if isinstance(value, str) and value != "None" and not value.startswith("Use same") else ""


def _text(value: Any, default: str) -> str:
    return value if isinstance(value, str) and value else default


def _number(value: Any, default: float, least: float = 0) -> float:
    return value if _is_number(value) and least <= value <= _MOST else default


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _MOST
