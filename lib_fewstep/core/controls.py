"""The accordion's values, as the WebUI passes them to a script: by position from the page, or one dict from the API."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from .numbers import NUMBERS, Numbers, values_of
from .plan import Plan
from .profiles import Profile, Tables
from .request import AUTO, BESIDE, NO_LORA, ROWS, SWITCHES, Request, changed_by_user, recommended, request_from


@dataclass(frozen=True)
class Controls(Numbers):
    """What the controls show. `filled_for` is the method whose recommended values were filled in last: what differs is the user's.

    `beside` has what a pasted picture says of numbers without a slider: a JSON object, or nothing.
    """

    enabled: bool = False
    method: str = AUTO
    lora: str = AUTO
    filled_for: str = ""
    beside: str = ""
    draft: bool = False
    by_size: bool = False


_BEFORE_FILLED_FOR = 4
"""So many numbers stood before `filled_for` when it was made; newer ones follow it. Scripts of users send them by position."""
ORDER = (
    "enabled", "method", "lora", *list(NUMBERS)[:_BEFORE_FILLED_FOR], "filled_for", *list(NUMBERS)[_BEFORE_FILLED_FOR:], "beside",
    *SWITCHES,
)
"""The controls in the order in which the WebUI passes their values."""
_SAVED = "saved: "
"""Begins `filled_for` where saved settings were filled in, and the numbers follow."""
_AUTO_SHOWN = "Auto"
_NO_LORA_SHOWN = "None"
_LORA_SEPARATOR = " — "


def filled(profile: Profile, enabled: bool = False, method: str = AUTO, lora: str = AUTO) -> Controls:
    """The controls with everything as `profile` recommends."""
    numbers: dict[str, Any] = {
        name: number.unused if (value := recommended(profile, name)) is None else value for name, number in NUMBERS.items()
    }
    return Controls(enabled=enabled, method=method, lora=lora, filled_for=profile.key, **numbers)


def with_saved_numbers(controls: Controls, saved: Mapping[str, Any]) -> Controls:
    """`controls`, filled for the settings that are saved for the checkpoint. With another checkpoint they no longer count as the user's."""
    asked: dict[str, Any] = {name: value for name, value in values_of(request_from(saved)).items() if value is not None}
    controls = replace(controls, **asked)
    return replace(controls, filled_for=_SAVED + json.dumps(values_of(controls)))


def _filled_in(filled_for: Any, tables: Tables) -> Mapping[str, Any] | None:
    """The numbers that were filled in last, for a method's row or from saved settings; None where that is not known."""
    text = str(filled_for)
    if text.startswith(_SAVED):
        return _json_object(text.removeprefix(_SAVED))
    profile = tables.profiles.get(text)
    return None if profile is None else {name: recommended(profile, name) for name in NUMBERS}


def beside_of(values: Mapping[str, float | None]) -> str:
    """`Controls.beside` for the numbers of `BESIDE` among `values`."""
    there = {name: value for name in BESIDE if (value := values.get(name)) is not None}
    return json.dumps(there) if there else ""


def _beside(text: Any) -> dict[str, Any]:
    """The numbers in `Controls.beside`, as they came in; what is none of them is left out."""
    return {name: value for name, value in (_json_object(text) or {}).items() if name in BESIDE and ROWS[name].read(value) is not None}


def _json_object(text: Any) -> dict[str, Any] | None:
    """What `text` holds, if it is a JSON object."""
    try:
        found: Any = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def initial(tables: Tables) -> Controls:
    """What a fresh page shows."""
    return filled(next(iter(tables.profiles.values())))


def parse_args(args: Sequence[Any], tables: Tables, base: Request) -> tuple[bool, Request]:
    """Whether the Accelerator is on, and what is asked of it.

    `args` is one dict (on unless it says `"enabled": false`; omitted keys mean "as recommended"), or the values of `ORDER`, of which
    later ones may be missing. What cannot be used is named in the request's `problems`.
    """
    values = _dict_in(args)
    if values is not None:
        enabled = values.get("enabled")
        return enabled is None or _truth(enabled), request_from(values, base)
    controls = controls_from(args, tables)
    return _truth(controls.enabled), request_of(controls, base, tables)


def as_dict(args: Sequence[Any], tables: Tables) -> dict[str, Any]:
    """The dict that asks for the same as `args` do."""
    values = _dict_in(args)
    if values is not None:
        return dict(values)
    controls = controls_from(args, tables)
    request = request_of(controls, Request(), tables)
    asked = {**values_of(request), **{name: getattr(request, name) for name in BESIDE}}
    numbers = {name: value for name, value in asked.items() if value is not None}
    switches = {name: True for name in SWITCHES if getattr(request, name)}
    return {"enabled": _truth(controls.enabled), "method": request.method, "lora": request.lora, **numbers, **switches}


def controls_from(values: Sequence[Any], tables: Tables) -> Controls:
    """The controls from what they show, in the order of `ORDER`; later values may be missing, and of those no number counts as chosen."""
    shown: dict[str, Any] = {**vars(initial(tables)), **dict.fromkeys(NUMBERS), **dict(zip(ORDER, values, strict=False))}
    return Controls(**{**shown, "method": method_from(shown["method"], tables), "lora": lora_from(shown["lora"], tables)})


def request_of(controls: Controls, base: Request, tables: Tables) -> Request:
    """What the controls ask for: of the numbers, only those that the user has changed since they were filled in."""
    chosen = {name: getattr(controls, name) for name in ("method", "lora", *SWITCHES)}
    request = request_from({**chosen, **values_of(controls), **_beside(controls.beside)}, base)
    changed: dict[str, Any] = changed_by_user(values_of(request), _filled_in(controls.filled_for, tables))
    return replace(request, **{**dict.fromkeys(NUMBERS), **changed})


def worth_saving(controls: Controls, plan: Plan) -> dict[str, Any]:
    """What to save for a checkpoint so that Auto comes down to `plan`: its method, a LoRA chosen by hand, and what differs from the row."""
    lora = {} if controls.lora == AUTO else {"lora": controls.lora}
    return {"method": plan.method, **lora, **plan.changed}


# Dropdowns of the oldest gradio that hosts ship know no values behind their texts: the texts must lead back to keys.


def method_text(profile: Profile | None) -> str:
    """How a method stands in the dropdown: its name, with the steps it may take where the name does not say them; None is Auto."""
    if profile is None:
        return _AUTO_SHOWN
    if profile.steps.min == profile.steps.max:
        return profile.label
    return f"{profile.label}, {profile.steps.min:g}–{profile.steps.max:g} steps"


def method_from(text: Any, tables: Tables) -> Any:
    """The key of the method that `text` shows; `text` itself if it is a key already, or nothing known."""
    if text == _AUTO_SHOWN:
        return AUTO
    return next((profile.key for profile in tables.profiles.values() if text == method_text(profile)), text)


def lora_text(name: str, profile: Profile | None) -> str:
    """How a LoRA stands in the dropdown: its name, and what it was recognised as."""
    if name in (AUTO, NO_LORA):
        return _AUTO_SHOWN if name == AUTO else _NO_LORA_SHOWN
    return f"{name}{_LORA_SEPARATOR}{profile.label}" if profile is not None else name


def lora_from(text: Any, tables: Tables) -> Any:
    """The name of the LoRA that `text` shows; `text` itself if it is a name already."""
    if text in (_AUTO_SHOWN, _NO_LORA_SHOWN):
        return AUTO if text == _AUTO_SHOWN else NO_LORA
    if not isinstance(text, str):
        return text
    name, _, label = text.rpartition(_LORA_SEPARATOR)
    return name if any(label == profile.label for profile in tables.profiles.values()) else text


def _truth(value: Any) -> bool:
    return value.strip().lower() in ("true", "1", "on", "yes") if isinstance(value, str) else bool(value)


def _dict_in(args: Sequence[Any]) -> Mapping[str, Any] | None:
    return cast("Mapping[str, Any]", args[0]) if args and isinstance(args[0], Mapping) else None
