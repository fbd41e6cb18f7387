"""Our section of the host's Settings page."""
from __future__ import annotations

import html
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from modules import shared
from modules.options import OptionHTML

from ..core.facts import Preset
from ..core.profiles import Problem
from ..words.say import in_language, language_of, say
from .hosts import Opts

_SECTION = ("fewstep", "Few-Step Accelerator")
_ALL_STEPS, _AUTO_ORDER, _NOTES, _BADGES = "fewstep_all_steps", "fewstep_auto_order", "fewstep_notes", "fewstep_badges"
_DOWNLOADS, _LEAVE_OUT = "fewstep_downloads", "fewstep_leave_out_negative"


def register(user_table: Path, problems: Sequence[Problem], methods: Collection[str]) -> None:
    """Adds our options to the page, and tells where one's own methods go and what is wrong with them. Stores nothing."""
    _add(_ALL_STEPS, True, say("option.all_steps"), say("option.all_steps.info"))
    _add(_AUTO_ORDER, "", say("option.auto_order"), say("option.auto_order.info"))
    _add(_LEAVE_OUT, True, say("option.leave_out"), say("option.leave_out.info"))
    _add(_NOTES, True, say("option.notes"), say("option.notes.info"))
    _add(_BADGES, True, say("option.badges"))
    _add(_DOWNLOADS, True, say("option.downloads"), say("option.downloads.info"))
    unknown = [key for key in auto_order() if key not in methods]
    text = _paragraph(say("option.own_table", path=f"<code>{html.escape(str(user_table))}</code>"))
    if problems:
        rows = "".join(f"<li>{html.escape(str(problem))}</li>" for problem in problems)
        text += f"{_paragraph(say('option.bad_rows'))}<ul>{rows}</ul>"
    if unknown:
        text += _paragraph(say("option.unknown_methods", keys=html.escape(", ".join(unknown))))
    explanation = OptionHTML(text)
    explanation.section = _SECTION
    opts().add_option("fewstep_user_table", explanation)


def language() -> str:
    """The language of the page: that of the localization file that the user has chosen. The settings, and the rest of the page, are said
    in it when the UI is loaded. They come without localization files of ours: extensions that show two languages take one file a name, and
    ours would stand in the place of the user's.
    """
    return language_of(str(getattr(opts(), "localization", "")))


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


def preset() -> Preset | None:
    """What Forge Neo's preset fills the page of txt2img with; None in the other WebUIs. Its Shift counts where it has one."""
    name = getattr(shared.opts, "forge_preset", "")
    found = {field: getattr(shared.opts, f"{name}_t2i_{field}", None) for field in ("sampler", "scheduler", "step", "cfg", "dcfg")}
    if not isinstance(found["sampler"], str) or not isinstance(found["step"], (int, float)) or not isinstance(found["cfg"], (int, float)):
        return None
    shift = found["dcfg"] if isinstance(found["dcfg"], (int, float)) else None
    return Preset(str(name), found["sampler"], str(found["scheduler"] or ""), int(found["step"]), found["cfg"], shift)


def opts() -> Opts:
    """The host's, all of them."""
    found: Any = shared.opts
    return found


def _value(name: str, default: Any) -> Any:
    return opts().data.get(name, default)


def _paragraph(text: str) -> str:
    return f"<p>{in_language(text, language())}</p>"


def _add(name: str, default: Any, label: str, info: str = "") -> None:
    option: Any = shared.OptionInfo(default, in_language(label, language()), section=_SECTION)
    opts().add_option(name, option.info(in_language(info, language())) if info else option)
