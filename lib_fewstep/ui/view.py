"""What the accordion shows for given controls and facts. Plain values, no gradio: what it shows is decided here and only drawn there."""
from __future__ import annotations

import html
import json
import time
from dataclasses import dataclass, replace

from ..core.choose import fitting, runnable
from ..core.controls import (
    Controls,
    filled,
    lora_text,
    method_text,
    request_of,
    with_saved_numbers,
)
from ..core.decide import Settled, chosen, make_plan, plan_for
from ..core.facts import Facts
from ..core.numbers import NUMBERS
from ..core.offers import Offer, offer_for
from ..core.plan import Plan
from ..core.profiles import FAMILIES, Profile, Tables
from ..core.request import AUTO, NO_LORA, Request, recommended


@dataclass(frozen=True)
class View:
    """`methods` and `loras` are the texts to choose from, `method` and `lora` those that are chosen; `numbers` are the controls to show;
    `offer` is a file that could be downloaded.
    """

    controls: Controls
    methods: list[str]
    method: str
    loras: list[str]
    lora: str
    plan: Plan
    numbers: frozenset[str]
    has_saved: bool
    offer: Offer | None


def make_view(controls: Controls, base: Request, facts: Facts, tables: Tables, all_methods: bool = False, refill: bool = False) -> View:
    """The controls, filled with recommended values where the method has changed (or `refill`), their choices, and the plan.

    `base` holds what the host's own controls say: prompts, steps, CFG, sampler.
    """
    request = request_of(controls, base, tables)
    settled = chosen(request, facts, tables)
    profile = _profile(request, settled, tables)
    if profile is not None:
        fresh = filled(profile, controls.enabled, request.method, request.lora)
        if settled.saved:
            fresh = with_saved_numbers(fresh, facts.saved)
        if refill or fresh.filled_for != controls.filled_for:
            controls = fresh
            request = request_of(controls, base, tables)
            settled = settled.with_numbers_of(request, facts, tables)
    return View(
        controls=controls,
        methods=method_choices(facts, tables, all_methods, request.method),
        method=method_text(tables.profiles.get(request.method)),
        loras=lora_choices(facts, tables, request.method, request.lora),
        lora=_lora_text(request.lora, facts, tables),
        plan=plan_for(settled, request, facts),
        numbers=frozenset(name for name in NUMBERS if profile is None or has_number(profile, name)),
        has_saved=bool(facts.saved),
        offer=offer_for(request, facts, tables),
    )


def has_number(profile: Profile, name: str) -> bool:
    """Whether a method has this control; two-stage CFG makes sense where there is CFG."""
    return profile.cfg.max > 1 if name == "cfg_steps" else recommended(profile, name) is not None


def method_choices(facts: Facts, tables: Tables, all_methods: bool = False, keep: str = AUTO) -> list[str]:
    """Auto, then the methods of the loaded checkpoint's family; `keep` stays among them, so that a restored choice is not lost."""
    fits = tables.for_family(None if all_methods else facts.family)
    return [method_text(None), *(method_text(profile) for profile in tables.profiles.values() if profile in fits or profile.key == keep)]


def lora_choices(facts: Facts, tables: Tables, method: str = AUTO, keep: str = AUTO) -> list[str]:
    """Auto, the installed accelerators that fit the loaded checkpoint and what they were recognised as, None; `keep` stays among them."""
    names = [AUTO, *(lora.name for lora in fitting(facts, tables, None if method == AUTO else method)), NO_LORA]
    return [_lora_text(name, facts, tables) for name in (names if keep in names else [*names, keep])]


def _lora_text(name: str, facts: Facts, tables: Tables) -> str:
    method = next((lora.detection.method for lora in facts.loras if lora.name == name), None)
    return lora_text(name, tables.profiles.get(method or ""))


@dataclass(frozen=True)
class Comparison:
    """What X/Y/Z plot is filled with: values of the axis Method, and what to say of it."""

    values: list[str]
    message: str


def comparison(base: Request, facts: Facts, tables: Tables, off: str) -> Comparison:
    """The user's own settings, `off`, and each method that can run, once each."""
    plans = [make_plan(replace(base, method=profile.key), facts, tables) for profile in runnable(facts, tables)]
    plans = [plan for plan in plans if plan.active]
    if not plans:
        return Comparison([], "nothing to compare: " + make_plan(base, facts, tables).notes[0])
    counts = [plans[0].evaluations_without, *(plan.evaluations for plan in plans)]
    evaluations = "" if None in counts else f", {sum(count or 0 for count in counts)} UNet evaluations"
    cost = f"{len(plans) + 1} pictures{evaluations}"
    return Comparison([off, *(plan.method or "" for plan in plans)], f"X/Y/Z plot is filled in, under Script: press Generate for {cost}")


def message_html(message: str) -> str:
    """What a button has done."""
    return f'<div class="fewstep-message">{html.escape(message)}</div>' if message else ""


def plan_html(plan: Plan, facts: Facts, method: str = "") -> str:
    """The plan in one line, and its notes. `method` is what the dropdown showed then: the page's script looks whether it still does."""
    notes = plan.notes if plan.active else plan.notes[1:]
    items = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
    family = html.escape(str(FAMILIES.get(facts.family or "", "")))
    return (
        f'<div class="fewstep-plan" data-active="{str(plan.active).lower()}" data-family="{family}" data-method="{html.escape(method)}">'
        f"{html.escape(plan.summary)}</div>" + (f'<ul class="fewstep-notes">{items}</ul>' if items else "")
    )


def looking_html(facts: Facts) -> str:
    """In the plan's place while a large folder is looked at for the first time. The page's script then asks again; the number is for it
    to notice.
    """
    seen = len(facts.loras)
    text = f"Looking at your LoRA files: {seen} of {seen + facts.unseen}"
    return f'<div class="fewstep-plan" data-active="false" data-looking="{time.monotonic_ns()}">{text} …</div>'


def known_html(facts: Facts, tables: Tables) -> str:
    """For the page's script: what the installed LoRAs are taken for, by name. A new number each time, so that the page notices."""
    known = {
        lora.name: {"label": profile.label, "reason": lora.detection.reason}
        for lora in facts.loras if (profile := tables.profiles.get(lora.detection.method or "")) is not None
    }
    return f'<div data-loras="{html.escape(json.dumps(known))}" data-at="{time.monotonic_ns()}"></div>'


def _profile(asked: Request, settled: Settled, tables: Tables) -> Profile | None:
    """The row that will run: the one chosen, or what Auto comes down to."""
    if asked.method != AUTO:
        return tables.profiles.get(asked.method)
    return settled.choice.profile if settled.choice is not None else None
