"""What a plan changes in the network for the length of a pass: opened and closed here, whatever the sampler, also on an error."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from ..core.conditioning import eps_from_x0, guidance_embedding
from ..core.plan import Plan
from ..core.profiles import X0
from .hosts import Job
from .nag import negative_prompt
from .state import plan_of
from .timesteps import noise_levels
from .unet import unet_of
from .variety import more_variety

Change = Callable[[Job, Plan], AbstractContextManager[None]]
"""(p, plan) -> the change of one pass' network, with its inverse. `p.is_hr_pass` tells which pass."""


def change_for_passes(p: Job) -> None:
    """For the `process_batch` hook: opens the plan's changes for each pass of the coming `p.sample`, and closes them after it.

    Other scripts wrap `p.sample` too, and may put ours back later: ours works once, and then only passes on.
    """
    plan = plan_of(p)
    if plan is None or not any(wanted(plan) for wanted, _ in _CHANGES):
        return
    changes, own = ExitStack(), {name: vars(p)[name] for name in _SAMPLES if name in vars(p)}
    sample, sample_hires = p.sample, getattr(p, "sample_hr_pass", None)  # img2img has no second pass

    def first(*args: Any, **kwargs: Any) -> Any:
        with changes:
            _open(changes, p, plan)
            try:
                return sample(*args, **kwargs)
            finally:
                for name in _SAMPLES:
                    if vars(p).get(name) in (first, hires):
                        vars(p).pop(name)
                        vars(p).update({name: own[name]} if name in own else {})

    def hires(*args: Any, **kwargs: Any) -> Any:
        assert sample_hires is not None
        changes.close()  # of the first pass, on a network that may be another one by now
        _open(changes, p, plan)
        return sample_hires(*args, **kwargs)

    p.sample = first
    if sample_hires is not None:
        p.sample_hr_pass = hires


_SAMPLES = ("sample", "sample_hr_pass")
"""The methods of a generation that run its passes; the second is called within the first."""


def _open(changes: ExitStack, p: Job, plan: Plan) -> None:
    for wanted, change in _CHANGES:
        if wanted(plan):
            changes.enter_context(change(p, plan))


@contextmanager
def _eps_of_x0(p: Job, plan: Plan) -> Iterator[None]:
    """Turns a predicted picture into the noise that the host expects."""

    def hook(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], x0: torch.Tensor) -> torch.Tensor:
        scaled, timesteps = args[0], args[1] if len(args) > 1 else kwargs["timesteps"]
        sigmas = noise_levels(p.sampler.model_wrap)
        asked = sigmas[timesteps.round().long().to(sigmas.device)]
        return eps_from_x0(scaled[:, : x0.shape[1]], x0, asked)

    handle = unet_of(p.sd_model).register_forward_hook(hook, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _guidance_input(p: Job, plan: Plan) -> Iterator[None]:
    """Feeds the plan's guidance to a full LCM. FLUX takes it from the host."""
    projection = _guidance_projection(p)
    if projection is None or plan.guidance is None:
        yield
        return
    embedding = guidance_embedding(plan.guidance, projection.shape[1]) @ projection.float().T

    def hook(module: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return args[0] + embedding.to(args[0]), *args[1:]

    handle = unet_of(p.sd_model).time_embed.register_forward_pre_hook(hook)
    try:
        yield
    finally:
        handle.remove()


_CHANGES: tuple[tuple[Callable[[Plan], bool], Change], ...] = (
    (lambda plan: plan.prediction == X0, _eps_of_x0),
    (lambda plan: plan.guidance is not None, _guidance_input),
    (lambda plan: plan.negative is not None, negative_prompt),
    (lambda plan: bool(plan.variety), more_variety),
)
"""Which plans want which change, in the order in which they are opened."""


def _guidance_projection(p: Job) -> torch.Tensor | None:
    """The weights that a full LCM has for its guidance, shape (time channels, embedding width), which hosts drop; None without them."""
    path = Path(getattr(getattr(p.sd_model, "sd_checkpoint_info", None), "filename", ""))
    return _projection_in(path, path.stat().st_mtime_ns) if path.suffix == ".safetensors" and path.is_file() else None


@lru_cache(maxsize=2)
def _projection_in(path: Path, changed: int) -> torch.Tensor | None:
    with safe_open(path, framework="pt") as file:
        name = next((name for name in file.keys() if name.endswith("cond_proj.weight")), None)  # noqa: SIM118 it is no dictionary
        return file.get_tensor(name) if name is not None else None
