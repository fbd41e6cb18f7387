"""CFG where a plan says so, and no negative prompt where it is 1: A1111 evaluates it all the same."""
from __future__ import annotations

import math
from copy import copy
from typing import Any

from modules import script_callbacks, shared

from . import settings
from .apply import set_hires_cfg
from .hosts import Job, skips_uncond
from .nag import prepare
from .state import plan_of
from .timesteps import pass_of
from .variety import variety_of


def steer_cfg(params: Any) -> None:
    """A `cfg_denoiser` callback, before each evaluation: does what the plan in force says of CFG and the texts, in this pass alone."""
    p: Job | None = getattr(params.denoiser, "p", None)
    plan, uncond = None if p is None else plan_of(p), params.text_uncond
    if plan is not None:
        _leave_out_uncond(params)
    prepare(p, params, uncond)
    if p is None or plan is None:
        return
    variety = variety_of(p)
    if variety is not None:
        variety.vary(params)
    if not plan.cfg_steps:
        return
    guided, done = pass_of(plan, p).guided_calls, params.denoiser.step
    if done + 1 >= guided:
        params.denoiser.sampler.sampler_extra_args["cond_scale"] = 1.0  # for the next evaluation: this one has been handed its own
    set_hires_cfg(p, 1.0 if getattr(p, "is_hr_pass", False) and done >= guided else plan.cfg)  # for this one already


def stay_last() -> None:
    """Puts `steer_cfg` after other extensions' callbacks, some of which register while a picture is made: they see every row, and only then
    does ours take some away. An order that the user has set in the host's settings still holds.
    """
    callbacks = script_callbacks.callback_map["callbacks_cfg_denoiser"]
    if any(each.callback is steer_cfg for each in callbacks[:-1]):
        callbacks.sort(key=lambda each: each.callback is steer_cfg)
        getattr(script_callbacks, "ordered_callbacks_map", {}).pop("cfg_denoiser", None)  # made from it, and only when its length changes


def _leave_out_uncond(params: Any) -> None:
    """Takes the unconditional rows out of this evaluation if it is one at CFG 1.

    The host stacks the conditional rows, then the unconditional ones. With none of the latter it evaluates the former alone, and its
    own combination, uncond + 1 * (cond - uncond), comes down to them. No option is touched.
    """
    denoiser, uncond = params.denoiser, params.text_uncond
    if uncond is None or skips_uncond() or not settings.leaves_out_negative() or not _is_plain_cfg_1(denoiser):
        return  # where the host skips them itself, it still needs them for what asks for them at CFG 1: CFG++, SAG, PAG
    if _host_leaves_it_out(denoiser, float(params.sigma[0])):
        return
    rows = _rows(params.text_cond)
    if rows != _rows(uncond):  # prompts joined with AND need their weights combined
        return
    params.text_uncond = _no_rows(params.text_cond)
    params.x, params.sigma, params.image_cond = params.x[:rows], params.sigma[:rows], params.image_cond[:rows]


def _is_plain_cfg_1(denoiser: Any) -> bool:
    arguments = denoiser.sampler.sampler_extra_args
    scale = arguments.get("cond_scale", 0.0) * getattr(denoiser, "cond_scale_miltiplier", 1.0)  # spelt so in the hosts
    if not math.isclose(scale, 1.0) or denoiser.image_cfg_scale not in (None, 1.0):
        return False
    conds = getattr(arguments.get("cond"), "batch", [])
    return all(len(parts) == 1 and math.isclose(parts[0].weight, 1.0) for parts in conds)


def _host_leaves_it_out(denoiser: Any, sigma: float) -> bool:
    """Whether the user's options have the host cut the unconditional rows off itself in this step: it would cut off ours."""
    early = getattr(shared.opts, "skip_early_cond", 0.0)
    if early and denoiser.step / denoiser.total_steps <= early:
        return True
    least = denoiser.sampler.sampler_extra_args.get("s_min_uncond") or 0.0
    every_step = getattr(shared.opts, "s_min_uncond_all", False)
    return bool((denoiser.step % 2 or every_step) and least > sigma)


def _rows(cond: Any) -> int:
    return (next(iter(cond.values())) if isinstance(cond, dict) else cond).shape[0]


def _no_rows(cond: Any) -> Any:
    """`cond` without rows: of its own type (SDXL's is a dictionary that has a shape) and its own length in tokens."""
    if not isinstance(cond, dict):
        return cond[:0]
    empty = copy(cond)  # not by its class: the hosts' versions disagree on what that is called with
    empty.update({key: value[:0] for key, value in cond.items()})
    return empty
