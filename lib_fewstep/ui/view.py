"""What the accordion shows for given controls and facts. Plain values, no gradio: what it shows is decided here and only drawn there."""
from __future__ import annotations

import html
from dataclasses import dataclass, replace

from ..core.controls import NUMBERS, Controls, filled
from ..core.plan import AUTO, Facts, Plan, Request, explicit, fitting, make_plan
from ..core.profiles import FAMILIES, Profile, Tables

Choice = tuple[str, str]
"""(what is shown, what it stands for)."""


@dataclass(frozen=True)
class View:
    controls: Controls
    methods: list[Choice]
    loras: list[Choice]
    plan: Plan
    has_gamma: bool


def make_view(controls: Controls, base: Request, facts: Facts, tables: Tables, all_methods: bool = False, refill: bool = False) -> View:
    """The controls, filled with recommended values where the method has changed (or `refill`), their choices, and the plan.

    `base` holds what the host's own controls say: prompts, steps, CFG, sampler.
    """
    asked = replace(base, method=controls.method, lora=controls.lora)
    profile = _profile(asked, facts, tables)
    if profile is not None and (refill or profile.key != controls.filled_for):
        controls = filled(profile, controls.enabled, controls.method, controls.lora)
    shown = {name: getattr(controls, name) for name in NUMBERS}
    plan = make_plan(replace(asked, **explicit(shown, profile)), facts, tables)
    return View(
        controls=controls,
        methods=method_choices(facts, tables, all_methods, controls.method),
        loras=lora_choices(facts, tables, controls.method, controls.lora),
        plan=plan,
        has_gamma=profile is not None and profile.gamma is not None,
    )


def method_choices(facts: Facts, tables: Tables, all_methods: bool = False, keep: str = AUTO) -> list[Choice]:
    """Auto, then the methods of the loaded checkpoint's family; `keep` stays among them, so that a restored choice is not lost."""
    family = None if all_methods or facts.unet is None else facts.unet.family
    fits = tables.for_family(family)
    kept = [p for p in tables.profiles.values() if p in fits or p.key == keep]
    return [("Auto", AUTO), *((method_label(profile), profile.key) for profile in kept)]


def method_label(profile: Profile) -> str:
    """The method's name, with the steps it may take where its name does not say them."""
    if profile.steps.min == profile.steps.max:
        return profile.label
    return f"{profile.label}, {profile.steps.min:g}–{profile.steps.max:g} steps"


def lora_choices(facts: Facts, tables: Tables, method: str = AUTO, keep: str = AUTO) -> list[Choice]:
    """Auto, then the installed accelerators that fit the loaded checkpoint, with what they were recognised as."""
    found = fitting(facts, tables, None if method == AUTO else method)
    choices = [("Auto", AUTO), *((f"{lora.name} ({tables.profiles[lora.detection.method or ''].label})", lora.name) for lora in found)]
    return choices if keep in (AUTO, *(lora.name for lora in found)) else [*choices, (keep, keep)]


def plan_html(plan: Plan, facts: Facts) -> str:
    """The plan in one line, and its notes."""
    family = facts.unet.family if facts.unet is not None else None
    notes = plan.notes if plan.active else plan.notes[1:]
    items = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
    return (
        f'<div class="fewstep-plan" data-active="{str(plan.active).lower()}" data-family="{html.escape(FAMILIES.get(family or "", ""))}">'
        f"{html.escape(plan.summary)}</div>" + (f'<ul class="fewstep-notes">{items}</ul>' if items else "")
    )


def _profile(asked: Request, facts: Facts, tables: Tables) -> Profile | None:
    """The row that will run: the one chosen, or what Auto comes down to."""
    if asked.method != AUTO:
        return tables.profiles.get(asked.method)
    return tables.profiles.get(make_plan(asked, facts, tables).method or "")
