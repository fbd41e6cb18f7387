"""Why something does not fit the loaded checkpoint: any method at all, one method, or one LoRA file."""
from __future__ import annotations

from ..words.say import listed, say
from .facts import Facts, InstalledLora
from .families import FAMILIES, label_of, lora_names_of
from .profiles import Profile
from .prompts import can_be_written


def unsupported(facts: Facts) -> str | None:
    """Why no method at all was made for the loaded checkpoint; None if one may have been."""
    if facts.unet is not None and facts.unet.reads_picture:
        return say("checkpoint.reads_picture")
    if facts.family is not None and facts.family not in FAMILIES:
        return say("checkpoint.no_method", family=label_of(facts.family))
    return None


def unmade_for(profile: Profile, facts: Facts) -> str | None:
    """Why a LoRA of this method is not for the loaded checkpoint, whatever its tensors say; None if it may be."""
    if facts.family is not None and facts.family not in profile.families:
        families = listed([FAMILIES[family].label for family in profile.families], "and")
        return say("checkpoint.other_family", label=profile.label, families=families, family=label_of(facts.family))
    if profile.guidance is not None and facts.unet is not None and facts.unet.unguided_flux:
        return say("checkpoint.unguided", label=profile.label)
    return None


def unusable(lora: InstalledLora, facts: Facts) -> str | None:
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
