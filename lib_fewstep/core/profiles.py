"""What the tables hold: one immutable Profile per method, one PublishedFile per file that somebody published. tables.py reads them."""
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..words.say import say
from .families import FAMILIES
from .nag import NO_NAG, NagRow
from .schedules import Rule

NEGATIVE_PROMPT = ("no", "weak", "yes")
HOST_SCHEDULE = "host"
"""Timestep rule of a method that runs on one of the host's own schedules, named by the row's `scheduler`."""
LORA, CHECKPOINT, NOTHING = "lora", "checkpoint", "none"
"""Where a method's weights come from: a LoRA (or a checkpoint that has it merged in), a checkpoint alone, or none are needed."""
X0, DDIM_EPS, DIFF_EPS = "x0", "ddim_eps", "diff_eps"
"""What a UNet predicts if it is not what the host takes it for: the picture itself, or PeRFlow's eps in one of two meanings."""


@dataclass(frozen=True)
class Range:
    """A recommended value and the range its authors allow."""

    default: float
    min: float
    max: float

    def __contains__(self, value: float) -> bool:
        return self.min <= value <= self.max

    @property
    def in_words(self) -> str:
        return f"{self.min:g}" if self.min == self.max else say("number.range", low=self.min, high=self.max)


@dataclass(frozen=True)
class Profile:
    """How one method wants to be run. `timesteps` is None where the host's schedule `scheduler` decides them.

    `weight` is None for a method that has no LoRA; `guidance` is a guidance scale that the model takes as an input, beside or instead of
    CFG; CFG above 1 is for the first `cfg_steps` steps alone (0: for all). With `timestep_shift`, the model is asked at timestep
    floor(t * timestep_shift / 1000) for the noise of timestep t. `shift` is that of a flow model's noise levels.
    """

    key: str
    label: str
    families: tuple[str, ...]
    steps: Range
    cfg: Range
    weight: Range | None
    gamma: Range | None
    sampler: str
    timesteps: Rule | None
    scheduler: str
    negative_prompt: str
    resolution: Mapping[str, int]
    licence: str
    noncommercial: bool
    source: Mapping[str, str]
    notes: tuple[str, ...]
    weights: str = LORA
    guidance: Range | None = None
    cfg_steps: int = 0
    prediction: str = ""
    timestep_shift: int | None = None
    shift: Range | None = None
    nag: NagRow = NO_NAG
    name: str = ""
    """The label where there is little room, without family and steps."""
    files_of: str = ""
    """The method whose LoRA this one runs on, where that is another's."""

    def runs_on(self, method: str | None) -> bool:
        """Whether a LoRA that was recognised as `method` is for it."""
        return method is not None and method in (self.key, self.files_of)

    @property
    def needs_own_sampler(self) -> bool:
        """Whether no other sampler can do it: those of PeRFlow's windows, and those whose noise is not that of the timestep asked at."""
        return self.timestep_shift is not None or self.prediction in (DDIM_EPS, DIFF_EPS)

    @property
    def takes_nag(self) -> bool:
        """Whether it may run at CFG 1, in a network with cross-attention: transformers mix text and picture in other ways."""
        return self.cfg.min <= 1 and any(FAMILIES[family].is_unet for family in self.families)


@dataclass(frozen=True)
class PublishedFile:
    """One published weight file. `names` match the usual names of the file, see `name_key`."""

    file: str
    method: str
    family: str
    repo: str
    names: tuple[re.Pattern[str], ...]
    size: int | None = None
    sha256: tuple[str, ...] = ()
    webui_hash: str | None = None
    licence: str = ""
    superseded: bool = False
    note: str = ""
    kind: str = LORA
    path: str = ""
    """Where in `repo` the file lies; empty where that is not known."""
    loads_in: str = ""
    pair: str = ""
    """Of a method that runs on two models in turn, each with a file of its own: which of the two this one is for."""


@dataclass(frozen=True)
class Problem:
    """A row, or a whole file, that could not be used, and why."""

    file: str
    row: str
    key: str
    message: str

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.file, self.row and f"row '{self.row}'", self.key and f"key '{self.key}'") if part)
        return f"{where}: {self.message}"


@dataclass(frozen=True)
class Tables:
    profiles: Mapping[str, Profile]
    files: tuple[PublishedFile, ...]
    auto_order: tuple[str, ...] = ()
    """Keys of all methods, in the order in which Auto prefers them."""
    problems: tuple[Problem, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """What a row's `source` names, in words."""

    def for_family(self, family: str | None) -> list[Profile]:
        """The methods made for `family`, in table order; all of them where the family is unknown."""
        return [p for p in self.profiles.values() if family is None or family in p.families]


def preferring(tables: Tables, keys: Iterable[str]) -> Tables:
    """`tables` with Auto preferring the methods `keys`, in their order; keys of no method are passed over."""
    known = [key for key in keys if key in tables.profiles]
    return replace(tables, auto_order=tuple(dict.fromkeys([*known, *tables.auto_order])))


def name_key(stem: str) -> str:
    """A file name's stem in the form that the tables' `names` are written for: lower case, single dashes."""
    return re.sub(r"[\s_.+&-]+", "-", stem.lower()).strip("-")
