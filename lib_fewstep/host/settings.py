"""Our section of the host's Settings page."""
from __future__ import annotations

import html
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from modules import shared
from modules.options import OptionHTML

from ..core.profiles import Problem
from .hosts import Opts

_SECTION = ("fewstep", "Few-Step Accelerator")
_ALL_STEPS, _AUTO_ORDER, _NOTES, _BADGES = "fewstep_all_steps", "fewstep_auto_order", "fewstep_notes", "fewstep_badges"
_DOWNLOADS, _LEAVE_OUT = "fewstep_downloads", "fewstep_leave_out_negative"


def register(user_table: Path, problems: Sequence[Problem], methods: Collection[str]) -> None:
    """Adds our options to the page, and tells where one's own methods go and what is wrong with them. Stores nothing."""
    _add(_ALL_STEPS, True, "In img2img and hires, make all of the method's steps within the noise that is left",
         "off: only the share of them that the WebUI makes, about denoising strength times steps")
    _add(_AUTO_ORDER, "", "Auto prefers these methods, in this order", "keys with commas between them, such as tcd, lcm; the others follow")
    _add(_LEAVE_OUT, True, "At CFG 1, leave the negative prompt out of the work",
         "off: if another extension needs it there. A picture then takes up to twice as long in AUTOMATIC1111")
    _add(_NOTES, True, "Put the Accelerator's notes under the pictures", "problems are always shown")
    _add(_BADGES, True, "Show the recognised method on LoRA cards")
    _add(_DOWNLOADS, True, "Offer to download the LoRA of a method that is not installed",
         "from its publisher's Hugging Face repository, and only when you press the button")
    unknown = [key for key in auto_order() if key not in methods]
    text = f"<p>Your own methods and files: <code>{html.escape(str(user_table))}</code>, read when the UI is loaded.</p>"
    if problems:
        text += "<p>Rows that are left out:</p><ul>" + "".join(f"<li>{html.escape(str(problem))}</li>" for problem in problems) + "</ul>"
    if unknown:
        text += f"<p>Unknown methods in “Auto prefers” (ignored): {html.escape(', '.join(unknown))}</p>"
    explanation = OptionHTML(text)
    explanation.section = _SECTION
    opts().add_option("fewstep_user_table", explanation)


def all_steps() -> bool:
    """Whether a pass that begins below full noise makes all the method's steps."""
    return bool(_value(_ALL_STEPS, True))


def auto_order() -> list[str]:
    """The keys of the methods that the user wants Auto to prefer, as typed."""
    return [key for key in re.split(r"[,\s]+", str(_value(_AUTO_ORDER, ""))) if key]


def leaves_out_negative() -> bool:
    """Whether the negative prompt is neither read nor evaluated where CFG 1 leaves it no effect."""
    return bool(_value(_LEAVE_OUT, True))


def notes() -> bool:
    """Whether notes on what is done are put under the pictures."""
    return bool(_value(_NOTES, True))


def downloads() -> bool:
    """Whether files may be offered for download."""
    return bool(_value(_DOWNLOADS, True))


def preset_hires_steps() -> int:
    """What Forge Neo's preset sets the page's control to whenever the page is loaded; 0 in the other WebUIs, which have no such preset.
    Read as the host does it: an option that was never saved stands at its default.
    """
    return getattr(shared.opts, f"{getattr(shared.opts, 'forge_preset', '')}_t2i_hr_step", 0)


def opts() -> Opts:
    """The host's, all of them."""
    found: Any = shared.opts
    return found


def _value(name: str, default: Any) -> Any:
    return opts().data.get(name, default)


def _add(name: str, default: Any, label: str, info: str = "") -> None:
    option: Any = shared.OptionInfo(default, label, section=_SECTION)
    opts().add_option(name, option.info(info) if info else option)
