"""What is there: the loaded checkpoint, the LoRAs installed, and what the host can do. Plain records."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .detect import Detection
from .layout import Layout


@dataclass(frozen=True)
class InstalledLora:
    """A LoRA in the WebUI's folder: the name that a tag uses, other names the WebUI accepts for it, and what it is."""

    name: str
    detection: Detection
    aliases: tuple[str, ...] = ()
    shadowed: tuple[str, ...] = ()
    """Files of the same name in other folders, which the WebUI passes over."""

    def is_called(self, name: str) -> bool:
        return name == self.name or name in self.aliases


def called(name: str, loras: Sequence[InstalledLora]) -> InstalledLora | None:
    """The one of `loras` that the WebUI loads for a tag's `name`: the file of that name, else the only one that has it as an alias.

    Source: `list_available_networks` and `load_networks` of the WebUIs' LoRA extension, which forbids an alias that several have.
    """
    by_name = next((lora for lora in loras if lora.name == name), None)
    by_alias = [lora for lora in loras if name in lora.aliases]
    return by_name or (by_alias[0] if len(by_alias) == 1 else None)


@dataclass(frozen=True)
class Preset:
    """What the host fills its page with for a kind of model, by its name. `shift` is its Distilled CFG or Shift; None where it has none."""

    name: str
    sampler: str
    scheduler: str
    steps: int
    cfg: float
    shift: float | None = None


@dataclass(frozen=True)
class Facts:
    """What is there: the loaded network (None: unknown), the LoRAs installed, and what the host can do."""

    unet: Layout | None = None
    loras: tuple[InstalledLora, ...] = ()
    samplers: frozenset[str] | None = None
    """Names of the host's samplers; None: not asked."""
    schedulers: frozenset[str] | None = None
    """Labels of the host's schedules; None: not asked."""
    fit_steps_to_strength: bool = True
    """Whether a pass that begins below full noise makes all the method's steps in what is left, or the share that the host makes."""
    host_img2img_exact_steps: bool = False
    """Whether the host's own img2img makes as many steps as it is told, not a share of them."""
    calls_per_step: Mapping[str, int] = field(default_factory=dict[str, int])
    """How often a sampler calls the model in a step, 1 where it is not named here; 0: not equally often in each step."""
    self_timed: Mapping[str, int] = field(default_factory=dict[str, int])
    """Samplers that choose their timesteps themselves, and at how many of those they do not ask the model."""
    keeps_uncond: frozenset[str] = frozenset()
    """Samplers whose own step is made with the unconditional prediction, so that none is left out at CFG 1."""
    skips_uncond: bool = False
    """Whether the host by itself leaves the negative prompt out at CFG 1."""
    leaves_out_negative: bool = True
    """Whether we may leave the negative prompt out at CFG 1: the user's option."""
    unknown_lora_unloads_all: bool = False
    """Whether the host loads no LoRA at all where the prompt names one that is not installed."""
    checkpoint: Detection | None = None
    """What the loaded checkpoint's file was recognised as; None: not asked."""
    saved: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The user's own settings for this checkpoint, with the keys of a request."""
    preset: Preset | None = None
    """What the host's own preset has put into the page; None where it has none."""
    no_draft: str = ""
    """Why pictures cannot be drafts, and what to do; empty: the small decoder is there."""
    unseen: int = 0
    """How many more LoRA files there are that have not been looked at yet."""

    @property
    def family(self) -> str | None:
        """The loaded checkpoint's family; None where it is not known."""
        return self.unet.family if self.unet is not None else None

    def called(self, name: str) -> InstalledLora | None:
        """The LoRA that the WebUI loads for a tag's `name`."""
        return called(name, self.loras)
