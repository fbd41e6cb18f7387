"""The one decision: what the user asked for and what is there -> what will be done, in a record that a person can read."""
from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .choose import Choice, Refusal, choose, with_saved
from .facts import Facts
from .profiles import NOTHING, Profile, Range, Tables
from .prompts import is_plain, lora_tag, prompt_parts
from .request import Request, possible, row_value, short
from .schedules import MAX_STEPS, Rule, host_share, max_steps, shifted, timesteps_for

SECOND_ORDER = frozenset({"DPM++ SDE", "DPM++ 2S a", "Heun", "DPM2", "DPM2 a", "Restart"})
"""Host samplers that ask the UNet twice a step, but once in the last."""
_LARGE = 1.5
"""How much larger than a method's own resolution a side may be until a note is due."""


@dataclass(frozen=True)
class Plan:
    """What will be done. An inactive plan changes nothing and says in `notes` why.

    `tag` is what has to be added to the prompt: empty where the user's prompt holds the LoRA already.
    `timesteps` are those that the first or only pass visits, `hires_timesteps` those of the hires pass; like `rule`, which they come from,
    they are None where the host's schedule `scheduler` decides, or a sampler by itself. Where a model was distilled with a shift, the noise
    of each step is that of `noise_timesteps` instead. `hires_sampler` is the user's own for that pass. `cfg` above 1 is for the first
    `cfg_steps` steps of a pass (0: for all). `evaluations` counts the UNet's for one image, `evaluations_without` those of the user's own
    settings.
    """

    active: bool
    method: str | None = None
    label: str = ""
    lora: str | None = None
    weight: float = 1.0
    tag: str = ""
    steps: int = 0
    cfg: float = 1.0
    cfg_steps: int = 0
    gamma: float | None = None
    guidance: float | None = None
    prediction: str = ""
    sampler: str = ""
    scheduler: str = ""
    rule: Rule | None = None
    timesteps: tuple[int, ...] | None = None
    noise_timesteps: tuple[int, ...] | None = None
    hires_timesteps: tuple[int, ...] | None = None
    hires_noise_timesteps: tuple[int, ...] | None = None
    hires_steps: int = 0
    hires_sampler: str = ""
    evaluations: int = 0
    evaluations_without: int = 0
    notes: tuple[str, ...] = ()
    changed: Mapping[str, float] = field(default_factory=dict)
    """What differs from the row: steps, cfg, cfg_steps, weight, gamma, guidance."""

    @property
    def summary(self) -> str:
        """The plan in one line of plain words."""
        if not self.active:
            return "Accelerator does nothing: " + (self.notes[0] if self.notes else "it is off")
        lora = f"{lora_tag(self.lora, self.weight)}" if self.lora else "no LoRA"
        made = len(self.timesteps) if self.timesteps is not None else self.steps
        passes = f"{made} step{'s' if made != 1 else ''}"
        if self.hires_steps:
            passes += f" + {self.hires_steps} hires" + (f" ({self.hires_sampler})" if self.hires_sampler else "")
        cfg = f"CFG {self.cfg:g}" + (f" in {self.cfg_steps}, then 1" if self.cfg_steps else "")
        numbers = [f"{name} {value:g}" for name, value in (("gamma", self.gamma), ("guidance", self.guidance)) if value is not None]
        parts = [passes, cfg, self.sampler, *numbers, lora]
        noun = "evaluation" if self.evaluations == 1 else "evaluations"
        return f"{self.label}: {', '.join(parts)}: {self.evaluations} UNet {noun} instead of {self.evaluations_without}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the API."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**{name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}, "summary": self.summary}


def make_plan(request: Request, facts: Facts, tables: Tables) -> Plan:
    """Decides. Pure: the same request, facts and tables give the same plan. Raises nothing: what cannot be done is an inactive plan."""
    request = possible(request)
    meant = with_saved(request, facts, tables)
    without = _evaluations_without(request, facts)
    try:
        plan = _fill(choose(meant, facts, tables), meant, facts)
    except Refusal as refusal:
        saved = () if meant is request else ("this method is saved for the loaded checkpoint: choose another, or forget it",)
        return Plan(active=False, notes=(str(refusal), *saved, *meant.problems), evaluations=without, evaluations_without=without)
    return replace(plan, evaluations_without=without)


def evaluations(steps: int, cfg: float, sampler: str, skips_uncond: bool, parts: int = 1, cfg_steps: int = 0) -> int:
    """UNet evaluations of one image: one a step and part of the prompt (joined with AND), one more where the negative prompt is evaluated,
    nearly twice that for second-order samplers. CFG other than 1 is for the first `cfg_steps` steps, 0: for all.
    """
    whole = calls(steps, sampler) - (sampler in SECOND_ORDER)
    guided = 0 if skips_uncond and math.isclose(cfg, 1.0) else calls(cfg_steps, sampler) if 0 < cfg_steps < steps else whole
    return guided * (parts + 1) + (whole - guided) * (parts if skips_uncond else parts + 1)


def calls(steps: int, sampler: str) -> int:
    """How often a sampler asks for the model in `steps` steps that are not its last."""
    return 2 * steps if sampler in SECOND_ORDER else steps


def _evaluations_without(request: Request, facts: Facts) -> int:
    """What the user's own settings would ask of the UNet."""
    passes = [(_share(request.host_steps, request.denoise, facts), request.host_sampler)]
    if request.hires_denoise is not None:
        passes.append((request.host_hires_steps or request.host_steps, request.hires_sampler or request.host_sampler))
    parts = len(prompt_parts(request.prompt))
    return sum(evaluations(steps, request.host_cfg, sampler, facts.skips_uncond, parts) for steps, sampler in passes)


def _share(steps: int, strength: float, facts: Facts) -> int:
    """How many of `steps` the host makes by itself."""
    return steps if facts.host_makes_all else host_share(steps, strength)


def _fill(choice: Choice, request: Request, facts: Facts) -> Plan:
    profile, lora, tag = choice.profile, choice.lora, choice.tag
    if facts.samplers is not None and not request.sampler and profile.sampler not in facts.samplers:
        raise Refusal(f"{profile.label} needs the sampler {profile.sampler}, which this WebUI does not have")
    notes = list(request.problems)
    steps = _within_rule(int(_value("steps", request.steps, profile.steps, notes, profile)), profile, notes)
    cfg = _value("CFG", request.cfg, profile.cfg, notes, profile)
    cfg_steps = _cfg_steps(profile, request, cfg, steps, notes)
    gamma = None if profile.gamma is None else _value("gamma", request.gamma, profile.gamma, notes, profile)
    guidance = _guidance(profile, request, facts, notes)
    weight = _weight(choice, request, notes)
    notes += _notes_on(choice, request, facts)
    sampler, scheduler, rule = _sampling(profile, request, facts, notes)
    timesteps = _timesteps(None if sampler in facts.self_timed else rule, steps, request.denoise, facts.all_steps)
    hires_sampler = request.hires_sampler or sampler
    hires_rule = None if hires_sampler in facts.self_timed else rule
    hires_timesteps, hires_steps = (None, 0) if request.hires_denoise is None else _hires(request, hires_rule, steps, facts, notes)
    made = _share(steps, request.denoise, facts) if timesteps is None else len(timesteps)
    parts = len(prompt_parts(request.prompt))
    skips_uncond = facts.skips_uncond or is_plain(request.prompt)
    if request.negative_prompt.strip() and math.isclose(cfg, 1.0) and skips_uncond:
        saved = ", which halves the work" if parts == 1 else ""
        notes.append(f"the negative prompt has no effect at CFG 1: it is not evaluated{saved}")
    values = {"steps": steps, "cfg": cfg, "cfg_steps": cfg_steps, "weight": weight, "gamma": gamma, "guidance": guidance}
    name = tag.name if tag else lora.name if lora else None
    return Plan(
        active=True,
        method=profile.key,
        label=profile.label,
        lora=name,
        weight=weight,
        tag=lora_tag(name, weight) if name and not tag else "",
        steps=steps,
        cfg=cfg,
        cfg_steps=cfg_steps,
        gamma=gamma,
        guidance=guidance,
        prediction=profile.prediction,
        sampler=sampler,
        scheduler=scheduler,
        rule=rule,
        timesteps=_asked(timesteps, profile),
        noise_timesteps=timesteps if profile.shift else None,
        hires_timesteps=_asked(hires_timesteps, profile),
        hires_noise_timesteps=hires_timesteps if profile.shift else None,
        hires_steps=hires_steps,
        hires_sampler=request.hires_sampler if hires_steps else "",
        evaluations=sum(
            evaluations(n, cfg, by, skips_uncond, parts, cfg_steps)
            for n, by in ((made, sampler), (hires_steps, hires_sampler)) if n
        ),
        notes=tuple(notes),
        changed={k: v for k, v in values.items() if v is not None and (row := row_value(profile, k)) is not None and v != row},
    )


def _hires(request: Request, rule: Rule | None, steps: int, facts: Facts, notes: list[str]) -> tuple[tuple[int, ...] | None, int]:
    """Timesteps of the hires pass (None: the host's schedule decides) and how many steps it makes: as many as the first, or the user's."""
    asked = request.hires_steps or steps
    if not request.hires_steps and asked != request.host_hires_steps and 0 < request.host_hires_steps <= MAX_STEPS:
        preset = request.host_hires_steps
        notes.append(f"Hires steps {preset} is only what the WebUI's preset fills in: {asked} are made. Any other value counts")
    timesteps = _timesteps(rule, asked, request.hires_denoise or 0.0, facts.all_steps, hires=True)
    if timesteps is None:
        return None, asked
    if request.hires_scheduler not in ("", "Automatic"):
        notes.append(f"Hires schedule type {request.hires_scheduler} is not used: the method's own timesteps are")
    return timesteps, len(timesteps)


def _asked(timesteps: tuple[int, ...] | None, profile: Profile) -> tuple[int, ...] | None:
    return None if timesteps is None else tuple(shifted(timesteps, profile.shift))


def _weight(choice: Choice, request: Request, notes: list[str]) -> float:
    """The LoRA's weight: what the prompt says, what the user set, or the row's; 1 where there is no LoRA."""
    profile, tag = choice.profile, choice.tag
    if profile.weight is None or choice.lora is None:
        return 1.0 if profile.weight is None else profile.weight.default
    if tag is None:
        return _value("LoRA weight", request.weight, profile.weight, notes, profile)
    if tag.weight not in profile.weight:
        notes.append(f"LoRA weight {tag.weight:g} in the prompt is outside what {profile.label} was made for ({profile.weight})")
    if request.weight is not None and not math.isclose(request.weight, tag.weight):
        notes.append(f"the prompt's own {tag.text} sets the LoRA weight: the {request.weight:g} of the control is not used")
    return tag.weight


def _cfg_steps(profile: Profile, request: Request, cfg: float, steps: int, notes: list[str]) -> int:
    """In how many steps CFG applies; 0: in all. More than there are is all."""
    asked = profile.cfg_steps if request.cfg_steps is None else request.cfg_steps
    if request.cfg_steps and math.isclose(cfg, 1.0):
        notes.append(f"CFG is 1 in every step: that it applies in the first {request.cfg_steps} has no effect")
    return 0 if math.isclose(cfg, 1.0) or asked >= steps else asked


def _guidance(profile: Profile, request: Request, facts: Facts, notes: list[str]) -> float | None:
    """The guidance scale to be given to a model that takes one; None for all others."""
    if profile.guidance is None:
        return None
    guidance = _value("guidance", request.guidance, profile.guidance, notes, profile)
    layouts = [layout for layout in (facts.unet, facts.checkpoint and facts.checkpoint.layout) if layout is not None]
    if facts.checkpoint is not None and not any(layout.guided for layout in layouts):
        notes.append(f"the loaded checkpoint's file has no guidance embedding: guidance {guidance:g} is not used")
        return None
    return guidance


def _notes_on(choice: Choice, request: Request, facts: Facts) -> list[str]:
    """What the user should know of the choice itself."""
    profile, lora = choice.profile, choice.lora
    notes = []
    own = facts.checkpoint.method if facts.checkpoint is not None else None
    if lora is None and profile.weights != NOTHING and facts.checkpoint is not None:
        notes.append(
            f"no LoRA is added: the loaded checkpoint is {profile.label} itself ({facts.checkpoint.reason})" if own == profile.key
            else f"the loaded checkpoint is not recognised as {profile.label}: its settings are used, as chosen"
        )
    elif own is not None and own != profile.key:
        notes.append(f"the loaded checkpoint is recognised as {own}: two distillations may undo each other")
    if lora is not None:
        recognised = lora.detection.method
        if recognised is not None and recognised != profile.key:
            notes.append(f"LoRA '{lora.name}' is recognised as {recognised}, and runs with the settings of {profile.label}, as chosen")
        if lora.detection.superseded:
            notes.append(f"LoRA '{lora.name}': {lora.detection.reason}")
    if request.second_checkpoint and lora is None and profile.weights != NOTHING:
        notes.append(f"{short(request.second_checkpoint)} takes over with as few steps, and no LoRA makes it fit for them")
    pixels = profile.resolution.get(facts.family or "")
    if pixels and request.width * request.height > (_LARGE * pixels) ** 2:
        size = f"{request.width}x{request.height}"
        notes.append(f"{profile.label} was made for about {pixels}x{pixels} pixels: at {size} things may appear twice")
    return notes


def _sampling(profile: Profile, request: Request, facts: Facts, notes: list[str]) -> tuple[str, str, Rule | None]:
    """Sampler, schedule and timestep rule: the row's, but for what the user chose. A schedule of the user's own decides the timesteps."""
    sampler = profile.sampler
    if request.sampler:
        if facts.samplers is not None and request.sampler not in facts.samplers:
            notes.append(f"sampler {short(request.sampler)} is not one of this WebUI's: {sampler} is used")
        else:
            sampler = request.sampler
    if request.scheduler and (facts.schedulers is None or request.scheduler in facts.schedulers):
        return sampler, request.scheduler, None
    if request.scheduler:
        notes.append(f"schedule {short(request.scheduler)} is not one of this WebUI's: the method's own timesteps are used")
    if sampler in facts.self_timed and profile.timesteps is not None:
        notes.append(f"sampler {sampler} chooses its timesteps itself: those of {profile.label} are not used")
    known = facts.schedulers is None or profile.scheduler in facts.schedulers
    if not known and profile.timesteps is None:
        raise Refusal(f"{profile.label} needs the schedule {profile.scheduler}, which this WebUI does not have")
    return sampler, profile.scheduler if known else _next_best_schedule(facts), profile.timesteps


def _next_best_schedule(facts: Facts) -> str:
    """What stands for a schedule that an older host does not have: where our timesteps do not reach, it should come near them."""
    return next((label for label in ("Simple", "SGM Uniform") if label in (facts.schedulers or ())), "Automatic")


def _timesteps(rule: Rule | None, steps: int, strength: float, all_steps: bool, hires: bool = False) -> tuple[int, ...] | None:
    """The timesteps of one pass that begins at `strength` of the noise: all `steps` within it, or those of them that a host would make.

    None where the host's schedule decides; none at all where no noise is added.
    """
    if rule is None:
        return None
    if strength <= 0:
        return ()
    steps = min(steps, max_steps(rule))
    if all_steps or strength >= 1:
        return tuple(timesteps_for(rule, min(steps, max_steps(rule, strength)), strength))
    if hires:  # the hosts lay steps / strength steps over the full range, and make the last `steps` of them
        whole = max(steps, min(int(steps / max(strength, 0.001)), max_steps(rule)))
        return tuple(timesteps_for(rule, whole)[-steps:])
    return tuple(timesteps_for(rule, steps)[-host_share(steps, strength):])


def _value(name: str, asked: float | None, row: Range, notes: list[str], profile: Profile) -> float:
    """What the user set, or the row's value; a note where the row does not allow what the user set."""
    if asked is None:
        return row.default
    if asked not in row:
        notes.append(f"{name} {asked:g} is outside what {profile.label} was made for ({row}); {row.default:g} is recommended")
    return asked


def _within_rule(steps: int, profile: Profile, notes: list[str]) -> int:
    """More steps than the method's timesteps can serve are cut to what they can."""
    most = max_steps(profile.timesteps) if profile.timesteps is not None else MAX_STEPS
    if steps > most:
        notes.append(f"{steps} steps are more than the timesteps of {profile.label} have: {most} are made")
    return min(steps, most)
