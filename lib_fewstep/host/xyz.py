"""Our axes in the host's X/Y/Z plot. A cell's values hang on its own `p`, and win over the accordion."""
from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modules import scripts

from ..core.choose import fitting
from ..core.controls import as_dict
from ..core.numbers import NUMBERS, Number
from ..core.request import AUTO
from .grid import wrap_rows
from .hosts import Job
from .state import TITLE, generation_of, note

if TYPE_CHECKING:
    from .facts import HostFacts

Apply = Callable[[Job, Any, Any], None]
"""(p, value, all values) -> nothing: what an axis does to a cell."""
OFF = "None"
_PREFIX = "[Accelerator] "
_BUILT_IN = {"Steps": "steps", "CFG Scale": "cfg", "Sampler": "sampler", "Schedule type": "scheduler", "Hires steps": "hires_steps"}
"""The host's own axes over what a method would decide: in their cell they win."""


def register(facts: HostFacts, cost: Callable[[Job, str], str]) -> None:
    """Adds the axes, in place of same-named ones: safe to call again. Without the X/Y/Z script it does nothing. `cost` labels a method."""

    def methods() -> list[str]:
        return list(facts.tables.profiles)

    def loras() -> list[str]:
        return [lora.name for lora in fitting(facts.of_page(), facts.tables)]

    def put(key: str) -> Apply:
        return _put(key, facts)

    for module in _xyz_modules():
        for option in module.axis_options:
            if option.label in _BUILT_IN:
                option.apply = _observed(option.apply, put(_BUILT_IN[option.label]))
        module.axis_options[:] = [option for option in module.axis_options if not option.label.startswith(_PREFIX)]
        wrap_rows(module, lambda label: isinstance(label, _Label))
        axis = module.AxisOption
        module.axis_options.extend([
            axis(_PREFIX + "Method", str, put("method"), _labelled(cost), _known(methods), choices=lambda: [OFF, AUTO, *methods()]),
            axis(_PREFIX + "LoRA", str, put("lora"), choices=lambda: [AUTO, *loras()]),
            *(axis(_PREFIX + number.axis, int if number.whole else float, put(name)) for name, number in _plotted()),
        ])


def _plotted() -> list[tuple[str, Number]]:
    """The numbers that have an axis, the weight first: users' scripts choose axes by their place."""
    return sorted(((name, number) for name, number in NUMBERS.items() if number.axis), key=lambda each: each[0] != "weight")


def start(p: Job) -> None:
    """A cell begins."""
    note(p, began=time.perf_counter())


def stop(p: Job) -> None:
    """A cell is done: notes for its label how long a picture took, or that the method did not fit and the user's own settings ran."""
    known = generation_of(p)
    method = known.axes.get("method")
    if method is not None and known.seconds is not None:
        ran = method == OFF or known.plan is not None
        taken = (time.perf_counter() - known.began) / (p.n_iter * p.batch_size)
        known.seconds.setdefault(method, []).append(taken if ran else None)


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


def _labelled(cost: Callable[[Job, str], str]) -> Callable[[Job, Any, Any], str]:
    def label(p: Job, option: Any, method: Any) -> str:
        seconds = generation_of(p).seconds
        if seconds is None:
            note(p, seconds=(seconds := {}))  # the cells' objects are shallow copies of this one: all note into it
        text = _Label(cost(p, str(method)))
        text._seconds, text._method = seconds, str(method)
        return text

    return label


def _put(key: str, facts: HostFacts) -> Apply:
    """Puts a cell's value into the script's own arguments, on the cell's own object: where a generation reads them, and whatever sends
    the cell to another machine.
    """

    def apply(p: Job, x: Any, xs: Any) -> None:
        script = next((each for each in getattr(p.scripts, "alwayson_scripts", ()) if each.title() == TITLE), None)
        if script is None:
            return
        known, args = generation_of(p), list(p.script_args)
        own = known.arguments if known.arguments is not None else tuple(args[script.args_from : script.args_to])
        axes = {**known.axes, key: x}
        note(p, axes=axes, arguments=own)
        args[script.args_from] = _arguments(own, axes, facts)
        p.script_args = args

    return apply


def _arguments(own: Sequence[Any], axes: Mapping[str, Any], facts: HostFacts) -> dict[str, Any]:
    """The axis Method decides whether a cell is accelerated, else the accordion, whose other values were set for another method."""
    if axes.get("method") == OFF:
        return {"enabled": False}
    return {"enabled": True, **axes} if "method" in axes else {**as_dict(own, facts.tables), **axes}


def _observed(apply: Apply, put: Apply) -> Apply:
    """A built-in axis' `apply` that also leaves its value for us; wrapped once, however often the UI is reloaded."""
    original = getattr(apply, "fewstep_original", apply)

    def observed(p: Job, x: Any, xs: Any) -> None:
        original(p, x, xs)
        put(p, x, xs)

    observed.fewstep_original = original  # type: ignore[attr-defined]
    return observed


def _known(methods: Callable[[], list[str]]) -> Callable[[Job, list[Any]], None]:
    """Stops the plot before its first image when a value is no method: the host shows the error."""

    def confirm(p: Job, xs: list[Any]) -> None:
        for x in xs:
            if x not in (OFF, AUTO, *methods()):
                raise RuntimeError(f"Accelerator method '{x}' is unknown; expected {OFF}, {AUTO}, {', '.join(methods())}")

    return confirm


def _xyz_modules() -> list[Any]:
    found = [data.module for data in scripts.scripts_data if data.script_class.__module__ in ("xyz_grid.py", "scripts.xyz_grid")]
    return [module for module in dict.fromkeys(found) if hasattr(module, "axis_options")]
