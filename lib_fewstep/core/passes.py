"""One pass of the sampler: the timesteps that it visits, and how often it asks the UNet."""
from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from .schedules import Rule, host_share, max_steps, shifted, timesteps_for


@dataclass(frozen=True)
class Pass:
    """One run of the sampler over a latent: the first, or the hires pass.

    `steps` are those that are made. The UNet is asked at `timesteps`; None: the WebUI's schedule decides, or the sampler itself. A model
    that was distilled with shifted timesteps is asked there for the noise of `noise_timesteps`. `shift` is that of a flow model's levels.
    CFG other than 1 is for the first `guided_calls` calls of the model. `evaluations` counts the UNet's for one image; None: the sampler
    decides by itself how many it needs.
    """

    steps: int
    sampler: str
    timesteps: tuple[float, ...] | None = None
    noise_timesteps: tuple[float, ...] | None = None
    shift: float = 1.0
    guided_calls: int = 0
    evaluations: int | None = 0


@dataclass(frozen=True)
class Counting:
    """What the number of evaluations depends on, beside steps and CFG.

    `calls_per_step`: how often a sampler calls the model in a step, 1 where it is not named, 0: not equally often. `parts` are the
    prompts that AND joins; `skips_uncond`: the unconditional rows are left out where CFG is 1, but for the samplers of `keeps_uncond`,
    which need them; `has_none_at_1`: a pass all of whose steps are at CFG 1 has no such rows, not even for those.
    """

    calls_per_step: Mapping[str, int]
    parts: int = 1
    skips_uncond: bool = True
    keeps_uncond: Collection[str] = ()
    has_none_at_1: bool = False

    def skips(self, sampler: str, at_1: bool) -> bool:
        return (self.skips_uncond and sampler not in self.keeps_uncond) or (self.has_none_at_1 and at_1)


def counted(one: Pass, cfg: float, cfg_steps: int, by: Counting) -> Pass:
    """`one` with its evaluations: one a call and part of the prompt, one more where the negative prompt is evaluated.

    CFG is for the first `cfg_steps` steps; 0: for all.
    """
    whole = calls(one.steps, one.steps, one.sampler, by)
    if whole is None:
        return replace(one, evaluations=None)
    with_cfg = 0 if math.isclose(cfg, 1.0) else whole
    guided = calls(min(cfg_steps, one.steps), one.steps, one.sampler, by) if with_cfg and cfg_steps else with_cfg
    both = guided if by.skips(one.sampler, not with_cfg) else whole
    return replace(one, guided_calls=guided or 0, evaluations=whole * by.parts + (both or 0))


def calls(first: int, steps: int, sampler: str, by: Counting) -> int | None:
    """How often the sampler calls the model in the `first` of its `steps` steps; None where it decides that by itself.

    A sampler of higher order calls once in its last step, twice at most in the last but one: those end too near the end for more.
    """
    order = by.calls_per_step.get(sampler, 1)
    return sum(min(order, steps - i) for i in range(first)) if order else None


def visited(
    rule: Rule | None, steps: int, strength: float, fit_steps: bool, hires: bool = False, shift: float = 1.0
) -> tuple[float, ...] | None:
    """The timesteps of a pass that begins at `strength` of the noise: all `steps` within it, or those of them that a host would make.

    None where the host's schedule decides; none at all where no noise is added.
    """
    if rule is None:
        return None
    if strength <= 0:
        return ()
    steps = min(steps, max_steps(rule))
    if fit_steps or strength >= 1:
        return tuple(timesteps_for(rule, min(steps, max_steps(rule, strength)), strength, shift))
    if hires:  # the hosts lay steps / strength steps over the full range, and make the last `steps` of them
        whole = max(steps, min(int(steps / max(strength, 0.001)), max_steps(rule)))
        return tuple(timesteps_for(rule, whole, shift=shift)[-steps:])
    return tuple(timesteps_for(rule, steps, shift=shift)[-host_share(steps, strength):])


def with_timesteps(one: Pass, timesteps: tuple[float, ...] | None, shift: int | None) -> Pass:
    """`one` over `timesteps`, for a model that was distilled with timesteps shifted by `shift`."""
    if timesteps is None:
        return one
    noise = timesteps if shift else None
    return replace(one, steps=len(timesteps), timesteps=tuple(shifted(timesteps, shift)), noise_timesteps=noise)
