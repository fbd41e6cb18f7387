"""Our section of the host's Settings page."""
from __future__ import annotations

from modules import shared

_SECTION = ("fewstep", "Few-Step Accelerator")
_ALL_STEPS = "fewstep_all_steps"


def register() -> None:
    """Adds our options to the page. Nothing is stored until the user saves settings."""
    info = shared.OptionInfo(True, "In img2img and hires, make all of the method's steps within the noise that is left", section=_SECTION)
    shared.opts.add_option(_ALL_STEPS, info.info("off: only the share of them that the WebUI makes, about denoising strength times steps"))


def all_steps() -> bool:
    """Whether a pass that begins below full noise makes all the method's steps."""
    return bool(shared.opts.data.get(_ALL_STEPS, True))
