"""The one decision: what the user asked for and what is there -> what will be done."""
from __future__ import annotations

from dataclasses import dataclass, replace

from ..words.say import counted as so_many
from ..words.say import say
from .choose import Choice, Refusal, choose, with_saved
from .counting import counting, self_timed_steps, share
from .facts import Facts
from .filling import Filling
from .passes import Pass, counted
from .plan import Plan
from .profiles import Tables
from .request import Request


def make_plan(request: Request, facts: Facts, tables: Tables) -> Plan:
    """Decides. Pure: the same request, facts and tables give the same plan. Raises nothing: what cannot be done is an inactive plan."""
    return plan_for(chosen(request, facts, tables), request, facts)


@dataclass(frozen=True)
class Settled:
    """Which method runs on what, or why none does; for the request with what the user has saved for the checkpoint."""

    request: Request
    choice: Choice | None
    why_not: str = ""
    saved: bool = False

    def with_numbers_of(self, request: Request, facts: Facts, tables: Tables) -> Settled:
        """The same method on the same LoRA, for a request that differs in its numbers alone."""
        return replace(self, request=with_saved(request, facts, tables) if self.saved else request)


def chosen(request: Request, facts: Facts, tables: Tables) -> Settled:
    """The first half of the decision, in which the numbers of a method have no part."""
    meant = with_saved(request, facts, tables)
    try:
        return Settled(meant, choose(meant, facts, tables), saved=meant is not request)
    except Refusal as refusal:
        return Settled(meant, None, refusal.why, meant is not request)


def plan_for(settled: Settled, request: Request, facts: Facts) -> Plan:
    """The second half: the numbers, the passes, and what to say of them."""
    without = _evaluations_without(request, facts)
    why_not, meant = settled.why_not, settled.request
    if settled.choice is not None:
        try:
            return _with_draft(_with_cost(Filling(settled.choice, meant, facts).plan(), without), meant, facts)
        except Refusal as refusal:
            why_not = refusal.why
    saved = (say("runs.saved"),) if settled.saved else ()
    return Plan(notes=(why_not, *saved, *meant.problems), evaluations_without=without)


def _with_cost(plan: Plan, without: int | None) -> Plan:
    """`plan` beside what the user's own settings cost; what the user changed to more work than those earns a warning."""
    plan, made = replace(plan, evaluations_without=without), plan.evaluations
    by_the_user = plan.changed.keys() & {"steps", "cfg", "cfg_steps"}
    if by_the_user and made is not None and without is not None and made > without:
        more = say("cost.more_work", made=so_many(made, "evaluations"), without=without)
        return replace(plan, notes=(*plan.notes, more))
    return plan


def _with_draft(plan: Plan, request: Request, facts: Facts) -> Plan:
    if not request.draft:
        return plan
    return replace(plan, notes=(*plan.notes, facts.no_draft)) if facts.no_draft else replace(plan, draft=True)


def _evaluations_without(request: Request, facts: Facts) -> int | None:
    """What the user's own settings would ask of the UNet; None where a sampler decides by itself."""
    steps, sampler = request.host_steps, request.host_sampler
    one = Pass(share(steps, request.denoise, facts), sampler)
    passes = [self_timed_steps(one, steps, request.denoise >= 1, facts)]
    if request.hires_denoise is not None:
        passes.append(self_timed_steps(Pass(request.host_hires_steps or steps, request.hires_sampler or sampler), 0, False, facts))
    by = counting(request, facts, facts.skips_uncond)
    each = [counted(one, request.host_cfg, 0, by).evaluations for one in passes]
    return None if None in each else sum(count or 0 for count in each)
