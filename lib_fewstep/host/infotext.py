"""What an image's infotext says of us, and how the accordion comes back from it.

Keys: `Accelerator` (the method's key; absent: off), `Accelerator LoRA` (the LoRA whose tag we added, or none), and where they differ
from the row `Accelerator weight`, `Accelerator gamma`, `Accelerator guidance`, `Accelerator CFG steps`. Steps and CFG stand under
the WebUI's own keys.
"""
from __future__ import annotations

from typing import Any

from ..core.controls import filled
from ..core.plan import Plan
from ..core.profiles import Tables
from ..core.prompts import lora_tags, without_tag
from ..core.request import AUTO, NO_LORA

METHOD, LORA = "Accelerator", "Accelerator LoRA"
_NUMBERS = {
    "weight": "Accelerator weight", "gamma": "Accelerator gamma", "guidance": "Accelerator guidance", "cfg_steps": "Accelerator CFG steps"
}


def entries(plan: Plan) -> dict[str, Any]:
    """What an active plan notes in the infotext."""
    found = {METHOD: plan.method}
    if plan.tag or plan.lora is None:
        found[LORA] = plan.lora or NO_LORA
    for name, key in _NUMBERS.items():
        if name in plan.changed and (name != "weight" or plan.tag):
            found[key] = f"{plan.changed[name]:.6g}"
    if plan.timesteps is not None and plan.scheduler != "Automatic":
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
        **{name: _number(params.get(key), getattr(filled(profile), name)) for name, key in _NUMBERS.items()},
        "filled_for": profile.key,
    }


def _number(text: Any, default: float) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return default
