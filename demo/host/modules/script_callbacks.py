"""Callbacks that extensions register for the whole program, by category.

Every `on_*` function remembers which file registered, so that a file's callbacks can be taken back together.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modules import errors
from torch import Tensor


@dataclass
class ScriptCallback:
    """One registration: the registering file, the function, and a name."""

    script: str
    callback: Callable[..., Any]
    name: str = "unnamed"


@dataclass
class CFGDenoiserParams:
    """One question to the model, before it is asked; a callback may replace any tensor, also by one of fewer rows.

    Rows: first each image with its prompt's parts, then each image without. x [rows, 4, h, w], sigma [rows],
    text_cond [parts, 77, width], text_uncond [images, 77, width]. `denoiser` is the CFGDenoiser.
    """

    x: Tensor
    image_cond: Tensor
    sigma: Tensor
    sampling_step: int
    total_sampling_steps: int
    text_cond: Tensor
    text_uncond: Tensor
    denoiser: Any = None


CATEGORIES = (
    "app_started",
    "cfg_denoiser",
    "infotext_pasted",
    "script_unloaded",
    "before_ui",
    "on_reload",
)
callback_map: dict[str, list[ScriptCallback]] = {f"callbacks_{category}": [] for category in CATEGORIES}


def _registering(category: str) -> Callable[..., None]:
    def register(callback: Callable[..., Any], *, name: str | None = None) -> None:
        script = inspect.stack()[1].filename
        callback_map[f"callbacks_{category}"].append(ScriptCallback(script, callback, name or category))

    register.__doc__ = f"Register a callback of the category {category}."
    return register


def _calling(category: str) -> Callable[..., list[Any]]:
    def call(*args: Any, **kwargs: Any) -> list[Any]:
        answers = []
        for entry in list(callback_map[f"callbacks_{category}"]):
            try:
                answers.append(entry.callback(*args, **kwargs))
            except Exception:
                errors.report(f"Error executing callback {category} for {entry.script}", exc_info=True)
        return answers

    call.__doc__ = f"Call every callback of the category {category}; errors are reported, the others still run."
    return call


on_app_started, app_started_callback = _registering("app_started"), _calling("app_started")
on_cfg_denoiser, cfg_denoiser_callback = _registering("cfg_denoiser"), _calling("cfg_denoiser")
on_infotext_pasted, infotext_pasted_callback = _registering("infotext_pasted"), _calling("infotext_pasted")
on_before_ui, before_ui_callback = _registering("before_ui"), _calling("before_ui")
on_before_reload, app_reload_callback = _registering("on_reload"), _calling("on_reload")
on_script_unloaded = _registering("script_unloaded")


def script_unloaded_callback() -> None:
    """Call the unloading callbacks, last registered first."""
    for entry in reversed(callback_map["callbacks_script_unloaded"]):
        try:
            entry.callback()
        except Exception:
            errors.report(f"Error executing callback script_unloaded for {entry.script}", exc_info=True)


def clear_callbacks() -> None:
    """Forget everything: scripts are about to be loaded (again)."""
    for entries in callback_map.values():
        entries.clear()
