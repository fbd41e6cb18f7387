"""The one decision: what the user asked for and what is there -> what will be done, in a record that a person can read."""
from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .detect import Detection
from .layout import KOHYA, Layout
from .profiles import FAMILIES, Profile, Range, Tables
from .prompts import LoraTag, can_be_written, lora_tag, lora_tags, prompt_parts
from .request import AUTO, Request, possible
from .schedules import MAX_STEPS, Rule, host_share, max_steps, timesteps_for

SECOND_ORDER = frozenset({"DPM++ SDE", "DPM++ 2S a", "Heun", "DPM2", "DPM2 a", "Restart"})
"""Host samplers that ask the UNet twice a step, but once in the last."""


@dataclass(frozen=True)
class InstalledLora:
    """A LoRA in the WebUI's folder: the name that a tag uses, other names the WebUI accepts for it, and what it is."""

    name: str
    detection: Detection
    aliases: tuple[str, ...] = ()

    def is_called(self, name: str) -> bool:
        return name == self.name or name in self.aliases


@dataclass(frozen=True)
class Facts:
    """What is there: the loaded UNet (None: unknown), the LoRAs installed, and what the host can do."""

    unet: Layout | None = None
    loras: tuple[InstalledLora, ...] = ()
    samplers: frozenset[str] | None = None
    """Names of the host's samplers; None: not asked."""
    schedulers: frozenset[str] | None = None
    """Labels of the host's schedules; None: not asked."""
    all_steps: bool = True
    """Whether a pass that begins below full noise makes all the method's steps in what is left, or the share that the host makes."""
    skips_uncond: bool = False
    """Whether the host by itself leaves the negative prompt out at CFG 1."""

    @property
    def family(self) -> str | None:
        """The loaded checkpoint's family; None where it is not known."""
        return self.unet.family if self.unet is not None else None


@dataclass(frozen=True)
class Plan:
    """What will be done. An inactive plan changes nothing and says in `notes` why.

    `tag` is what has to be added to the prompt: empty where the user's prompt holds the LoRA already.
    `timesteps` are those that the first or only pass visits, `hires_timesteps` those of the hires pass; like `rule`, which they come from,
    they are None where the host's schedule `scheduler` decides. `evaluations` counts UNet evaluations of one image, `evaluations_without`
    those of the user's own settings.
    """

    active: bool
    method: str | None = None
    label: str = ""
    lora: str | None = None
    weight: float = 1.0
    tag: str = ""
    steps: int = 0
    cfg: float = 1.0
    gamma: float | None = None
    sampler: str = ""
    scheduler: str = ""
    rule: Rule | None = None
    timesteps: tuple[int, ...] | None = None
    hires_timesteps: tuple[int, ...] | None = None
    hires_steps: int = 0
    evaluations: int = 0
    evaluations_without: int = 0
    notes: tuple[str, ...] = ()
    changed: Mapping[str, float] = field(default_factory=dict)
    """What the user set that differs from the row: steps, cfg, weight, gamma."""

    @property
    def summary(self) -> str:
        """The plan in one line of plain words."""
        if not self.active:
            return "Accelerator does nothing: " + (self.notes[0] if self.notes else "it is off")
        lora = f"{lora_tag(self.lora, self.weight)}" if self.lora else "no LoRA"
        made = len(self.timesteps) if self.timesteps is not None else self.steps
        passes = f"{made} step{'s' if made != 1 else ''}"
        if self.hires_steps:
            passes += f" + {self.hires_steps} hires"
        parts = [passes, f"CFG {self.cfg:g}", self.sampler, lora]
        if self.gamma is not None:
            parts.insert(3, f"gamma {self.gamma:g}")
        noun = "evaluation" if self.evaluations == 1 else "evaluations"
        return f"{self.label}: {', '.join(parts)}: {self.evaluations} UNet {noun} instead of {self.evaluations_without}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the API."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**{name: list(value) if isinstance(value, tuple) else value for name, value in plain.items()}, "summary": self.summary}


def make_plan(request: Request, facts: Facts, tables: Tables) -> Plan:
    """Decides. Pure: the same request, facts and tables give the same plan. Raises nothing: what cannot be done is an inactive plan."""
    request = possible(request)
    without = _evaluations_without(request, facts)
    try:
        profile, lora, tag = _choose(request, facts, tables)
        plan = _fill(profile, lora, tag, request, facts)
    except _Refusal as refusal:
        return Plan(active=False, notes=(str(refusal), *request.problems), evaluations=without, evaluations_without=without)
    return replace(plan, evaluations_without=without)


def evaluations(steps: int, cfg: float, sampler: str, skips_uncond: bool, parts: int = 1) -> int:
    """UNet evaluations of one image: one a step and part of the prompt (joined with AND), one more where the negative prompt is evaluated,
    nearly twice that for second-order samplers.
    """
    calls = 2 * steps - 1 if sampler in SECOND_ORDER else steps
    return calls * (parts if skips_uncond and math.isclose(cfg, 1.0) else parts + 1)


def _evaluations_without(request: Request, facts: Facts) -> int:
    """What the user's own settings would ask of the UNet."""
    passes = [host_share(request.host_steps, request.denoise)]
    if request.hires_denoise is not None:
        passes.append(request.hires_steps or request.host_steps)
    parts = len(prompt_parts(request.prompt))
    return sum(evaluations(steps, request.host_cfg, request.host_sampler, facts.skips_uncond, parts) for steps in passes)


def fitting(facts: Facts, tables: Tables, method: str | None = None) -> list[InstalledLora]:
    """Installed accelerators that the loaded checkpoint can use, best first: in the tables' `auto_order`, then by name.

    Replaced uploads come last. `method` narrows the list to one.
    """
    order = {key: rank for rank, key in enumerate(tables.auto_order)}
    usable = [
        lora for lora in facts.loras
        if lora.detection.method in order and method in (None, lora.detection.method) and _unusable(lora, facts) is None
    ]
    return sorted(usable, key=lambda lora: (lora.detection.superseded, order[lora.detection.method or ""], lora.name.lower()))


# --------------------------------------------------------------------------------------------------------------- choosing


class _Refusal(Exception):
    """Why the Accelerator leaves the user's own settings alone."""


def _choose(request: Request, facts: Facts, tables: Tables) -> tuple[Profile, InstalledLora, LoraTag | None]:
    """The method, its LoRA, and the tag of it that the prompt holds already."""
    if facts.unet is not None and facts.unet.reads_picture:
        raise _Refusal("the loaded checkpoint is an InstructPix2Pix model, guided by the picture too: no method was made for that")
    if request.method != AUTO and request.method not in tables.profiles:
        raise _Refusal(f"method '{request.method}' is unknown; expected auto or one of {', '.join(tables.profiles)}")
    present = _accelerators_in(request.prompt, facts, tables)
    if len(present) > 1:
        names = " and ".join(tag.text for tag, _ in present)
        raise _Refusal(f"the prompt holds {len(present)} accelerator LoRAs, {names}: they undo each other; leave one")
    if present:
        return _from_prompt(request, facts, tables, *present[0])
    if request.lora != AUTO:
        lora = _named(request.lora, facts)
        written = next((tag for tag in lora_tags(request.prompt) if lora.is_called(tag.name)), None)
        return _profile_of(request, lora, facts, tables), lora, written
    if request.method != AUTO:
        profile = tables.profiles[request.method]
        _check_family(profile, facts)
        candidates = fitting(facts, tables, profile.key)
        if not candidates:
            raise _Refusal(_nothing_for(profile, facts, tables))
        return profile, candidates[0], None
    candidates = fitting(facts, tables)
    if not candidates:
        raise _Refusal(_nothing_at_all(facts))
    return tables.profiles[candidates[0].detection.method or ""], candidates[0], None


def _accelerators_in(prompt: str, facts: Facts, tables: Tables) -> list[tuple[LoraTag, InstalledLora]]:
    found: dict[str, tuple[LoraTag, InstalledLora]] = {}
    for tag in lora_tags(prompt):
        for lora in facts.loras:
            if lora.is_called(tag.name) and lora.detection.method in tables.profiles:
                found[lora.name] = tag, lora
    return list(found.values())


def _from_prompt(
    request: Request, facts: Facts, tables: Tables, tag: LoraTag, lora: InstalledLora
) -> tuple[Profile, InstalledLora, LoraTag]:
    if request.lora != AUTO and not lora.is_called(request.lora):
        raise _Refusal(f"the prompt holds {tag.text}, and '{request.lora}' was chosen: take the tag out, or set LoRA to Auto")
    if request.method not in (AUTO, lora.detection.method) and request.lora == AUTO:
        chosen, there = tables.profiles[request.method].label, tables.profiles[lora.detection.method or ""].label
        raise _Refusal(f"the prompt holds {tag.text}, which is {there}, and {chosen} was chosen: take the tag out, or set Method to Auto")
    return _profile_of(request, lora, facts, tables), lora, tag


def _named(name: str, facts: Facts) -> InstalledLora:
    for lora in facts.loras:
        if lora.is_called(name):
            return lora
    raise _Refusal(f"LoRA '{name}' is not installed; put its file into the WebUI's Lora folder and refresh the list, or set LoRA to Auto")


def _profile_of(request: Request, lora: InstalledLora, facts: Facts, tables: Tables) -> Profile:
    """The row for a chosen LoRA: the method asked for, else the one it was recognised as."""
    reason = _unusable(lora, facts)
    if reason:
        raise _Refusal(f"LoRA '{lora.name}' {reason}")
    key = lora.detection.method if request.method == AUTO else request.method
    if key is None or key not in tables.profiles:
        raise _Refusal(f"LoRA '{lora.name}' is not recognised ({lora.detection.reason}): choose the method that it was made with")
    return tables.profiles[key]


def _unusable(lora: InstalledLora, facts: Facts) -> str | None:
    """Why the loaded checkpoint or this host cannot use `lora`, in words that follow its name."""
    if not lora.detection.readable:
        return f"is {lora.detection.reason}"
    if lora.detection.naming != KOHYA:
        return "has tensor names that this WebUI does not load (it expects lora_unet_…): use the file that its publisher converted"
    if not can_be_written(lora.name):
        return "has a name that a prompt's tag cannot hold: rename its file without ':', '=' and '>'"
    return lora.detection.layout.misfit(facts.unet) if facts.unet is not None else None


def _check_family(profile: Profile, facts: Facts) -> None:
    if facts.family is not None and facts.family not in profile.families:
        made_for = " and ".join(FAMILIES[f] for f in profile.families)
        raise _Refusal(f"{profile.label} is made for {made_for}, and the loaded checkpoint is {FAMILIES[facts.family]}")


def _nothing_for(profile: Profile, facts: Facts, tables: Tables) -> str:
    """Why no file of `profile` can be used: none is there, or none of those fits."""
    for lora in facts.loras:
        if lora.detection.method == profile.key and (reason := _unusable(lora, facts)):
            return f"LoRA '{lora.name}' {reason}"
    published = [f for f in tables.files if f.method == profile.key and facts.family in (None, f.family) and not f.superseded]
    where = f": {published[0].file} from {published[0].repo}" if published and published[0].repo else ""
    return f"no LoRA of {profile.label} is installed{where}; put it into the WebUI's Lora folder and refresh the list"


def _nothing_at_all(facts: Facts) -> str:
    reasons = [f"'{lora.name}' {reason}" for lora in facts.loras if lora.detection.method and (reason := _unusable(lora, facts))]
    if reasons:
        return f"no installed accelerator LoRA fits the loaded checkpoint: {'; '.join(reasons[:3])}"
    return "no accelerator LoRA is installed; put one into the WebUI's Lora folder and refresh the list"


# ---------------------------------------------------------------------------------------------------------------- filling


def _fill(profile: Profile, lora: InstalledLora, tag: LoraTag | None, request: Request, facts: Facts) -> Plan:
    if facts.samplers is not None and not request.sampler and profile.sampler not in facts.samplers:
        raise _Refusal(f"{profile.label} needs the sampler {profile.sampler}, which this WebUI does not have")
    notes = list(request.problems)
    steps = int(_value("steps", request.steps, profile.steps, notes, profile))
    steps = _within_rule(steps, profile, notes)
    cfg = _value("CFG", request.cfg, profile.cfg, notes, profile)
    weight = tag.weight if tag else _value("LoRA weight", request.weight, profile.weight, notes, profile)
    gamma = None if profile.gamma is None else _value("gamma", request.gamma, profile.gamma, notes, profile)
    if tag:
        _check_written_weight(tag, request, profile, notes)
    recognised = lora.detection.method
    if recognised is not None and recognised != profile.key:
        notes.append(f"LoRA '{lora.name}' is recognised as {recognised}, and runs with the settings of {profile.label}, as chosen")
    if lora.detection.superseded:
        notes.append(f"LoRA '{lora.name}': {lora.detection.reason}")
    sampler, scheduler, rule = _sampling(profile, request, facts, notes)
    timesteps = _timesteps(rule, steps, request.denoise, facts.all_steps)
    hires_timesteps, hires_steps = None, 0
    if request.hires_denoise is not None:
        hires_steps = request.hires_steps or steps
        hires_timesteps = _timesteps(rule, hires_steps, request.hires_denoise, facts.all_steps, hires=True)
        hires_steps = hires_steps if hires_timesteps is None else len(hires_timesteps)
    made = host_share(steps, request.denoise) if timesteps is None else len(timesteps)
    parts = len(prompt_parts(request.prompt))
    skips_uncond = facts.skips_uncond or parts == 1
    if request.negative_prompt.strip() and math.isclose(cfg, 1.0) and parts == 1:
        notes.append("the negative prompt has no effect at CFG 1: it is not evaluated, which halves the work")
    values = {"steps": steps, "cfg": cfg, "weight": weight, "gamma": gamma}
    return Plan(
        active=True,
        method=profile.key,
        label=profile.label,
        lora=tag.name if tag else lora.name,
        weight=weight,
        tag="" if tag else lora_tag(lora.name, weight),
        steps=steps,
        cfg=cfg,
        gamma=gamma,
        sampler=sampler,
        scheduler=scheduler,
        rule=rule,
        timesteps=timesteps,
        hires_timesteps=hires_timesteps,
        hires_steps=hires_steps,
        evaluations=sum(evaluations(n, cfg, sampler, skips_uncond, parts) for n in (made, hires_steps) if n),
        notes=tuple(notes),
        changed={k: v for k, v in values.items() if v is not None and v != getattr(profile, k).default},
    )


def _sampling(profile: Profile, request: Request, facts: Facts, notes: list[str]) -> tuple[str, str, Rule | None]:
    """Sampler, schedule and timestep rule: the row's, but for what the user chose. A schedule of the user's own decides the timesteps."""
    sampler = profile.sampler
    if request.sampler:
        if facts.samplers is not None and request.sampler not in facts.samplers:
            notes.append(f"sampler '{request.sampler}' is not one of this WebUI's: {sampler} is used")
        else:
            sampler = request.sampler
    if request.scheduler:
        return sampler, request.scheduler, None
    known = facts.schedulers is None or profile.scheduler in facts.schedulers
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


def _check_written_weight(tag: LoraTag, request: Request, profile: Profile, notes: list[str]) -> None:
    if tag.weight not in profile.weight:
        notes.append(f"LoRA weight {tag.weight:g} in the prompt is outside what {profile.label} was made for ({profile.weight})")
    if request.weight is not None and not math.isclose(request.weight, tag.weight):
        notes.append(f"the prompt's own {tag.text} sets the LoRA weight: the {request.weight:g} of the control is not used")
