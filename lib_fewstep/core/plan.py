"""The record of what will be done, which a person can read before pressing Generate."""
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..words.say import counted, listed, say
from .nag import Nag
from .numbers import Numbers, values_of
from .passes import Pass
from .prompts import lora_tag
from .schedules import Rule

_NO_PASS = Pass(0, "")


@dataclass(frozen=True)
class Plan(Numbers):
    """What will be done. An inactive plan changes nothing and says in `notes` why.

    `tag` is what has to be added to the prompt: empty where the user's prompt holds the LoRA already. Of the numbers, `steps` are those
    that were asked for: `first` and `hires` (None without one) say what each pass makes of them. CFG above 1 is for the first `cfg_steps`
    steps of a pass (0: for all). `rule` gives the timesteps; None where the host's schedule `scheduler` decides. `prediction` is what the
    UNet predicts if it is not what the host takes it for. `negative` is how the negative prompt acts where CFG is 1, None: not
    at all, whatever `nag` is. `evaluations_without` counts the UNet's of the user's own settings; None: their sampler decides by itself.
    """

    steps: int = 0
    cfg: float = 1.0
    weight: float = 1.0
    cfg_steps: int = 0
    active: bool = False
    method: str | None = None
    label: str = ""
    lora: str | None = None
    tag: str = ""
    prediction: str = ""
    scheduler: str = ""
    rule: Rule | None = None
    first: Pass = _NO_PASS
    hires: Pass | None = None
    negative: Nag | None = None
    evaluations_without: int | None = 0
    notes: tuple[str, ...] = ()
    draft: bool = False
    """Whether the WebUI's small decoder makes the picture."""
    by_size: bool = False
    """Whether the schedule is, other than the row's, that of the model's authors for the picture's size."""
    changed: Mapping[str, float] = field(default_factory=dict[str, float])
    """What differs from the row, of the numbers."""

    @property
    def evaluations(self) -> int | None:
        """UNet evaluations of one image; None where a sampler decides by itself how many it needs."""
        if not self.active:
            return self.evaluations_without
        each = [one.evaluations for one in (self.first, self.hires) if one is not None]
        return None if None in each else sum(count or 0 for count in each)

    @property
    def noted(self) -> dict[str, float]:
        """The numbers that a picture's parameters have to name: what differs from the row, and NAG wherever it acts, because
        the pictures of earlier versions do not name it and had none.
        """
        changed = {name: value for name, value in self.changed.items() if name != "nag"}
        return changed if self.negative is None else {**changed, "nag": self.negative.phi}

    @property
    def summary(self) -> str:
        """The plan in one line of plain words."""
        if not self.active:
            return say("summary.not_active", why=self.notes[0]) if self.notes else say("summary.off")
        cfg = say("summary.cfg_first", cfg=self.cfg, steps=self.cfg_steps) if self.cfg_steps else say("summary.cfg", cfg=self.cfg)
        numbers = [] if self.gamma is None else [say("summary.gamma", value=self.gamma)]
        numbers += [] if self.guidance is None else [say("summary.guidance", value=self.guidance)]
        numbers += [] if self.shift is None else [say("summary.shift", value=self.shift)]
        numbers += [say("summary.variety", value=self.variety)] if self.variety else []
        lora = lora_tag(self.lora, self.weight) if self.lora else say("summary.no_lora")
        parts = listed([self._passes(), cfg, self.first.sampler, *numbers, lora], "comma")
        return say("summary.line", label=self._name(), parts=parts, cost=self._cost())

    def _passes(self) -> str:
        steps, hires = counted(self.first.steps, "steps"), self.hires
        if hires is None or not hires.steps:
            return steps
        if hires.sampler == self.first.sampler:
            return say("summary.hires", steps=steps, hires=hires.steps)
        return say("summary.hires_sampler", steps=steps, hires=hires.steps, sampler=hires.sampler)

    def _name(self) -> str:
        """The method's name; where it says for how many steps it was made and others run, it says so."""
        made_for = re.search(r", (\d+) steps?", self.label) if "steps" in self.changed else None
        if made_for is None:
            return self.label
        before, after = self.label[: made_for.start()], self.label[made_for.end() :]
        return say("label.made_for", name=before, steps=counted(int(made_for[1]), "steps"), rest=after)

    def _cost(self) -> str:
        made, without = self.evaluations, self.evaluations_without
        said = say("cost.as_needed") if made is None else counted(made, "evaluations")
        return said if without is None else say("cost.instead", made=said, without=without)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the API."""
        hires = self.hires or _NO_PASS
        same = ("active", "method", "label", "lora", "tag", "prediction", "scheduler", "rule", "evaluations", "evaluations_without",
                "notes", "changed", "draft", "by_size", "summary")
        values: dict[str, Any] = {
            **values_of(self),
            **{f"nag_{name}": getattr(self.negative, name, None) for name in ("tau", "alpha", "until")},
            **{name: getattr(self, name) for name in same},
            "sampler": self.first.sampler,
            "timesteps": self.first.timesteps,
            "noise_timesteps": self.first.noise_timesteps,
            "hires_sampler": hires.sampler if hires.sampler != self.first.sampler and hires.steps else "",
            "hires_steps": hires.steps,
            "hires_timesteps": hires.timesteps,
            "hires_noise_timesteps": hires.noise_timesteps,
        }
        return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    return [*value] if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownVariableType]
