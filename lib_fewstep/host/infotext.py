"""What an image's infotext says of us, and how the accordion comes back from it.

Keys: `Accelerator` (the method's key; absent: off), `Accelerator LoRA` (the LoRA whose tag we added), `Accelerator weight` and
`Accelerator gamma` where they differ from the row. Steps and CFG stand under the WebUI's own keys.
"""
from __future__ import annotations

from typing import Any

from ..core.plan import Plan
from ..core.profiles import Profile, Tables
from ..core.prompts import lora_tags, without_tag
from ..core.request import AUTO

METHOD, LORA, WEIGHT, GAMMA = "Accelerator", "Accelerator LoRA", "Accelerator weight", "Accelerator gamma"


def entries(plan: Plan) -> dict[str, Any]:
    """What an active plan notes in the infotext."""
    found = {METHOD: plan.method}
    if plan.tag:
        found[LORA] = plan.lora
        if "weight" in plan.changed:
            found[WEIGHT] = f"{plan.weight:.6g}"
    if "gamma" in plan.changed:
        found[GAMMA] = f"{plan.gamma:.6g}"
    if plan.rule is not None and plan.scheduler != "Automatic":
        found["Schedule type"] = plan.scheduler  # the host writes it only where it made the schedule itself
    return found


def take_tag_out(params: dict[str, Any]) -> None:
    """Changes pasted `params` in place: the tag that we added leaves the prompts, because the accordion will add it again."""
    name = params.get(LORA)
    if not name or METHOD not in params:
        return
    for key in ("Prompt", "Hires prompt"):
        prompt = params.get(key) or ""
        ours = [tag.text for tag in lora_tags(prompt) if tag.name == name]
        if ours:
            params[key] = without_tag(prompt, ours[-1])


def read(params: dict[str, Any], tables: Tables) -> dict[str, Any] | None:
    """The accordion's values that made the image; None if it was made without us, or by a method that is not known here."""
    profile = tables.profiles.get(str(params.get(METHOD, "")))
    if profile is None:
        return None
    return {
        "method": profile.key,
        "lora": params.get(LORA) or AUTO,
        "steps": int(_number(params.get("Steps"), profile.steps.default)),
        "cfg": _number(params.get("CFG scale"), profile.cfg.default),
        "weight": _number(params.get(WEIGHT), profile.weight.default),
        "gamma": _number(params.get(GAMMA), _gamma(profile)),
        "filled_for": profile.key,
    }


def _gamma(profile: Profile) -> float:
    return profile.gamma.default if profile.gamma is not None else 0.0


def _number(text: Any, default: float) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return default
