"""What fits the loaded checkpoint, and why something does not: any method at all, one method, or one LoRA file."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..words.say import Sentence, listed, say
from .facts import Facts, InstalledLora
from .families import FAMILIES, label_of, lora_names_of
from .profiles import Profile, Tables
from .prompts import can_be_written


@dataclass(frozen=True)
class Fits:
    """What was found of everything that is there, once for a decision."""

    no_method: Sentence | None
    """Why no method at all was made for the loaded checkpoint; None if one may have been."""
    unmade: Mapping[str, Sentence]
    """Why a LoRA of this method is not for the loaded checkpoint, whatever its tensors say, by the method's key; not those that may be."""
    unusable: Mapping[str, Sentence]
    """Why the loaded checkpoint or this host cannot use this LoRA, by its name; not those that can be used, nor those not asked about."""
    accelerators: tuple[InstalledLora, ...]
    """The installed LoRAs of a known method, as they come."""
    usable: tuple[InstalledLora, ...]
    """Those of them that the checkpoint can use, best first."""

    def of_method(self, profile: Profile | None) -> list[InstalledLora]:
        """Those that a method runs on, its own before another's."""
        found = [lora for lora in self.usable if profile is not None and profile.runs_on(lora.detection.method)]
        return sorted(found, key=lambda lora: profile is not None and lora.detection.method != profile.key)


def what_fits(facts: Facts, tables: Tables, named: str = "") -> Fits:
    """Of all accelerators that are installed, and of the LoRA that the user calls `named`, whatever it is.

    The best come first: in the tables' `auto_order`, then by name. Replaced uploads come last.
    """
    accelerators = tuple(lora for lora in facts.loras if lora.detection.method in tables.profiles)
    chosen = facts.called(named) if named else None
    asked = accelerators if chosen is None or chosen in accelerators else (*accelerators, chosen)
    no_method = unsupported(facts)
    unmade = {key: why for key, profile in tables.profiles.items() if (why := unmade_for(profile, facts)) is not None}
    unusable = {lora.name: why for lora in asked if (why := _unusable(lora, facts)) is not None}
    order = {key: rank for rank, key in enumerate(tables.auto_order)}
    usable = [
        lora for lora in accelerators
        if no_method is None and (key := lora.detection.method) in order and key not in unmade and lora.name not in unusable
    ]
    usable.sort(key=lambda lora: (lora.detection.superseded, order[lora.detection.method or ""], lora.name.lower()))
    return Fits(no_method, unmade, unusable, accelerators, tuple(usable))


def unsupported(facts: Facts) -> Sentence | None:
    """Why no method at all was made for the loaded checkpoint; None if one may have been."""
    if facts.unet is not None and facts.unet.reads_picture:
        return say("checkpoint.reads_picture")
    if facts.family is not None and facts.family not in FAMILIES:
        return say("checkpoint.no_method", family=label_of(facts.family))
    return None


def unmade_for(profile: Profile, facts: Facts) -> Sentence | None:
    """Why a LoRA of this method is not for the loaded checkpoint, whatever its tensors say; None if it may be."""
    if facts.family is not None and facts.family not in profile.families:
        families = listed([FAMILIES[family].label for family in profile.families], "and")
        return say("checkpoint.other_family", label=profile.label, families=families, family=label_of(facts.family))
    if profile.guidance is not None and facts.unet is not None and facts.unet.unguided_flux:
        return say("checkpoint.unguided", label=profile.label)
    return None


def _unusable(lora: InstalledLora, facts: Facts) -> Sentence | None:
    """Why the loaded checkpoint or this host cannot use `lora`; None if they can."""
    if not lora.detection.readable:
        return say("lora.unreadable", lora=lora.name, reason=lora.detection.reason)
    family = lora.detection.family
    if family is not None and family not in FAMILIES:
        return say("lora.no_family", lora=lora.name, family=label_of(family))
    if lora.detection.naming not in lora_names_of(family):
        return say("lora.other_format", lora=lora.name)
    if not can_be_written(lora.name):
        return say("lora.bad_name", lora=lora.name)
    return lora.detection.layout.misfit(facts.unet, lora.name) if facts.unet is not None else None
