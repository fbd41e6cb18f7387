"""The accordion's components, from top to bottom."""
from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ..core.controls import ORDER, Controls, lora_text
from ..core.numbers import NUMBERS
from ..core.profiles import Profile
from ..core.request import AUTO
from ..page import fine
from ..page.status import SETUP
from .live import LiveSwitch
from .view import View


@dataclass(frozen=True)
class Widgets:
    """The host's own widget that gradio lacks: an accordion that is a checkbox too."""

    accordion: Callable[..., Any]


class Parts:
    """`say` makes a sentence in the page's language, by its key. `shown` are the parts that `updates` has values for."""

    def __init__(self, prefix: str, widgets: Widgets, say: Callable[..., str], live: LiveSwitch):
        self._prefix, self._widgets, self.say, self.live = prefix, widgets, say, live
        self.shown: list[Any] = []
        self.wired = False

    def build(self, start: Controls, profile: Profile) -> list[Any]:
        """Returns the controls, in the order of `ORDER`."""
        controls: dict[str, Any] = {}
        with self._widgets.accordion(False, label="Accelerator", elem_id=self._id("accordion")) as controls["enabled"]:
            self._build_body(controls, start, profile)
        self.shown = [
            self.status, self.start, self.choose, self.compare, self.switches, self.negative, self.fine, self.save, self.forget,
            self.message, self.more, self.details_fold, self.details, self.data,
        ]
        made: list[Any] = [*controls.values(), *self.shown, self.act, self.memory, self.go, self.reset]
        for component in made:
            component.do_not_save_to_config = True  # the host's attribute: a saved default would show values of another method
        return [controls[name] for name in ORDER]

    def _build_body(self, controls: dict[str, Any], start: Controls, profile: Profile) -> None:
        with gr.Column(elem_classes=["fewstep-body"], elem_id=self._id("body")):
            self.status = self._html("status")
            self.start = self._html("start", visible=False)
            with gr.Column(elem_classes=["fewstep-choose"], elem_id=self._id("choose")) as self.choose:
                self.compare = gr.Button(
                    self.say("page.compare", pictures=2), size="sm", elem_classes=["fewstep-compare"], elem_id=self._id("compare")
                )
                controls["method"] = gr.Radio(
                    [(self.say("page.auto"), AUTO)], value=AUTO, label=self.say("page.method"), interactive=True,
                    elem_classes=["fewstep-cards"], elem_id=self._id("method"),
                )
            with gr.Row(elem_classes=["fewstep-switches"], visible=False, elem_id=self._id("switches")) as self.switches:
                self.live.build()
                controls["draft"] = self.live.draft
                self.negative = gr.Checkbox(
                    False, label=self.say("page.switch.negative"), info=self.say("page.switch.negative.info"), interactive=True,
                    elem_id=self._id("negative"),
                )
            with gr.Column(elem_classes=["fewstep-folds"]):
                with self._fold("fine") as self.fine:
                    self._build_fine(controls, start, profile)
                with self._fold("more"):
                    self.more = self._html("more_list")
                with self._fold("details") as self.details_fold:
                    self.details = self._html("details_list")
            self._build_hidden(controls, start)

    def _build_fine(self, controls: dict[str, Any], start: Controls, profile: Profile) -> None:
        with gr.Row(elem_classes=["fewstep-sliders"]):
            for name, number in NUMBERS.items():
                low, high, step = number.slider
                controls[name] = gr.Slider(
                    low, high, value=getattr(start, name), step=step, label=number.label, interactive=True,
                    info=self.say("page.info.recommended", best=f"{getattr(start, name):g}"),
                    visible=name in fine.shown(profile, start.cfg, start.cfg_steps, start.nag), elem_id=self._id(name),
                )
            controls["lora"] = gr.Dropdown(
                [lora_text(AUTO, None)], value=lora_text(AUTO, None), label="LoRA file", info=self.say("page.info.lora"),
                allow_custom_value=True, interactive=True, elem_id=self._id("lora"),
            )
        with gr.Row(elem_classes=["fewstep-switches"]):
            controls["by_size"] = gr.Checkbox(
                False, label=self.say("page.by_size"), info=self.say("page.by_size.info"), interactive=True, visible=False,
                elem_id=self._id("by_size"),
            )
        with gr.Row(elem_classes=["fewstep-actions"]):
            self.reset = gr.Button(self.say("page.reset"), size="sm", elem_id=self._id("reset"))
            self.forget = gr.Button(self.say("page.forget"), size="sm", visible=False, elem_id=self._id("forget"))
            self.save = gr.Button(self.say("page.save"), size="sm", elem_id=self._id("save"))
        self.message = self._html("message", visible=False)

    def _build_hidden(self, controls: dict[str, Any], start: Controls) -> None:
        """What carries values between the page's script and Python."""
        with gr.Row(elem_classes=["fewstep-hidden"]):
            controls["beside"] = gr.Textbox(start.beside, label="Beside", elem_id=self._id("beside"))
            controls["filled_for"] = gr.Textbox(start.filled_for, label="Filled for", elem_id=self._id("filled_for"))
            self.act = gr.Textbox("", label="Act", elem_id=self._id("act"))
            self.memory = gr.Textbox("", label="Plot before", elem_id=self._id("memory"))
            self.go = gr.Button("Go", elem_id=self._id("go"))
            self.data = self._html("data")

    def _html(self, name: str, visible: bool = True) -> Any:
        return gr.HTML("", visible=visible, elem_id=self._id(name))

    def _fold(self, name: str) -> Any:
        return gr.Accordion(self.say(f"page.{name}"), open=False, elem_classes=["fewstep-fold"], elem_id=self._id(name))

    def _id(self, name: str) -> str:
        return f"{self._prefix}_{name}"

    def updates(self, view: View, message: str, fresh: bool, more: bool) -> list[Any]:
        """For `shown`. A message stays until something else is done, which is `fresh`; without `more` the list of more methods stays."""
        empty = view.status.state == SETUP
        saved = message == self.say("page.saved")
        compare = view.compare
        button = gr.update(visible=False) if compare is None or not self.wired else gr.update(visible=True, value=view.told(compare.button))
        said = gr.update(visible=bool(message) and not saved, value="" if saved else _quiet(message)) if fresh else gr.update()
        return [
            view.status_html, gr.update(value=view.start_html, visible=empty), gr.update(visible=not empty), button, *self.switch(view),
            gr.update(visible=not empty), gr.update(value=self.say("page.saved" if saved else "page.save")),
            gr.update(visible=view.has_saved), said, view.more_html if more else gr.update(), gr.update(visible=not empty),
            view.details_html, view.data_html,
        ]

    def switch(self, view: View) -> list[Any]:
        """The row of switches, and the one for the negative prompt."""
        negative = view.negative
        if negative is None:
            return [gr.update(visible=False), gr.update()]
        update = gr.update(value=negative.on, info=view.told(negative.info), interactive=negative.possible)
        return [gr.update(visible=view.status.state != SETUP), update]


def _quiet(message: str) -> str:
    return f'<div class="fewstep-quiet">{html.escape(message)}</div>' if message else ""
