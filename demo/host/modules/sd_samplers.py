"""The table of samplers, and how names in requests become a sampler and a schedule."""

from __future__ import annotations

import functools
from typing import Any

from modules import errors, sd_samplers_kdiffusion, sd_samplers_lcm, sd_schedulers, shared
from modules.sd_samplers_common import Sampler, SamplerData

all_samplers: list[SamplerData] = [
    *sd_samplers_kdiffusion.samplers_data_k_diffusion,
    *sd_samplers_lcm.samplers_data_lcm,
]
all_samplers_map: dict[str, SamplerData] = {data.name: data for data in all_samplers}
samplers: list[SamplerData] = []
samplers_map: dict[str, str] = {}
samplers_hidden: set[str] = set()


def set_samplers() -> None:
    """Rebuild the derived tables after `all_samplers` changed. `samplers_map` is {lower-cased name or alias: name}."""
    global samplers, samplers_hidden
    samplers_hidden = set(shared.opts.hide_samplers)
    samplers = all_samplers
    samplers_map.clear()
    for data in all_samplers:
        samplers_map.update({name.lower(): data.name for name in (data.name, *data.aliases)})


def find_sampler_config(name: str | None) -> SamplerData | None:
    """The row of that name; without a name, the first."""
    return all_samplers[0] if name is None else all_samplers_map.get(name)


def create_sampler(name: str | None, model: Any) -> Sampler:
    """A sampler for one pass."""
    config = find_sampler_config(name)
    assert config is not None, f"bad sampler name: {name}"
    if model.is_sdxl and config.options.get("no_sdxl", False):
        raise RuntimeError(f"Sampler {config.name} is not supported for SDXL")
    sampler = config.constructor(model)
    sampler.config = config
    return sampler


def visible_samplers() -> list[SamplerData]:
    """What the page offers."""
    return [data for data in samplers if data.name not in samplers_hidden]


def visible_sampler_names() -> list[str]:
    """The names of `visible_samplers`."""
    return [data.name for data in visible_samplers()]


@functools.cache
def get_sampler_and_scheduler(
    sampler_name: str | None, scheduler_name: str | None, *, convert_automatic: bool = True
) -> tuple[str, str]:
    """(sampler name, schedule label) that will really be used: unknown names silently become the first of their table.

    A sampler name that ends in a schedule's name ("DPM++ 2M Karras") is split. The answer is cached, so whoever
    registers a sampler or a schedule must call `cache_clear`.
    """
    name = sampler_name or samplers[0].name
    scheduler = sd_schedulers.schedulers_map.get(scheduler_name or "", sd_schedulers.schedulers[0])
    for candidate in sd_schedulers.schedulers:
        for suffix in (candidate.label, candidate.name, *(candidate.aliases or [])):
            if name.endswith(f" {suffix}"):
                scheduler, name = candidate, name.removesuffix(f" {suffix}")
                break
    sampler = all_samplers_map.get(name, samplers[0])
    if convert_automatic and sampler.options.get("scheduler") == scheduler.name:
        scheduler = sd_schedulers.schedulers[0]
    return sampler.name, scheduler.label


def fix_p_invalid_sampler_and_scheduler(p: Any) -> None:
    """Replace names that this host does not know, and say so on the console."""
    wanted = p.sampler_name, p.scheduler
    p.sampler_name, p.scheduler = get_sampler_and_scheduler(*wanted, convert_automatic=False)
    if wanted != (p.sampler_name, p.scheduler) and all(wanted):
        errors.report(f"Sampler Scheduler autocorrection: {wanted} -> {(p.sampler_name, p.scheduler)}")


def get_sampler_from_infotext(params: dict[str, str]) -> str:
    """The sampler that an infotext means."""
    return get_sampler_and_scheduler(params.get("Sampler"), params.get("Schedule type"))[0]


def get_scheduler_from_infotext(params: dict[str, str]) -> str:
    """The schedule that an infotext means."""
    return get_sampler_and_scheduler(params.get("Sampler"), params.get("Schedule type"))[1]


def get_hr_sampler_and_scheduler(params: dict[str, str]) -> tuple[str, str]:
    """Sampler and schedule of the hires pass, as the page's "Use same ..." entries where they do not differ."""
    same_sampler, same_scheduler = "Use same sampler", "Use same scheduler"
    sampler, scheduler = params.get("Hires sampler", same_sampler), params.get("Hires schedule type", same_scheduler)
    names = get_sampler_and_scheduler(
        params.get("Sampler") if sampler == same_sampler else sampler,
        params.get("Schedule type") if scheduler == same_scheduler else scheduler,
    )
    return (
        same_sampler if names[0] == params.get("Sampler") else names[0],
        same_scheduler if names[1] == params.get("Schedule type") else names[1],
    )


def get_hr_sampler_from_infotext(params: dict[str, str]) -> str:
    """The hires sampler that an infotext means."""
    return get_hr_sampler_and_scheduler(params)[0]


def get_hr_scheduler_from_infotext(params: dict[str, str]) -> str:
    """The hires schedule that an infotext means."""
    return get_hr_sampler_and_scheduler(params)[1]


set_samplers()
