"""Our section of the host's Settings page."""
from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from modules import shared
from modules.options import OptionHTML

from ..core.profiles import Problem

_SECTION = ("fewstep", "Few-Step Accelerator")
_ALL_STEPS = "fewstep_all_steps"
_DOWNLOADS = "fewstep_downloads"


def register(user_table: Path, problems: Sequence[Problem]) -> None:
    """Adds our options to the page, and tells where one's own methods go and what is wrong with them. Stores nothing."""
    info = shared.OptionInfo(True, "In img2img and hires, make all of the method's steps within the noise that is left", section=_SECTION)
    shared.opts.add_option(_ALL_STEPS, info.info("off: only the share of them that the WebUI makes, about denoising strength times steps"))
    info = shared.OptionInfo(True, "Offer to download the LoRA of a method that is not installed", section=_SECTION)
    shared.opts.add_option(_DOWNLOADS, info.info("from its publisher's Hugging Face repository, and only when you press the button"))
    text = f"<p>Your own methods and files: <code>{html.escape(str(user_table))}</code>, read when the UI is loaded.</p>"
    if problems:
        text += "<p>Rows that are left out:</p><ul>" + "".join(f"<li>{html.escape(str(problem))}</li>" for problem in problems) + "</ul>"
    explanation = OptionHTML(text)
    explanation.section = _SECTION
    shared.opts.add_option("fewstep_user_table", explanation)


def all_steps() -> bool:
    """Whether a pass that begins below full noise makes all the method's steps."""
    return bool(shared.opts.data.get(_ALL_STEPS, True))


def downloads() -> bool:
    """Whether files may be offered for download."""
    return bool(shared.opts.data.get(_DOWNLOADS, True))
