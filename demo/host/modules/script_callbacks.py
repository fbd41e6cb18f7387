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
class ExtraNoiseParams:
    """Noise, latent, and noised latent [n, 4, h, w] at the start of img2img; a callback may replace `noise`."""

    noise: Tensor
    x: Tensor
    xi: Tensor


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


@dataclass
class CFGDenoisedParams:
    """The model's answers, before guidance."""

    x: Tensor
    sampling_step: int
    total_sampling_steps: int
    inner_model: Any


@dataclass
class AfterCFGCallbackParams:
    """The guided answer; a callback may replace `x`."""

    x: Tensor
    sampling_step: int
    total_sampling_steps: int


@dataclass
class ImageSaveParams:
    """A picture about to be written, or just written."""

    image: Any
    p: Any
    filename: str
    pnginfo: dict[str, str]


CATEGORIES = (
    "app_started",
    "model_loaded",
    "ui_tabs",
    "ui_settings",
    "before_image_saved",
    "image_saved",
    "extra_noise",
    "cfg_denoiser",
    "cfg_denoised",
    "cfg_after_cfg",
    "before_component",
    "after_component",
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
on_model_loaded, model_loaded_callback = _registering("model_loaded"), _calling("model_loaded")
on_ui_tabs, ui_tabs_callback = _registering("ui_tabs"), _calling("ui_tabs")
on_ui_settings, ui_settings_callback = _registering("ui_settings"), _calling("ui_settings")
on_before_image_saved, before_image_saved_callback = _registering("before_image_saved"), _calling("before_image_saved")
on_image_saved, image_saved_callback = _registering("image_saved"), _calling("image_saved")
on_extra_noise, extra_noise_callback = _registering("extra_noise"), _calling("extra_noise")
on_cfg_denoiser, cfg_denoiser_callback = _registering("cfg_denoiser"), _calling("cfg_denoiser")
on_cfg_denoised, cfg_denoised_callback = _registering("cfg_denoised"), _calling("cfg_denoised")
on_cfg_after_cfg, cfg_after_cfg_callback = _registering("cfg_after_cfg"), _calling("cfg_after_cfg")
on_before_component, before_component_callback = _registering("before_component"), _calling("before_component")
on_after_component, after_component_callback = _registering("after_component"), _calling("after_component")
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
