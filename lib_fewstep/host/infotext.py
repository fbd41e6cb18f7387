"""What an image's infotext says of us, and how the accordion comes back from it.

Keys: `Accelerator` (the method's key; absent: off), `Accelerator LoRA` (the LoRA whose tag we added, or none), and those of the numbers
that differ from the row. Steps and CFG stand under the WebUI's own keys, as the schedule type does.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.controls import beside_of, filled
from ..core.facts import InstalledLora, called
from ..core.numbers import NUMBERS
from ..core.plan import Plan
from ..core.profiles import Profile, Tables
from ..core.prompts import lora_tags, without_tag
from ..core.request import AUTO, BESIDE, NO_LORA, ROWS

METHOD, LORA, SCHEDULE, DRAFT = "Accelerator", "Accelerator LoRA", "Schedule type", "Accelerator draft"
BY_SIZE = "Accelerator shift by size"
_DECODER, _TAESD, _FULL = "VAE Decoder", "TAESD", "Full"
"""What the host writes where its own option makes a draft, and what it takes an absent one for."""
Installed = Callable[[], Sequence[InstalledLora]]


def entries(plan: Plan) -> dict[str, Any]:
    """What an active plan notes in the infotext."""
    found = {METHOD: plan.method}
    if plan.tag or plan.lora is None:
        found[LORA] = plan.lora or NO_LORA
    for name, number in ROWS.items():
        if name in plan.noted and not number.host_writes and (name != "weight" or plan.tag):
            found[number.parameter] = f"{plan.noted[name]:.6g}"
    if plan.first.timesteps is not None and plan.scheduler != "Automatic":
        found[SCHEDULE] = plan.scheduler  # in the API's answer the host names it only where it made the schedule itself
    if plan.by_size:
        found[BY_SIZE] = "True"
    if plan.draft:
        found[_DECODER] = _TAESD
    return found


def take_out(params: dict[str, Any], tables: Tables, installed: Installed) -> None:
    """Changes pasted `params` in place: what we added, and will add again, is left to our controls alone."""
    take_tag_out(params, tables, installed)
    _take_draft(params, tables)


def _take_draft(params: dict[str, Any], tables: Tables) -> None:
    """A draft of ours becomes our switch's, not an override of the host's option."""
    if params.get(METHOD) in tables.profiles and params.get(_DECODER) == _TAESD:
        params[_DECODER], params[DRAFT] = _FULL, "True"


def take_tag_out(params: dict[str, Any], tables: Tables, installed: Installed) -> None:
    """Changes pasted `params` in place: the tag that we added leaves the prompts, because the accordion will add it again.

    It stays where the method is not known here: then it is all that is left of the accelerator.
    """
    profile, name = tables.profiles.get(str(params.get(METHOD, ""))), params.get(LORA)
    if profile is None or not name:
        return
    loras = installed()
    for key in ("Prompt", "Hires prompt"):
        prompt = params.get(key) or ""
        ours = [tag.text for tag in lora_tags(prompt) if tag.name == name or _is_ours(tag.name, name, profile, loras)]
        if ours:
            params[key] = without_tag(prompt, ours[-1])


def _is_ours(written: str, name: str, profile: Profile, loras: Sequence[InstalledLora]) -> bool:
    """Whether the tag's LoRA is the one that was called `name`: the WebUI may write its alias, or what its file is called by now."""
    lora = called(written, loras)
    if lora is None:
        return False
    renamed = not any(other.is_called(name) for other in loras) and lora.detection.method == profile.key
    return lora.is_called(name) or renamed


def read(params: dict[str, Any], tables: Tables, installed: Installed) -> dict[str, Any] | None:
    """The accordion's values that made the image; None if it was made without us, or by a method that is not known here."""
    profile = tables.profiles.get(str(params.get(METHOD, "")))
    if profile is None:
        return None
    recommended = filled(profile)
    numbers = {name: number.read(params.get(number.parameter)) for name, number in NUMBERS.items()}
    if params.get("Negative prompt"):
        numbers = {name: NUMBERS[name].absent if value is None else value for name, value in numbers.items()}
    return {
        "method": profile.key,
        "lora": _lora(params.get(LORA) or AUTO, profile, installed),
        **{name: getattr(recommended, name) if value is None else value for name, value in numbers.items()},
        "filled_for": profile.key,
        "beside": beside_of({name: ROWS[name].read(params.get(ROWS[name].parameter)) for name in BESIDE}),
        "draft": params.get(DRAFT) == "True",
        "by_size": params.get(BY_SIZE) == "True",
    }


def _lora(name: str, profile: Profile, installed: Installed) -> str:
    """The LoRA to choose: Auto where none of that name is installed, but another file of the method is."""
    if name in (AUTO, NO_LORA):
        return name
    loras = installed()
    renamed = not any(lora.is_called(name) for lora in loras) and any(lora.detection.method == profile.key for lora in loras)
    return AUTO if renamed else name
