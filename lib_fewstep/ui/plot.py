"""The host's X/Y/Z plot: filled in for a comparison, and put back as it was."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from ..core.profiles import Tables
from ..core.request import AUTO

PRESS = """async (memory) => {
    const button = (typeof gradioApp === "function" ? gradioApp() : document).querySelector("#TAB_generate");
    const wait = (ms) => new Promise((done) => setTimeout(done, ms));
    if (memory && button) {
        await wait(300);
        button.click();
        await wait(2000);
    }
    return memory;
}"""
"""Generate is pressed when the controls show what was filled in. The WebUI reads them in that moment; a little later they may change."""

PLOT_CONTROLS = ("script_list", "x_type", "x_values", "X values", "y_type", "z_type")
"""Endings of the elem_ids of the controls that a comparison fills in. The dropdown of values has none, and is known by its label."""
_PLOT, _METHOD_AXIS, _OWN, _NO_AXIS = "X/Y/Z plot", "[Accelerator] Method", "None", "Nothing"


class Plot:
    """The controls of a tab's plot."""

    def __init__(self, controls: Sequence[Any]):
        self.controls = list(controls)

    @classmethod
    def of(cls, host: Mapping[str, Any]) -> Plot | None:
        """None where the host has no plot."""
        found = [host[name] for name in PLOT_CONTROLS if name in host]
        return cls(found) if len(found) == len(PLOT_CONTROLS) else None

    def filled(self, methods: Sequence[str], tables: Tables) -> list[Any]:
        """Values for `controls`: the user's own settings, and each of `methods`."""
        values = [_OWN, *methods]
        chosen = gr.update(choices=[_OWN, AUTO, *tables.profiles], value=values)
        return [_PLOT, _METHOD_AXIS, ", ".join(values), chosen, _NO_AXIS, _NO_AXIS]

    def remembered(self, values: Sequence[Any]) -> str:
        """What `controls` show, to be put back. Some send the place of a choice, and take its text."""
        return json.dumps([_text(control, value) for control, value in zip(self.controls, values, strict=True)])

    def restored(self, memory: str) -> list[Any]:
        """Values for `controls` as they were; nothing changes where nothing was filled in."""
        return [gr.update(value=value) for value in json.loads(memory)] if memory else [gr.update() for _ in self.controls]


def _text(control: Any, value: Any) -> Any:
    if getattr(control, "type", "") != "index" or not isinstance(value, int):
        return value
    choice = control.choices[value]
    return choice if isinstance(choice, str) else choice[0]
