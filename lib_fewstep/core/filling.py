"""The second half of the decision: a choice, filled in with numbers, passes and notes."""
from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from ..words.say import say
from . import notes
from .choose import Choice, Refusal
from .facts import Facts
from .negative import acting, negative_prompt
from .numbers import NUMBERS, same, values_of
from .passes import Counting, Pass, counted, visited, with_timesteps
from .plan import Plan
from .profiles import NOTHING, Profile
from .prompts import is_plain, lora_tag, prompt_parts
from .request import Request, quoted, recommended
from .schedules import MAX_STEPS, Rule, host_share, max_steps

_LARGE = 1.5
"""How much larger than a method's own resolution a side may be until a note is due."""


def counting(request: Request, facts: Facts, skips_uncond: bool) -> Counting:
    return Counting(facts.calls_per_step, len(prompt_parts(request.prompt)), skips_uncond)


def share(steps: int, strength: float, facts: Facts) -> int:
    """How many of `steps` the host makes by itself."""
    return steps if facts.host_img2img_exact_steps else host_share(steps, strength)


@dataclass
class Filling:
    """A plan in the making: the choice, the request and the facts that every part of it needs, and the notes that come up."""

    choice: Choice
    request: Request
    facts: Facts
    notes: list[str] = field(default_factory=list[str])

    @property
    def profile(self) -> Profile:
        return self.choice.profile

    def plan(self) -> Plan:
        """Raises `Refusal` where this WebUI lacks the method's sampler or schedule."""
        profile, lora, tag = self.profile, self.choice.lora, self.choice.tag
        self.notes += [*self.request.problems, *self.choice.notes]
        steps = self._steps()
        cfg = self._value("cfg")
        gamma = None if profile.gamma is None else self._value("gamma")
        guidance, weight = self._guidance(), self._weight()
        self._say_what_runs()
        sampler, scheduler, rule = self._sampling()
        cfg_steps = self._cfg_steps(cfg, steps, sampler)
        first, hires = self._first(rule, steps, sampler, scheduler), self._hires(rule, steps, sampler)
        plain = self.facts.skips_uncond or is_plain(self.request.prompt)
        by = counting(self.request, self.facts, plain)
        nag = self._nag()
        negative = negative_prompt(nag or 0, cfg, cfg_steps, self.request, self.profile, self.facts.family)
        if negative is not None:
            self.notes.append(acting(negative, first, hires))
        elif self.request.negative_prompt.strip() and math.isclose(cfg, 1.0) and plain:
            self.notes.append(notes.negative_prompt_idle(halves=by.parts == 1))
        name = tag.name if tag else lora.name if lora else None
        plan = Plan(
            steps=steps, cfg=cfg, weight=weight, gamma=gamma, guidance=guidance, cfg_steps=cfg_steps,
            nag=nag, negative=negative,
            active=True, method=profile.key, label=profile.label, lora=name, tag=lora_tag(name, weight) if name and not tag else "",
            prediction=profile.prediction, scheduler=scheduler, rule=rule,
            first=counted(first, cfg, cfg_steps, by), hires=hires and counted(hires, cfg, cfg_steps, by), notes=tuple(self.notes),
        )
        return replace(plan, changed=_changed(plan, profile, self.request))

    # -- numbers

    def _value(self, name: str) -> float:
        """What the user set, or the row's value; a note where the row does not allow what the user set."""
        allowed, asked = getattr(self.profile, name), getattr(self.request, name)
        if asked is None:
            return allowed.default
        if asked not in allowed:
            self.notes.append(notes.outside(NUMBERS[name].called, asked, self.profile.label, allowed))
        return asked

    def _steps(self) -> int:
        """More steps than the method's timesteps can serve are cut to what they can."""
        steps, rule = int(self._value("steps")), self.profile.timesteps
        most = max_steps(rule) if rule is not None else MAX_STEPS
        if steps > most:
            self.notes.append(notes.too_many_steps(steps, self.profile.label, most))
        return min(steps, most)

    def _weight(self) -> float:
        """The LoRA's weight: what the prompt says, what the user set, or the row's; 1 where there is no LoRA."""
        allowed, tag, asked = self.profile.weight, self.choice.tag, self.request.weight
        if allowed is None or self.choice.lora is None:
            return 1.0 if allowed is None else allowed.default
        if tag is None or tag.weight is None:
            return self._value("weight")
        if tag.weight not in allowed:
            self.notes.append(notes.weight_written_outside(tag.weight, self.profile.label, allowed))
        if asked is not None and not same(asked, tag.weight):
            self.notes.append(notes.weight_written_wins(tag.text, asked))
        return tag.weight

    def _cfg_steps(self, cfg: float, steps: int, sampler: str) -> int:
        """In how many steps CFG applies; 0: in all. More than there are is all."""
        asked = self.profile.cfg_steps if self.request.cfg_steps is None else self.request.cfg_steps
        if self.request.cfg_steps and math.isclose(cfg, 1.0):
            self.notes.append(notes.cfg_steps_at_cfg_1(self.request.cfg_steps))
        if math.isclose(cfg, 1.0) or asked >= steps:
            return 0
        if asked and self.facts.calls_per_step.get(sampler) == 0:
            self.notes.append(notes.cfg_steps_uncountable(sampler))
            return 0
        return asked

    def _guidance(self) -> float | None:
        """The guidance scale to be given to a model that takes one; None for all others."""
        if self.profile.guidance is None:
            return None
        guidance, checkpoint = self._value("guidance"), self.facts.checkpoint
        layouts = [layout for layout in (self.facts.unet, checkpoint and checkpoint.layout) if layout is not None]
        if checkpoint is not None and not any(layout.guided for layout in layouts):
            self.notes.append(notes.no_guidance_input(guidance))
            return None
        return guidance

    def _nag(self) -> float | None:
        """How strongly the negative prompt is to act at CFG 1; None where it cannot."""
        asked, own = self.request.nag, recommended(self.profile, "nag")
        if asked and own is None:
            self.notes.append(say("nag_impossible", label=self.profile.label))
        return None if own is None else own if asked is None else asked

    # -- what runs

    def _say_what_runs(self) -> None:
        """What the user should know of the choice itself."""
        profile, lora, checkpoint, request = self.profile, self.choice.lora, self.facts.checkpoint, self.request
        own = checkpoint.method if checkpoint is not None else None
        needs_weights = profile.weights != NOTHING
        if lora is None and needs_weights and checkpoint is not None:
            itself = own == profile.key
            self.notes.append(
                notes.checkpoint_itself(profile.label, checkpoint.reason) if itself else notes.checkpoint_as_chosen(profile.label)
            )
        elif own is not None and own != profile.key:
            self.notes.append(notes.two_accelerators(own))
        if lora is not None:
            recognised = lora.detection.method
            if recognised is not None and recognised != profile.key:
                self.notes.append(notes.lora_as_chosen(lora.name, recognised, profile.label))
            if lora.detection.superseded:
                self.notes.append(notes.lora_replaced(lora.name, lora.detection.reason))
        if request.second_checkpoint and lora is None and needs_weights:
            self.notes.append(notes.second_checkpoint(quoted(request.second_checkpoint)))
        pixels = profile.resolution.get(self.facts.family or "")
        if pixels and request.width * request.height > (_LARGE * pixels) ** 2:
            self.notes.append(notes.too_large(profile.label, pixels, request.width, request.height))

    # -- passes

    def _sampler(self, asked: str | None) -> str:
        """The sampler that the user chose for a pass, or the row's where that one cannot do it."""
        own, known = self.profile.sampler, self.facts.samplers
        if not asked or asked == own:
            return own
        if known is not None and asked not in known:
            self.notes.append(notes.unknown_sampler(quoted(asked), own))
            return own
        if self.profile.needs_own_sampler:
            self.notes.append(notes.own_sampler_kept(self.profile.label, asked, own))
            return own
        return asked

    def _sampling(self) -> tuple[str, str, Rule | None]:
        """Sampler, schedule and timestep rule: the row's, but for what the user chose. The user's schedule decides the timesteps."""
        profile, facts, asked = self.profile, self.facts, self.request.scheduler
        if facts.samplers is not None and not self.request.sampler and profile.sampler not in facts.samplers:
            raise Refusal(f"{profile.label} needs the sampler {profile.sampler}, which this WebUI does not have")
        sampler = self._sampler(self.request.sampler)
        if asked and facts.schedulers is not None and asked not in facts.schedulers:
            self.notes.append(notes.unknown_schedule(quoted(asked)))
        elif asked and profile.shift is not None:
            self.notes.append(notes.own_timesteps_kept(profile.label, asked))
        elif asked:
            return sampler, asked, None
        if sampler in facts.self_timed and profile.timesteps is not None:
            self.notes.append(notes.self_timed(sampler, profile.label))
        known = facts.schedulers is None or profile.scheduler in facts.schedulers
        if not known and profile.timesteps is None:
            raise Refusal(f"{profile.label} needs the schedule {profile.scheduler}, which this WebUI does not have")
        return sampler, profile.scheduler if known else _next_best_schedule(facts), profile.timesteps

    def _first(self, rule: Rule | None, steps: int, sampler: str, scheduler: str) -> Pass:
        strength = self.request.denoise
        timesteps = None if sampler in self.facts.self_timed else visited(rule, steps, strength, self.facts.fit_steps_to_strength)
        if timesteps is not None:
            return with_timesteps(Pass(steps, sampler), timesteps, self.profile.shift)
        made = share(steps, strength, self.facts)
        if made < steps and rule is None and not self.request.scheduler:
            self.notes.append(notes.host_makes_share(strength, made, steps, self.profile.label, scheduler))
        return Pass(made, sampler)

    def _hires(self, rule: Rule | None, steps: int, sampler: str) -> Pass | None:
        """As many steps as the first pass makes, or the user's."""
        request = self.request
        if request.hires_denoise is None:
            return None
        sampler = self._sampler(request.hires_sampler) if request.hires_sampler else sampler
        asked, preset = request.hires_steps or steps, request.host_hires_steps
        if not request.hires_steps and asked != preset and 0 < preset <= MAX_STEPS:
            self.notes.append(notes.preset_hires_steps(preset, asked))
        rule = None if sampler in self.facts.self_timed else rule
        timesteps = visited(rule, asked, request.hires_denoise, self.facts.fit_steps_to_strength, hires=True)
        if timesteps is not None and request.hires_scheduler not in ("", "Automatic"):
            self.notes.append(notes.hires_schedule_ignored(request.hires_scheduler))
        return with_timesteps(Pass(asked, sampler), timesteps, self.profile.shift)


def _changed(plan: Plan, profile: Profile, request: Request) -> dict[str, float]:
    """The numbers of `plan` that differ from the row, and what was asked for beside NAG where it acts."""
    rows = {name: recommended(profile, name) for name in NUMBERS}
    numbers = {name: value for name, value in values_of(plan).items() if None not in (value, rows[name]) and value != rows[name]}
    beside = {name: getattr(request, name) for name in ("nag_tau", "nag_alpha", "nag_until")} if plan.negative is not None else {}
    return {name: value for name, value in {**numbers, **beside}.items() if value is not None}


def _next_best_schedule(facts: Facts) -> str:
    """What stands for a schedule that an older host does not have: where our timesteps do not reach, it should come near them."""
    return next((label for label in ("Simple", "SGM Uniform") if label in (facts.schedulers or ())), "Automatic")
