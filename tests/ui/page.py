"""A page with the accordion, and a browser in miniature: keeps the values, fires events through gradio's own back end, applies updates."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import gradio as gr

from lib_fewstep.core.controls import ORDER
from lib_fewstep.core.facts import Facts, InstalledLora
from lib_fewstep.core.offers import RUNNING, Offer, Progress
from lib_fewstep.core.profiles import Tables
from lib_fewstep.ui.accordion import Accordion, Widgets
from tests.core.situations import TABLES

OLD_GRADIO = gr.__version__.startswith("3.")


class Source:
    """Facts that a test can change, as a user changes them: another checkpoint, another file in the folder."""

    def __init__(self, facts: Facts):
        self.tables: Tables = TABLES
        self.facts = facts
        self.in_folder: tuple[InstalledLora, ...] = ()
        self.preset = self.unseen = 0
        self.localization, self.measured = "en", None

    def of_page(self, whole: bool = True, lora: str = "auto") -> Facts:
        return self.facts if whole else replace(self.facts, unseen=self.unseen)

    def preset_hires_steps(self) -> int:
        return self.preset

    def keep(self, request: Mapping[str, Any]) -> None:
        self.facts = replace(self.facts, saved=request)

    def language(self) -> str:
        return self.localization

    def seconds(self, width: int, height: int) -> float | None:
        return self.measured

    def refresh(self) -> str:
        self.facts = replace(self.facts, loras=(*self.facts.loras, *self.in_folder))
        return ""


class Fetcher:
    """Downloads that a test moves on by hand."""

    def __init__(self) -> None:
        self.progress: Progress | None = None
        self.why_not: str | None = None
        self.started: list[Offer] = []
        self.cancelled = 0

    def forbidden(self) -> str | None:
        return self.why_not

    def start(self, offer: Offer) -> None:
        self.started.append(offer)
        self.progress = Progress(offer, RUNNING, 0, offer.size)

    def cancel(self) -> None:
        self.cancelled += 1


@contextmanager
def foldable(value: bool, label: str, elem_id: str) -> Iterator[Any]:
    """The host's accordion that is a checkbox too."""
    checkbox = gr.Checkbox(value, label=label, elem_id=f"{elem_id}-checkbox", visible=False)
    with gr.Accordion(label, open=value, elem_id=elem_id):
        yield checkbox


class Page:
    def __init__(self, source: Source, tab: str = "txt2img", host: Sequence[str] | None = None):
        self.source = source
        self.downloads = Fetcher()
        self.blocks: Any
        self.accordion = Accordion(tab, source, Widgets(foldable), self.downloads)
        with gr.Blocks() as self.blocks:
            self.inputs = self.accordion.build()
            made = {
                "prompt": gr.Textbox("a cat", elem_id=f"{tab}_prompt"),
                "neg_prompt": gr.Textbox("", elem_id=f"{tab}_neg_prompt"),
                "steps": gr.Slider(1, 150, value=20, step=1, elem_id=f"{tab}_steps"),
                "cfg_scale": gr.Slider(1, 30, value=7.0, elem_id=f"{tab}_cfg_scale"),
                "sampling": gr.Dropdown(["Euler", "DPM++ SDE"], value="Euler", elem_id=f"{tab}_sampling"),
                "denoising_strength": gr.Slider(0, 1, value=0.75, elem_id=f"{tab}_denoising_strength"),
                "hr-checkbox": gr.Checkbox(False, elem_id=f"{tab}_hr-checkbox"),
                "hires_steps": gr.Slider(0, 150, value=0, elem_id=f"{tab}_hires_steps"),
                "hr_sampler": gr.Dropdown(["Use same sampler", "DPM++ SDE"], value="Use same sampler", elem_id="hr_sampler"),
                "hr_scheduler": gr.Dropdown(["Use same scheduler", "Karras"], value="Use same scheduler", elem_id="hr_scheduler"),
                **{side: gr.Number(0, elem_id=f"{tab}_{side}") for side in ("width", "height")},  # 0: not known
                "script_list": gr.Dropdown(["None", "X/Y/Z plot"], value="None", type="index"),
                **{f"{axis}_type": gr.Dropdown(["Nothing", "Seed", "[Accelerator] Method"], value="Seed", type="index") for axis in "xyz"},
                "x_values": gr.Textbox(""),
                "X values": gr.Dropdown([], multiselect=True),
            }
            self.host = {name: component for name, component in made.items() if host is None or name in host}
            self.accordion.wire(self.host)
        parts = {
            str(component.elem_id).removeprefix(f"fewstep_{tab}_"): component
            for component in self.blocks.blocks.values()
            if _ours(component)
        }
        self.parts = {**parts, **dict(zip(ORDER, self.inputs, strict=True))}
        self.values = {id_: getattr(component, "value", None) for id_, component in self.blocks.blocks.items()}
        self.props: dict[int, dict[str, Any]] = {}
        self._session: Any = {} if OLD_GRADIO else _session_of(self.blocks)

    # ------------------------------------------------------------------------------------------------------- what is seen

    def __getitem__(self, name: str) -> Any:
        """The value that a control of ours shows."""
        return self.values[self.parts[name]._id]

    def choices(self, name: str) -> list[str]:
        choices = self._prop(name, "choices")
        return [choice[0] if isinstance(choice, (tuple, list)) else choice for choice in choices]

    def cards(self) -> list[str]:
        """The keys of the methods that can be chosen with one click."""
        return [choice[1] for choice in self._prop("method", "choices")]

    def is_visible(self, name: str) -> bool:
        return bool(self._prop(name, "visible"))

    def args(self) -> list[Any]:
        """What the host would pass to the script at Generate."""
        return [self.values[component._id] for component in self.inputs]

    # ------------------------------------------------------------------------------------------------------- what is done

    def set(self, name: str, value: Any) -> None:
        """The user sets one of our controls. The dropdown tells the user's choice ("input") from one that the page makes; of a card
        that is clicked the page's script tells.
        """
        self.values[self.parts[name]._id] = value
        self.fire(name, "input" if name in ("lora", "negative") else "change")
        if name == "method":
            self.act(f"use:{value}")

    def set_host(self, name: str, value: Any) -> None:
        """One of the host's controls changes; the page's script then presses our hidden button."""
        self.values[self.host[name]._id] = value
        self.sync()

    def sync(self) -> None:
        """What the page's script does when something has changed of which gradio tells nobody, the list of more methods open."""
        self.act("sync:more")

    def act(self, what: str) -> None:
        """A button in the page's HTML is pressed."""
        self.values[self.parts["act"]._id] = what
        self.fire("go", "click")

    def data(self) -> dict[str, Any]:
        """What the page's script is told."""
        return json.loads(html.unescape(self["data"].partition('data-fewstep="')[2].rpartition('"')[0]))

    def status(self) -> dict[str, str]:
        """The lines of the status panel, by name."""
        return {name: html.unescape(text) for name, text in re.findall(r'<div class="fewstep-(\w+)"[^>]*>([^<]*)</div>', self["status"])}

    def line(self) -> str:
        """What exactly runs, in one line."""
        return self.data()["summary"]

    def state(self) -> str:
        """The state that the status panel shows."""
        return self.data()["state"]

    def switch_on(self) -> None:
        self.set("enabled", True)

    def fire(self, name: str, event: str) -> None:
        fired = [number for number, targets in self._targets() if (self.parts[name]._id, event) in targets]
        assert fired, f"nothing listens to {event} of {name}"
        for number in fired:
            self._run(number)

    def after(self, name: str, event: str) -> None:
        """What the page runs when the answer to an event is there."""
        first = next(number for number, targets in self._targets() if (self.parts[name]._id, event) in targets)
        following = [number for number, after in self._following() if after == first]
        assert following, f"nothing follows {event} of {name}"
        for number in following:
            self._run(number)

    def paste(self, fields: list[tuple[Any, Any]], params: dict[str, Any]) -> None:
        """As the hosts paste an infotext: a value, an update, or None for "as it is"."""
        for component, read in fields:
            found = read(params)
            if found is not None:
                self._apply(component._id, found)

    # ------------------------------------------------------------------------------------------------------------ gradio

    def _prop(self, name: str, prop: str) -> Any:
        component = self.parts[name]
        return self.props.get(component._id, {}).get(prop, getattr(component, prop))

    def _targets(self) -> list[tuple[int, list[tuple[int, str]]]]:
        if OLD_GRADIO:
            return [(i, [(target, d["trigger"]) for target in d["targets"]]) for i, d in enumerate(self.blocks.dependencies)]
        return [(i, function.targets) for i, function in self.blocks.fns.items()]

    def _following(self) -> list[tuple[int, int | None]]:
        if OLD_GRADIO:
            return [(i, d["trigger_after"]) for i, d in enumerate(self.blocks.dependencies)]
        return [(i, function.trigger_after) for i, function in self.blocks.fns.items()]

    def _run(self, number: int) -> None:
        if OLD_GRADIO:
            inputs, outputs = self.blocks.dependencies[number]["inputs"], self.blocks.dependencies[number]["outputs"]
            runs = self.blocks.dependencies[number]["backend_fn"]
        else:
            function = self.blocks.fns[number]
            runs = function.fn is not None
            inputs, outputs = [c._id for c in function.inputs], [c._id for c in function.outputs]
        if not runs:  # in the browser alone
            return
        values = [self.values[id_] for id_ in inputs]
        result = asyncio.run(self.blocks.process_api(number, values, state=self._session))
        for id_, found in zip(outputs, result["data"], strict=True):
            self._apply(id_, found)

    def _apply(self, id_: int, found: Any) -> None:
        if isinstance(found, dict) and str(found.get("__type__")).endswith("update"):  # 3.41 has a "generic_update" too
            changes = {key: value for key, value in found.items() if key != "__type__"}
            if "value" in changes:
                self.values[id_] = changes.pop("value")
            self.props.setdefault(id_, {}).update(changes)
        else:
            self.values[id_] = found


def _ours(component: Any) -> bool:
    return str(getattr(component, "elem_id", None) or "").startswith("fewstep_")


def _session_of(blocks: Any) -> Any:
    from gradio.state_holder import SessionState

    return SessionState(blocks)
