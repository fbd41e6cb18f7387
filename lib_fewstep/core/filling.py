"""The second half of the decision: a choice, filled in with numbers, passes and notes."""
from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from ..words.say import counted as so_many
from ..words.say import quoted, say
from .by_size import note_on_size
from .changes import changed_from
from .choice_notes import notes_on_choice
from .choose import Choice, Refusal
from .counting import counting, self_timed_steps, share
from .facts import Facts
from .families import by_size_of
from .flow import shift_for
from .negative import negative_prompt, notes_on
from .numbers import NUMBERS, same
from .passes import Counting, Pass, counted, visited, with_timesteps
from .plan import Plan
from .profiles import Profile
from .prompts import is_plain, lora_tag
from .request import Request, recommended
from .schedules import MAX_STEPS, Rule, max_steps


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
        shift = None if profile.shift is None else self._value("shift")
        self.notes += notes_on_choice(self.choice, self.request, self.facts)
        sampler, scheduler, rule = self._sampling()
        cfg_steps = self._cfg_steps(cfg, steps, sampler)
        first, hires = self._first(rule, steps, sampler, scheduler, shift), self._hires(rule, steps, sampler, shift)
        by, nag = self._counting(), self._nag()
        negative = negative_prompt(nag or 0, cfg, cfg_steps, self.request, self.profile, self.facts.family)
        self.notes += notes_on(negative, cfg, by, self.request, self.facts, first, hires)
        name = tag.name if tag else lora.name if lora else None
        plan = Plan(
            steps=steps, cfg=cfg, weight=weight, gamma=gamma, guidance=guidance, cfg_steps=cfg_steps,
            nag=nag, negative=negative, shift=shift, variety=self._variety(),
            active=True, method=profile.key, label=profile.label, lora=name, tag=lora_tag(name, weight) if name and not tag else "",
            prediction=profile.prediction, scheduler=scheduler, rule=rule, by_size=self._by_size() not in (None, profile.timesteps),
            first=self._counted(first, steps, cfg, cfg_steps, by), notes=tuple(self.notes),
            hires=hires and self._counted(hires, 0, cfg, cfg_steps, by),
        )
        return replace(plan, changed=changed_from(plan, profile, self.facts.family))

    # -- the negative prompt

    def _counting(self) -> Counting:
        """The unconditional rows are left out at CFG 1 by the host itself, or by us, if that is allowed and changes nothing."""
        by_us = self.facts.leaves_out_negative and is_plain(self.request.prompt)
        return counting(self.request, self.facts, self.facts.skips_uncond or by_us)

    # -- numbers

    def _value(self, name: str) -> float:
        """What the user set, or the row's value; a note where the row does not allow what the user set."""
        allowed, asked = getattr(self.profile, name), getattr(self.request, name)
        if asked is None:
            return allowed.default
        if asked not in allowed:
            self.notes.append(say(
                "number.outside", called=NUMBERS[name].called, asked=asked, label=self.profile.label, allowed=allowed.in_words,
                best=allowed.default,
            ))
        return asked

    def _steps(self) -> int:
        """More steps than the method's timesteps can serve are cut to what they can."""
        steps, rule = int(self._value("steps")), self.profile.timesteps
        most = max_steps(rule) if rule is not None else MAX_STEPS
        if steps > most:
            self.notes.append(say("steps.too_many", asked=steps, label=self.profile.label, most=so_many(most, "steps")))
        return min(steps, most)

    def _weight(self) -> float:
        """The LoRA's weight: what the prompt says, what the user set, or the row's; 1 where there is no LoRA."""
        allowed, tag, asked = self.profile.weight, self.choice.tag, self.request.weight
        if allowed is None or self.choice.lora is None:
            return 1.0 if allowed is None else allowed.default
        if tag is None or tag.weight is None:
            return self._value("weight")
        if tag.weight not in allowed:
            self.notes.append(say(
                "weight.outside", weight=tag.weight, label=self.profile.label, allowed=allowed.in_words, best=allowed.default,
            ))
        if asked is not None and not same(asked, tag.weight):
            self.notes.append(say("weight.prompt_wins", tag=tag.text, weight=asked))
        return tag.weight

    def _cfg_steps(self, cfg: float, steps: int, sampler: str) -> int:
        """In how many steps CFG applies; 0: in all. More than there are is all."""
        asked = self.profile.cfg_steps if self.request.cfg_steps is None else self.request.cfg_steps
        if self.request.cfg_steps and math.isclose(cfg, 1.0):
            self.notes.append(say("cfg_steps.at_cfg_1", steps=so_many(self.request.cfg_steps, "steps")))
        if math.isclose(cfg, 1.0) or asked >= steps:
            return 0
        if asked and self.facts.calls_per_step.get(sampler) == 0:
            self.notes.append(say("cfg_steps.uncountable", sampler=sampler))
            return 0
        return asked

    def _guidance(self) -> float | None:
        """The guidance scale to be given to a model that takes one; None for all others."""
        if self.profile.guidance is None:
            return None
        guidance, checkpoint = self._value("guidance"), self.facts.checkpoint
        layouts = [layout for layout in (self.facts.unet, checkpoint and checkpoint.layout) if layout is not None]
        if checkpoint is not None and not any(layout.guided for layout in layouts):
            self.notes.append(say("guidance.no_input", guidance=guidance))
            return None
        return guidance

    def _nag(self) -> float | None:
        """How strongly the negative prompt is to act at CFG 1; None where it cannot."""
        asked, own = self.request.nag, recommended(self.profile, "nag")
        if asked and own is None:
            self.notes.append(say("negative.impossible", label=self.profile.label))
        return None if own is None else own if asked is None else asked

    def _variety(self) -> float:
        """How much more the pictures of different seeds are to differ; a note where they are."""
        variety = self.request.variety or 0.0
        if variety:
            self.notes.append(say("variety.on", value=variety))
        return variety

    # -- passes

    def _sampler(self, asked: str | None) -> str:
        """The sampler that the user chose for a pass, or the row's where that one cannot do it."""
        own, known = self.profile.sampler, self.facts.samplers
        if not asked or asked == own:
            return own
        if known is not None and asked not in known:
            self.notes.append(say("sampler.unknown", asked=quoted(asked), used=own))
            return own
        if self.profile.needs_own_sampler:
            self.notes.append(say("sampler.own_kept", label=self.profile.label, asked=asked, used=own))
            return own
        return asked

    def _sampling(self) -> tuple[str, str, Rule | None]:
        """Sampler, schedule and timestep rule: the row's, but for what the user chose. The user's schedule decides the timesteps."""
        profile, facts, asked = self.profile, self.facts, self.request.scheduler
        if facts.samplers is not None and not self.request.sampler and profile.sampler not in facts.samplers:
            raise Refusal("method.no_sampler", label=profile.label, sampler=profile.sampler)
        sampler = self._sampler(self.request.sampler)
        if (theirs := self._by_size()) is not None:
            return sampler, profile.scheduler, theirs
        if asked and facts.schedulers is not None and asked not in facts.schedulers:
            self.notes.append(say("schedule.unknown", asked=quoted(asked)))
        elif asked and profile.timestep_shift is not None:
            self.notes.append(say("schedule.own_kept", label=profile.label, asked=asked))
        elif asked:
            return sampler, asked, None
        if sampler in facts.self_timed and profile.timesteps is not None:
            self.notes.append(say("sampler.self_timed", sampler=sampler, label=profile.label))
        known = facts.schedulers is None or profile.scheduler in facts.schedulers
        if not known and profile.timesteps is None:
            raise Refusal("method.no_schedule", label=profile.label, schedule=profile.scheduler)
        return sampler, profile.scheduler if known else _next_best_schedule(facts), profile.timesteps or self._all_steps(sampler)

    def _by_size(self) -> Rule | None:
        """The authors' rule, where that is asked for; a row's or the user's schedule stays."""
        asked, theirs = self.request.scheduler, self._authors_rule()
        wanted = asked == theirs or (self.request.by_size and not asked and self.profile.timesteps is None)
        return theirs if wanted else None

    def _all_steps(self, sampler: str) -> Rule | None:
        """In img2img a host makes a share of the steps. Where it has the authors' schedule of the usual size, all of them fit in."""
        fits = self.facts.fit_steps_to_strength and self.request.denoise < 1 and sampler not in self.facts.self_timed
        return self._authors_rule() if fits else None

    def _authors_rule(self) -> Rule | None:
        """The schedule of the model's authors, where it goes by the picture's size."""
        return (by_size_of(self.facts.family) or None) if self.facts.family in self.profile.families else None

    def _counted(self, one: Pass, steps: int, cfg: float, cfg_steps: int, by: Counting) -> Pass:
        """`one` with its evaluations; `steps` were asked of the first pass, 0: it is the hires pass."""
        full = bool(steps) and self.request.denoise >= 1
        return replace(counted(self_timed_steps(one, steps, full, self.facts), cfg, cfg_steps, by), steps=one.steps)

    def _first(self, rule: Rule | None, steps: int, sampler: str, scheduler: str, shift: float | None) -> Pass:
        request, strength = self.request, self.request.denoise
        ours = None if sampler in self.facts.self_timed else rule
        host_shifts = rule is None or (self.profile.timesteps is None and self._by_size() is None)
        if host_shifts and (told := note_on_size(self.facts.family, request, steps, scheduler)):
            self.notes.append(told)
        size = (0, 0) if host_shifts else (request.width, request.height)
        planned = self._with_timesteps(Pass(steps, sampler), ours, shift, size, strength)
        if planned.timesteps is not None:
            return planned
        made = share(steps, strength, self.facts)
        if made < steps and rule is None and not request.scheduler:
            all_steps = so_many(steps, "steps")
            self.notes.append(say(
                "steps.share", strength=strength, made=made, steps=all_steps, label=self.profile.label, schedule=scheduler,
            ))
        return Pass(made, sampler)

    def _hires(self, rule: Rule | None, steps: int, sampler: str, shift: float | None) -> Pass | None:
        """As many steps as the first pass makes, or the user's."""
        request = self.request
        if request.hires_denoise is None:
            return None
        sampler = self._sampler(request.hires_sampler) if request.hires_sampler else sampler
        asked, preset = request.hires_steps or steps, request.host_hires_steps
        if not request.hires_steps and asked != preset and 0 < preset <= MAX_STEPS:
            self.notes.append(say("hires.preset_steps", preset=preset, steps=so_many(asked, "steps")))
        ours = None if sampler in self.facts.self_timed else rule
        planned = self._with_timesteps(Pass(asked, sampler), ours, shift, request.hires_size, request.hires_denoise, hires=True)
        if planned.timesteps is not None and request.hires_scheduler not in ("", "Automatic"):
            self.notes.append(say("schedule.hires_ignored", schedule=request.hires_scheduler))
        return planned

    def _with_timesteps(
        self, one: Pass, rule: Rule | None, shift: float | None, size: tuple[int, int], strength: float, hires: bool = False
    ) -> Pass:
        """`one` over the timesteps of `rule`, for a picture of this size in pixels and from this strength on."""
        one = replace(one, shift=shift_for(rule, shift, one.steps, *size))
        timesteps = visited(rule, one.steps, strength, self.facts.fit_steps_to_strength, hires, one.shift)
        return with_timesteps(one, timesteps, self.profile.timestep_shift)


def _next_best_schedule(facts: Facts) -> str:
    """What stands for a schedule that an older host does not have: where our timesteps do not reach, it should come near them."""
    return next((label for label in ("Simple", "SGM Uniform") if label in (facts.schedulers or ())), "Automatic")
