"""Our axes in the host's X/Y/Z plot. A cell's values hang on its own `p`, and win over the accordion."""
from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from modules import scripts

from ..core.choose import fitting
from ..core.request import AUTO
from .state import plan_of

if TYPE_CHECKING:
    from .facts import HostFacts

OFF = "None"
_ATTRIBUTE, _STARTED, _SECONDS = "fewstep_axes", "fewstep_started", "fewstep_seconds"
_PREFIX = "[Accelerator] "
_BUILT_IN = {"Steps": "steps", "CFG Scale": "cfg", "Sampler": "sampler", "Schedule type": "scheduler", "Hires steps": "hires_steps"}
"""The host's own axes over what a method would decide: in their cell they win."""


def axes_of(p: Any, enabled: bool) -> tuple[bool, dict[str, Any]]:
    """Whether this cell is accelerated, and what its axes say (nothing outside X/Y/Z plot). The axis Method decides, else the accordion."""
    values = getattr(p, _ATTRIBUTE, {})
    return (values["method"] != OFF if "method" in values else enabled), values


def register(facts: HostFacts, cost: Callable[[Any, str], str]) -> None:
    """Adds the axes, in place of same-named ones: safe to call again. Without the X/Y/Z script it does nothing. `cost` labels a method."""

    def methods() -> list[str]:
        return list(facts.tables.profiles)

    def loras() -> list[str]:
        return [lora.name for lora in fitting(facts.of_page(), facts.tables)]

    for module in _xyz_modules():
        for option in module.axis_options:
            if option.label in _BUILT_IN:
                option.apply = _observed(option.apply, _BUILT_IN[option.label])
        module.axis_options[:] = [option for option in module.axis_options if not option.label.startswith(_PREFIX)]
        axis = module.AxisOption
        module.axis_options.extend([
            axis(_PREFIX + "Method", str, _set("method"), _labelled(cost), _known(methods), choices=lambda: [OFF, AUTO, *methods()]),
            axis(_PREFIX + "LoRA", str, _set("lora"), choices=lambda: [AUTO, *loras()]),
            axis(_PREFIX + "LoRA weight", float, _set("weight")),
            axis(_PREFIX + "Steps", int, _set("steps")),
            axis(_PREFIX + "CFG", float, _set("cfg")),
            axis(_PREFIX + "Gamma", float, _set("gamma")),
        ])


def start(p: Any) -> None:
    """A cell begins."""
    setattr(p, _STARTED, time.perf_counter())


def stop(p: Any) -> None:
    """A cell is done: notes for its label how long a picture took, or that the method did not fit and the user's own settings ran."""
    method, seconds = getattr(p, _ATTRIBUTE, {}).get("method"), getattr(p, _SECONDS, None)
    if method is not None and seconds is not None:
        ran = method == OFF or plan_of(p) is not None
        taken = (time.perf_counter() - getattr(p, _STARTED)) / (p.n_iter * p.batch_size)
        seconds.setdefault(method, []).append(taken if ran else None)


class _Label(str):
    """A label of the plot, asked for before its pictures are made and drawn after them: then it knows how long they took."""

    _seconds: dict[str, list[float | None]]
    _method: str

    def split(self, *args: Any, **kwargs: Any) -> list[str]:
        """What the host's drawing calls to break the lines."""
        cells = self._seconds.get(self._method, [])
        taken = [seconds for seconds in cells if seconds is not None]
        speed = f", {sum(taken) / len(taken):.2g} s" if taken else ""
        return f"{self}{speed}{' (own settings where it does not fit)' if None in cells else ''}".split(*args, **kwargs)


def _labelled(cost: Callable[[Any, str], str]) -> Callable[[Any, Any, Any], str]:
    def label(p: Any, option: Any, method: Any) -> str:
        if not hasattr(p, _SECONDS):
            setattr(p, _SECONDS, {})  # the cells' objects are shallow copies of this one: all note into it
        text = _Label(str(method) if method == OFF else cost(p, str(method)))
        text._seconds, text._method = getattr(p, _SECONDS), str(method)
        return text

    return label


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
