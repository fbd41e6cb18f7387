"""Why something does not fit the loaded checkpoint: any method at all, one method, or one LoRA file. In words for the user."""
from __future__ import annotations

from .facts import Facts, InstalledLora
from .families import FAMILIES, label_of
from .layout import KOHYA, PEFT
from .profiles import Profile
from .prompts import can_be_written

_LOADED_NAMES = {None: (KOHYA,), "flux": (KOHYA, PEFT)}
"""Whose tensor names the WebUIs load, by family; None stands for every other one."""


def unsupported(facts: Facts) -> str | None:
    """Why no method at all was made for the loaded checkpoint; None if one may have been."""
    if facts.unet is not None and facts.unet.reads_picture:
        return "the loaded checkpoint is an InstructPix2Pix model, guided by the picture too: no method was made for that"
    if facts.family is not None and facts.family not in FAMILIES:
        return f"the loaded checkpoint is {label_of(facts.family)}, and the Accelerator has no method for it"
    return None


def unmade_for(profile: Profile, facts: Facts) -> str | None:
    """Why a LoRA of this method is not for the loaded checkpoint, whatever its tensors say; None if it may be."""
    if facts.family is not None and facts.family not in profile.families:
        made_for = " and ".join(FAMILIES[f].label for f in profile.families)
        return f"{profile.label} is made for {made_for}, and the loaded checkpoint is {label_of(facts.family)}"
    if profile.guidance is not None and facts.unet is not None and facts.unet.unguided_flux:
        return f"{profile.label} is made for FLUX.1-dev, and the loaded checkpoint takes no guidance, as FLUX.1-schnell"
    return None


def unusable(lora: InstalledLora, facts: Facts) -> str | None:
    """Why the loaded checkpoint or this host cannot use `lora`, in words that follow its name."""
    if not lora.detection.readable:
        return f"is {lora.detection.reason}"
    family = lora.detection.family
    if family is not None and family not in FAMILIES:
        return f"was made for {label_of(family)}, and the Accelerator has no method for it"
    if lora.detection.naming not in _LOADED_NAMES.get(family, _LOADED_NAMES[None]):
        return "has tensor names that this WebUI does not load (it expects lora_unet_…): use the file that its publisher converted"
    if not can_be_written(lora.name):
        return "has a name that a prompt's tag cannot hold: rename its file without ':', '=' and '>'"
    return lora.detection.layout.misfit(facts.unet) if facts.unet is not None else None
