"""What exactly runs, for those who want to know: one level below what everybody sees."""
from __future__ import annotations

from dataclasses import dataclass

from ..core.facts import Preset
from ..core.plan import Plan
from ..core.prompts import lora_tag
from ..words.say import Sentence, say
from .situation import Situation
from .wording import licence_text, seconds_text


@dataclass(frozen=True)
class Details:
    """`rows` are (name, text) pairs, `notes` the plan's, `about` what the table says of the method."""

    rows: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    about: tuple[str, ...]


def details(s: Situation) -> Details:
    """Of what runs, or of why nothing does."""
    profile, plan = s.profile, s.plan
    rows = list(_plan_rows(s)) if plan.active else []
    if profile is not None:
        pixels = profile.resolution.get(s.facts.family or "")
        rows += [("resolution", say("page.details.pixels", pixels=pixels))] if pixels else []
        rows += [("licence", licence_text(profile.licence) if len(profile.licence) <= 24 else profile.licence)] if profile.licence else []
        source = profile.source.get("steps", "")
        rows += [("source", s.tables.sources.get(source, ""))] if s.tables.sources.get(source) else []
    named = tuple((say(f"page.details.{name}"), text) for name, text in rows)
    return Details(named, plan.notes, profile.notes if profile is not None else ())


def _plan_rows(s: Situation) -> list[tuple[str, str]]:
    plan = s.plan
    rows: list[tuple[str, str]] = [("work", _work(s))]
    if s.seconds is not None and plan.evaluations and plan.evaluations_without:
        made, without = seconds_text(s.seconds * plan.evaluations), seconds_text(s.seconds * plan.evaluations_without)
        rows.append(("seconds", say("page.details.time", made=made, without=without)))
    rows.append(("sampler", _sampler(plan)))
    rows.append(("timesteps", _timesteps(plan)))
    if s.facts.preset is not None:
        rows.append(("preset", _preset(s.facts.preset)))
    if plan.lora:
        rows.append(("lora", plan.tag or lora_tag(plan.lora, plan.weight)))
    return rows


def _preset(preset: Preset) -> Sentence:
    """What the WebUI's own preset would run, which the plan takes the place of."""
    shift = "" if preset.shift is None else f", shift {preset.shift:g}"
    return say("page.details.overridden", name=preset.name, settings=f"{preset.sampler}, {preset.scheduler}, CFG {preset.cfg:g}{shift}",
               steps=preset.steps)  # fmt: skip


def _work(s: Situation) -> Sentence:
    made, without = s.plan.evaluations, s.plan.evaluations_without
    if made is None or without is None:
        return say("page.details.uncounted")
    return say("page.details.evaluations", made=made, without=without, steps=s.base.host_steps, cfg=f"{s.base.host_cfg:g}")


def _sampler(plan: Plan) -> str:
    cfg = say("page.details.cfg_in", cfg=f"{plan.cfg:g}", steps=plan.cfg_steps) if plan.cfg_steps else f"CFG {plan.cfg:g}"
    known = (("gamma", plan.gamma), ("guidance", plan.guidance), ("shift", plan.shift))
    numbers = [f"{name} {value:g}" for name, value in known if value is not None]
    heard: str = plan.first.sampler
    for part in (cfg, *numbers):
        heard = say("page.list", first=heard, second=part)
    return heard


def _timesteps(plan: Plan) -> str:
    if plan.first.timesteps is None:
        return say("page.details.schedule", schedule=plan.scheduler)
    first: str = " ".join(f"{t:g}" for t in plan.first.timesteps)
    if plan.by_size:
        first = say("page.details.by_size", timesteps=first, shift=f"{plan.first.shift:.2f}")
    if plan.hires is None or not plan.hires.timesteps:
        return first
    return say("page.details.hires", first=first, second=" ".join(f"{t:g}" for t in plan.hires.timesteps))
