"""One generation, from the host's hooks to the plan that is in force."""
from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ..core.controls import parse_args
from ..core.decide import make_plan
from ..core.plan import Plan
from ..core.request import request_from
from . import apply, cfg, draft, nag, network, prompts, timesteps, variety, xyz
from .facts import HostFacts
from .hosts import Job
from .request import request_of
from .state import generation_of, note, plan_of


def begin(p: Job, args: Sequence[Any], facts: HostFacts) -> None:
    """For the `process` hook: the checkpoint is loaded, the prompts are made, the sampler is not. Decides for the first prompt."""
    xyz.start(p)
    with apply.untouched_on_error(p):
        _decide(p, args, facts, p.all_prompts[0], p.all_negative_prompts[0])


def begin_batch(p: Job, args: Sequence[Any], facts: HostFacts, batch: int) -> None:
    """For the `before_process_batch` hook: decides anew, because by now the prompts are final and each batch has its own. The host takes a
    batch's LoRAs from its first prompt, and so do we.
    """
    with apply.untouched_on_error(p):
        texts, known = (p.prompts[0], next(filter(str.strip, p.negative_prompts), "")), generation_of(p)
        plan = known.decision if known.decided_for == texts else _decide(p, args, facts, *texts)
        if plan is None:
            return
        apply.match_sampler(p)
        if plan.cfg_steps:
            apply.set_hires_cfg(p, plan.cfg)  # an earlier batch has ended at another
        apply.show_notes(plan, p)
        prompts.add_tag(plan, p, batch)


def steer_batch(p: Any, *args: Any, **kwargs: Any) -> None:
    """For the `process_batch` hook: the sampler is made, the prompts are shared out between the passes, and none is encoded yet."""
    with apply.untouched_on_error(p):
        cfg.stay_last()
        timesteps.steer_img2img(p)
        prompts.leave_negative_unread(p)
        network.change_for_passes(p)
        plan = plan_of(p)
        if plan is not None and plan.draft:
            draft.decode_next(p)


def steer_pass(p: Any, *args: Any, **kwargs: Any) -> None:
    """For the `process_before_every_sampling` hook: this pass' LoRAs are in force, and its sampler has not started."""
    for reading in (nag.guidance_of(p), variety.variety_of(p)):
        if reading is not None:
            reading.encode()


def end(p: Job, facts: HostFacts) -> None:
    """For the `postprocess` hook: notes how long one evaluation took, of a picture made in one pass."""
    xyz.stop(p)
    known, plan = generation_of(p), plan_of(p)
    pictures = p.n_iter * p.batch_size
    if plan is not None and plan.hires is None and plan.evaluations and known.began:
        facts.took(p.width, p.height, (time.perf_counter() - known.began) / pictures / plan.evaluations)


def cost(p: Job, method: str, facts: HostFacts) -> str:
    """What `method` would do with `p`, or the user's own settings, in the few words that a plot's label has room for. In English: the host
    draws labels with a font that has no others' letters.
    """
    prompt = p.prompt if isinstance(p.prompt, str) else p.prompt[0]
    own = method == xyz.OFF
    plan = make_plan(request_from({} if own else {"method": method}, request_of(p, prompt, "")), facts.of_generation(p), facts.tables)
    if not plan.active and not own:
        return f"{method}: not possible"
    made, label = (plan.evaluations_without, "your settings") if own else (plan.evaluations, plan.label)
    return label if made is None else f"{label}, {made} evaluation{'' if made == 1 else 's'}"


def _decide(p: Job, args: Sequence[Any], facts: HostFacts, prompt: str, negative_prompt: str) -> Plan | None:
    """Makes the plan and puts it in force; None where the Accelerator is off."""
    apply.restore(p)
    enabled, request = parse_args(args, facts.tables, request_of(p, prompt, negative_prompt))
    if not enabled:
        return None
    plan = make_plan(request, facts.of_generation(p, request.lora), facts.tables)
    apply.apply(plan, p)
    note(p, decision=plan, decided_for=(prompt, negative_prompt))
    return plan
