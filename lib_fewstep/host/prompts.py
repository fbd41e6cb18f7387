"""The prompts of a batch, as the plan wants them."""
from __future__ import annotations

import math

from ..core.plan import Plan
from ..core.prompts import is_plain, with_tag
from . import settings
from .hosts import Job
from .state import plan_of


def add_tag(plan: Plan, p: Job, batch: int) -> None:
    """Puts the LoRA's tag at the end of the prompts of this batch: where the host reads LoRAs and infotext, and inner passes look.

    Only now, in `before_process_batch`: earlier, other extensions may still make new prompts.
    """
    if not plan.tag:
        return
    p.prompts = [with_tag(prompt, plan.tag) for prompt in p.prompts]
    start, count = batch * p.batch_size, len(p.prompts)
    for name in ("all_prompts", "all_hr_prompts"):
        prompts = getattr(p, name, None)
        if prompts:
            tagged = [with_tag(prompt, plan.tag) for prompt in prompts[start : start + count]]
            setattr(p, name, [*prompts[:start], *tagged, *prompts[start + count :]])
    if getattr(p, "main_prompt", None) is not None:
        p.main_prompt = with_tag(p.main_prompt, plan.tag)


def leave_negative_unread(p: Job) -> None:
    """At CFG 1 throughout, unless it acts there, has the host read an empty negative prompt instead of the user's: it keeps that one's
    encoding from picture to picture. Not beside weights of prompts, which bring it into the picture. For the `process_batch` hook; the
    infotext is made from `p.all_negative_prompts`, which stays as it is.
    """
    plan = plan_of(p)
    if plan is None or plan.negative is not None or not math.isclose(plan.cfg, 1.0) or not settings.leaves_out_negative():
        return
    if all(map(is_plain, p.prompts)):
        p.negative_prompts = [""] * len(p.negative_prompts)
    if getattr(p, "hr_negative_prompts", None) and all(map(is_plain, p.hr_prompts)):
        p.hr_negative_prompts = [""] * len(p.hr_negative_prompts)
