"""Our axes in the host's X/Y/Z plot. A cell's values hang on its own `p`, and win over the accordion."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modules import scripts

from ..core.request import AUTO

OFF = "None"
_ATTRIBUTE = "fewstep_axes"
_PREFIX = "[Accelerator] "
_BUILT_IN = {"Steps": "steps", "CFG Scale": "cfg", "Sampler": "sampler", "Schedule type": "scheduler", "Hires steps": "hires_steps"}
"""The host's own axes over what a method would decide: in their cell they win."""


def axes_of(p: Any, enabled: bool) -> tuple[bool, dict[str, Any]]:
    """Whether this cell is accelerated, and what its axes say (nothing outside X/Y/Z plot). The axis Method decides, else the accordion."""
    values = getattr(p, _ATTRIBUTE, {})
    return (values["method"] != OFF if "method" in values else enabled), values


def register(methods: Callable[[], list[str]], loras: Callable[[], list[str]]) -> None:
    """Adds the axes, in place of same-named ones: safe to call again. Without the X/Y/Z script it does nothing."""
    for module in _xyz_modules():
        for option in module.axis_options:
            if option.label in _BUILT_IN:
                option.apply = _observed(option.apply, _BUILT_IN[option.label])
        module.axis_options[:] = [option for option in module.axis_options if not option.label.startswith(_PREFIX)]
        axis = module.AxisOption
        module.axis_options.extend([
            axis(_PREFIX + "Method", str, _set("method"), confirm=_known(methods), choices=lambda: [OFF, AUTO, *methods()]),
            axis(_PREFIX + "LoRA", str, _set("lora"), choices=lambda: [AUTO, *loras()]),
            axis(_PREFIX + "LoRA weight", float, _set("weight")),
            axis(_PREFIX + "Steps", int, _set("steps")),
            axis(_PREFIX + "CFG", float, _set("cfg")),
            axis(_PREFIX + "Gamma", float, _set("gamma")),
        ])


def _set(key: str) -> Callable[[Any, Any, Any], None]:
    def apply(p: Any, x: Any, xs: Any) -> None:
        setattr(p, _ATTRIBUTE, {**getattr(p, _ATTRIBUTE, {}), key: x})  # a new dictionary: the cells' objects are shallow copies of one

    return apply


def _observed(apply: Callable[[Any, Any, Any], None], key: str) -> Callable[[Any, Any, Any], None]:
    """A built-in axis' `apply` that also leaves its value for us; wrapped once, however often the UI is reloaded."""
    original = getattr(apply, "fewstep_original", apply)

    def observed(p: Any, x: Any, xs: Any) -> None:
        original(p, x, xs)
        _set(key)(p, x, xs)

    observed.fewstep_original = original  # type: ignore[attr-defined]
    return observed


def _known(methods: Callable[[], list[str]]) -> Callable[[Any, list[Any]], None]:
    """Stops the plot before its first image when a value is no method: the host shows the error."""

    def confirm(p: Any, xs: list[Any]) -> None:
        for x in xs:
            if x not in (OFF, AUTO, *methods()):
                raise RuntimeError(f"Accelerator method '{x}' is unknown; expected {OFF}, {AUTO}, {', '.join(methods())}")

    return confirm


def _xyz_modules() -> list[Any]:
    found = [data.module for data in scripts.scripts_data if data.script_class.__module__ in ("xyz_grid.py", "scripts.xyz_grid")]
    return [module for module in dict.fromkeys(found) if hasattr(module, "axis_options")]
