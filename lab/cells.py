"""Which settings the report measures: every method as it is meant to be used, and one thing changed at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lib_fewstep.core.nag import Nag
from lib_fewstep.core.tables import load_tables

from .sampling import ANCESTRAL, DPM, EULER, LCM_SAMPLER, TCD_SAMPLER, Setting
from .settings import DMD, HYPER, HYPER_CFG, LCM, LIGHTNING, TCD, TURBO

STEPS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Method:
    """A method and how it is meant to be used at each number of steps. `keeps`: whether it keeps the teacher's trajectory."""

    name: str
    settings: dict[int, Setting]
    keeps: bool


_TABLES = load_tables([Path(__file__).parents[1] / "demo" / "methods.yaml"])
_SAMPLERS = {"LCM Few-Step": LCM_SAMPLER, "TCD Few-Step": TCD_SAMPLER}


def recommended(row: str, lora: str, steps: int) -> Setting:
    """What the product's table says of a method, so that this is what gets measured."""
    profile = _TABLES.profiles[row]
    rule = profile.timesteps or profile.scheduler
    return Setting(
        ((lora, profile.weight.default if profile.weight else 1.0),),
        sampler=_SAMPLERS.get(profile.sampler, profile.sampler),
        schedule=rule if isinstance(rule, str) else tuple(map(int, rule)),
        steps=steps,
        cfg=profile.cfg.default,
        gamma=profile.gamma.default if profile.gamma else None,
    )


_TCD = {n: recommended("tcd", TCD, n) for n in STEPS}
_LIGHTNING = {n: recommended(f"tiny-lightning-{n}", LIGHTNING[n], n) for n in STEPS}
_ONE_FILE = {n: replace(recommended("hyper-sd15-1", HYPER[1], n), gamma=1.0 if n == 1 else 0.3) for n in STEPS}

METHODS = (
    Method("LCM-LoRA", {n: recommended("lcm", LCM, n) for n in STEPS}, keeps=False),
    Method("TCD", _TCD, keeps=False),
    Method("TCD, gamma 0", {n: replace(own, gamma=0.0) for n, own in _TCD.items()}, keeps=True),
    Method("Lightning", _LIGHTNING, keeps=True),
    Method("Hyper-SD", {n: recommended(f"hyper-sd15-{n}", HYPER[n], n) for n in STEPS}, keeps=True),
    Method("Hyper-SD, one file", _ONE_FILE, keeps=False),
    Method("Hyper-SD, CFG kept", {8: recommended("hyper-sd15-8-cfg", HYPER_CFG, 8)}, keeps=True),
    Method("Turbo (ADD)", {n: recommended("tiny-turbo", TURBO, n) for n in STEPS[:3]}, keeps=False),
    Method("DMD2", {n: recommended(f"tiny-dmd2-{n}", DMD[n], n) for n in (1, 4)}, keeps=False),
)

BASE = {
    **{n: Setting(steps=n, cfg=4.0) for n in STEPS},
    30: Setting(sampler=DPM, schedule="Karras", steps=30, cfg=4.0),
}
"""The base model at equal steps, and as it is meant to be used."""

OWN = {method.name: method.settings for method in METHODS}
_EULER_SCHEDULES = (
    *("Automatic", "SGM Uniform", "Simple", "DDIM", "Karras", "Exponential", "Beta", "KL Optimal", "Align Your Steps"),
    "lcm",
)
_RENEWING_SCHEDULES = ("LCM Automatic", "trailing", "Karras", "Beta", "DDIM")
_NAG = Nag(2, 2.5, 0.5, 4)
NO_NEGATIVE, AS_THE_ROW = "no negative prompt", "NAG as the method's row has it"
NEGATIVE_ROWS = {"LCM-LoRA": "lcm", "TCD": "tcd", "Lightning": "tiny-lightning-4", "Hyper-SD": "hyper-sd15-4", "DMD2": "tiny-dmd2-4"}
"""Methods with which negative prompts are measured -> rows of the tables, for four steps."""
_VARIETY_METHODS = ("LCM-LoRA", "TCD", "Lightning", "Hyper-SD", "Turbo (ADD)", "DMD2")
_NEIGHBOURHOODS = {
    **dict.fromkeys(("LCM-LoRA", "TCD", "Lightning", "Hyper-SD"), (2, 4)),
    **dict.fromkeys(("TCD, gamma 0", "Turbo (ADD)", "DMD2"), (4,)),
}
_IMG2IMG_METHODS = ("LCM-LoRA", "TCD", "Lightning", "Hyper-SD")
_STACKED = (("LCM-LoRA", LCM), ("TCD", TCD), ("Hyper-SD", HYPER[4]))
_STRENGTHS = (0.3, 0.5, 0.75)


def neighbours(own: Setting) -> Iterator[tuple[str, Setting]]:
    """What was changed, and the setting with that one change."""
    (name, _), *_ = own.loras
    for weight in (0.5, 0.8, 1.2):
        yield f"weight {weight:g}", replace(own, loras=((name, weight),))
    for cfg in (1.5, 2, 4, 7):
        if cfg != own.cfg:
            yield f"CFG {cfg:g}", replace(own, cfg=float(cfg))
    if own.sampler == TCD_SAMPLER:
        for gamma in (0.0, 0.3, 0.6, 1.0):
            if gamma != own.gamma:
                yield f"gamma {gamma:g}", replace(own, gamma=gamma)
    for sampler in (EULER, ANCESTRAL, DPM, LCM_SAMPLER, TCD_SAMPLER):
        if sampler != own.sampler:
            yield f"sampler {sampler}", replace(own, sampler=sampler, gamma=0.3 if sampler == TCD_SAMPLER else None)
    for schedule in _EULER_SCHEDULES if own.sampler in (EULER, ANCESTRAL) else _RENEWING_SCHEDULES:
        if schedule != own.schedule:
            yield f"schedule {schedule}", replace(own, schedule=schedule)


def neighbourhoods() -> Iterator[tuple[str, Setting]]:
    """The settings around which neighbours are measured."""
    for name, counts in _NEIGHBOURHOODS.items():
        yield from ((f"{name}, {steps} steps", OWN[name][steps]) for steps in counts)


def negative_ways(own: Setting, nag: Nag) -> Iterator[tuple[str, Setting]]:
    """Ways in which a negative prompt can act; `nag`: as the method's row has it."""
    yield NO_NEGATIVE, own
    yield AS_THE_ROW, replace(own, nag=nag)
    yield "NAG, alpha 0.5, until sigma 4", replace(own, nag=_NAG)
    yield "NAG, alpha 0.5, in all steps", replace(own, nag=replace(_NAG, until=0))
    for cfg in (1.5, 2.0):
        yield f"CFG {cfg:g} in the first step", replace(own, cfg=cfg, guided_steps=1)
        yield f"CFG {cfg:g} in all steps", replace(own, cfg=cfg)


def negative_methods() -> dict[str, tuple[Setting, Nag]]:
    """Methods at four steps, with NAG as their rows have it."""
    return {name: (OWN[name][4], _TABLES.profiles[row].nag.of("sd15")) for name, row in NEGATIVE_ROWS.items()}


def variety_ways(own: Setting) -> Iterator[tuple[str, Setting]]:
    """How much the pictures of different seeds shall differ."""
    for variety in (0.0, 0.5, 1.0):
        yield f"Variety {variety:g}", replace(own, variety=variety)


def variety_methods() -> dict[str, Setting]:
    return {name: OWN[name][4] for name in _VARIETY_METHODS}


def img2img_settings() -> Iterator[tuple[str, float, Setting, Setting]]:
    """Method, strength, and the setting with the host's share of four steps and with all of them."""
    for name in _IMG2IMG_METHODS:
        for strength in _STRENGTHS:
            own = replace(OWN[name][4], strength=strength)
            yield name, strength, replace(own, img2img="host"), replace(own, img2img="all")


def stacked() -> Iterator[tuple[str, Setting]]:
    """Two LoRAs at once."""
    four = LIGHTNING[4]
    for name, other in _STACKED:
        yield f"Lightning and {name}, 1 each", replace(OWN["Lightning"][4], loras=((four, 1.0), (other, 1.0)))
        yield f"Lightning and {name}, 0.5 each", replace(OWN["Lightning"][4], loras=((four, 0.5), (other, 0.5)))
