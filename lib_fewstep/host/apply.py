"""A plan, carried out on the host's processing object `p`, and taken back."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from modules import sd_samplers

from ..core.plan import Plan
from ..words.say import in_language, say
from . import infotext, settings
from .hosts import Job
from .request import is_img2img
from .state import generation_of, note
from .timesteps import Timesteps


def restore(p: Job) -> None:
    """Takes back what an earlier plan did to `p`: scripts such as Loopback process the same object again and again."""
    known = generation_of(p)
    for name, (before, set_by_us) in known.before.items():
        if getattr(p, name) is set_by_us or getattr(p, name) == set_by_us:
            setattr(p, name, before)
    if known.written:
        left = {key: value for key, value in p.extra_generation_params.items() if key not in known.written or value != known.written[key]}
        p.extra_generation_params = left
    note(p, plan=None, decision=None, decided_for=None, before={}, written={})


def apply(plan: Plan, p: Job) -> None:
    """Sets what the plan says, on `p` alone; an inactive plan sets nothing."""
    if not plan.active:
        return
    changes = _changes(plan, p)
    before, written = {name: (getattr(p, name), value) for name, value in changes.items()}, infotext.entries(plan)
    note(p, plan=plan, before=before, written=written)  # first, so that an error halfway is taken back
    for name, value in changes.items():
        setattr(p, name, value)
    # a new one, as X/Y/Z plot gives all its cells the same; the host has noted the schedule of an earlier cell or batch there
    others = {key: value for key, value in p.extra_generation_params.items() if key != infotext.SCHEDULE}
    p.extra_generation_params = {**others, **written}


def set_hires_cfg(p: Job, cfg: float) -> None:
    """Forge and its kin read the hires pass' CFG from `p`, at each evaluation. It is taken back like all that a plan has set."""
    before = generation_of(p).before
    if "hr_cfg" in before:
        p.hr_cfg = cfg
        note(p, before={**before, "hr_cfg": (before["hr_cfg"][0], cfg)})


def _changes(plan: Plan, p: Job) -> dict[str, Any]:
    """The fields of `p` that the plan sets, with their new values."""
    changes: dict[str, Any] = {
        "steps": plan.steps,
        "cfg_scale": plan.cfg,
        "sampler_name": plan.first.sampler,
        "scheduler": plan.scheduler,
    }
    if hasattr(p, "hr_cfg"):  # Forge: the hires pass has a CFG of its own, 1.0 by default in the API and 7 in the page
        changes["hr_cfg"] = plan.cfg
    if plan.hires is not None and plan.hires.steps and plan.hires.steps != (p.hr_second_pass_steps or plan.steps):
        changes["hr_second_pass_steps"] = plan.hires.steps
    if plan.hires is not None and p.hr_sampler_name not in (None, plan.hires.sampler):
        changes["hr_sampler_name"] = plan.hires.sampler  # the user's cannot run this method
    dial = plan.shift if plan.guidance is None else plan.guidance
    if dial is not None:  # Forge: what FLUX takes; Neo: the shift of other flow models, 3.5 by default in the API
        changes.update({name: dial for name in ("distilled_cfg_scale", "hr_distilled_cfg") if hasattr(p, name)})
    if plan.rule is not None:
        changes["sampler_noise_scheduler_override"] = Timesteps(plan, p)
    return changes


@contextmanager
def untouched_on_error(p: Job) -> Iterator[None]:
    """The host only logs what goes wrong in a hook, and generates. Then the user's own settings shall run, and the user know."""
    try:
        yield
    except Exception as error:
        restore(p)
        _comment(p, say("comment.error", error=f"{type(error).__name__}: {error}"))
        match_sampler(p)
        raise


def show_notes(plan: Plan, p: Job) -> None:
    """Puts the plan's notes under the image: why it is not active, and the others unless the user wants none."""
    for text in plan.notes if settings.notes() or not plan.active else ():
        _comment(p, text)


def _comment(p: Job, text: str) -> None:
    """Under the picture, in the page's language; an answer of the API is English."""
    p.comment(in_language(say("comment.note", text=text), "en" if getattr(p, "is_api", False) else settings.language()))


def match_sampler(p: Job) -> None:
    """img2img makes its sampler once, before the batches: where a batch's plan wants another, or none is left, it is made anew."""
    made = getattr(p, "sampler", None)
    if is_img2img(p) and made is not None and made.config.name != p.sampler_name:
        p.sampler = sd_samplers.create_sampler(p.sampler_name, p.sd_model)
