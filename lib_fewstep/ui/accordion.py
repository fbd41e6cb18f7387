"""The Accelerator accordion. Works in gradio 3.41 and 4.40; everything it shows comes from `view`."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import gradio as gr

from ..core.controls import ORDER, Controls, controls_from, initial, lora_text, method_text, request_of, worth_saving
from ..core.decide import make_plan
from ..core.facts import Facts
from ..core.numbers import NUMBERS
from ..core.offers import Offer, offer_for
from ..core.profiles import Profile, Tables
from ..core.request import AUTO, Request, host_request
from .download_row import DownloadRow, Downloads
from .live import LIVE_CONTROLS, LiveSwitch
from .view import comparison, has_number, known_html, looking_html, lora_choices, make_view, message_html, method_choices, plan_html

HOST_CONTROLS = {
    "prompt": "prompt", "neg_prompt": "negative_prompt", "steps": "steps", "cfg_scale": "cfg_scale", "sampling": "sampler_name",
    "denoising_strength": "denoising_strength", "hr-checkbox": "enable_hr", "hires_steps": "hr_second_pass_steps",
    "hr_sampler": "hr_sampler_name", "hr_scheduler": "hr_scheduler", "width": "width", "height": "height",
}
"""Endings of the host controls' elem_ids (`txt2img_prompt`; `hr_sampler` and `hr_scheduler` are whole) that the plan line takes into
account, and the settings that they are.
"""

PLOT_CONTROLS = ("script_list", "x_type", "x_values", "X values", "y_type", "z_type")
"""The same for the host's X/Y/Z plot, which `Compare` fills in. Its dropdown of values has no elem_id, and is known by its label."""
BARE_CONTROLS = ("hr_sampler", "hr_scheduler", "script_list", "X values")
"""Those of both that the hosts name without the tab. Of any other, a bare name is another extension's."""
READ_CONTROLS = (*HOST_CONTROLS, *PLOT_CONTROLS, *LIVE_CONTROLS)
"""All that `wire` is told of."""
_PLOT, _METHOD_AXIS, _NO_METHOD, _NO_AXIS = "X/Y/Z plot", "[Accelerator] Method", "None", "Nothing"
_QUIET = {"queue": False, "show_progress": "hidden"}


class Source(Protocol):
    """Where facts come from, and where the user's settings for a checkpoint go. Hires steps of a preset's are not the user's wish."""

    @property
    def tables(self) -> Tables: ...
    def of_page(self, whole: bool = True) -> Facts: ...
    def preset_hires_steps(self) -> int: ...
    def refresh(self) -> str: ...
    def keep(self, request: Mapping[str, Any]) -> None: ...
    def language(self) -> str: ...


@dataclass(frozen=True)
class Widgets:
    """The host's own widgets that gradio lacks: an accordion that is a checkbox too, and a small icon button."""

    accordion: Callable[..., Any]
    tool_button: Callable[..., Any]


Reader = Callable[[dict[str, Any]], Mapping[str, Any] | None]
"""An infotext's parameters -> our values in them, or None for "off"."""


class PasteName(str):
    """Which control a paste field is: by name where the host sends values from tab to tab, by function where it reads an infotext."""

    _restore: Callable[[dict[str, Any]], Any]

    def __new__(cls, name: str, restore: Callable[[dict[str, Any]], Any]) -> PasteName:
        self = super().__new__(cls, f"Accelerator {name}")
        self._restore = restore
        return self

    def __call__(self, params: dict[str, Any]) -> Any:
        return self._restore(params)


class Accordion:
    """One tab's accordion: `build` it inside the host's page, then `wire` it when the host's own controls exist."""

    def __init__(self, tab: str, source: Source, widgets: Widgets, downloads: Downloads):
        self._tab, self._source, self._widgets = tab, source, widgets
        self._download_row, self._live = DownloadRow(downloads), LiveSwitch(tab, source.language())
        self.inputs: list[Any] = []

    def build(self) -> list[Any]:
        """Makes the components; returns those whose values the host passes to the script, in the order of `Controls`."""
        start, auto = initial(self._source.tables), method_text(None)
        with self._widgets.accordion(False, label="Accelerator", elem_id=self._id("accordion")) as enabled:
            with gr.Row(elem_classes=["fewstep-row"]):
                methods = method_choices(Facts(), self._source.tables)
                method = gr.Dropdown(label="Method", choices=methods, value=auto, elem_id=self._id("method"))
                lora = gr.Dropdown(label="LoRA", choices=[auto], value=auto, allow_custom_value=True, elem_id=self._id("lora"))
                self._rescan = self._widgets.tool_button("\U0001f504", elem_id=self._id("rescan"))
            with gr.Row():
                profile = self._source.tables.profiles[start.filled_for]
                sliders = {name: self._slider(name, getattr(start, name), profile) for name in NUMBERS}
            self._live.build()
            with gr.Row(elem_classes=["fewstep-row", "fewstep-actions"]):
                self._reset = gr.Button("Reset to recommended", size="sm", elem_id=self._id("reset"))
                self._save = gr.Button("Save for this checkpoint", size="sm", elem_id=self._id("save"))
                self._forget = gr.Button("Forget what is saved", size="sm", visible=False, elem_id=self._id("forget"))
                self._compare = gr.Button("Compare methods", size="sm", elem_id=self._id("compare"))
                self._all_methods = gr.Checkbox(False, label="Show methods for other models too", elem_id=self._id("all_methods"))
            self._message = gr.HTML("", elem_id=self._id("message"))
            self._plan = gr.HTML("", elem_id=self._id("plan"))
            self._download_row.build(self._id)
            filled_for = gr.Textbox(start.filled_for, label="Filled for", visible=False, elem_id=self._id("filled_for"))
            self._sync = gr.Button("Sync", visible=False, elem_id=self._id("sync"))
            self._ask_known = gr.Button("Ask what is known", visible=False, elem_id=self._id("ask_known"))
            self._known = gr.HTML("", visible=False, elem_id=self._id("known"))
        controls = {"enabled": enabled, "method": method, "lora": lora, "filled_for": filled_for, **sliders}
        self.inputs = [controls[name] for name in ORDER]
        made: list[Any] = [*self.inputs, self._all_methods, self._message, self._plan, self._known]
        for component in made:
            component.do_not_save_to_config = True  # the host's attribute: a saved default would show values that belong to another method
        return self.inputs

    def _slider(self, name: str, value: float, profile: Profile) -> Any:
        number = NUMBERS[name]
        low, high, step = number.slider
        shown = has_number(profile, name)
        return gr.Slider(low, high, value=value, step=step, label=number.label, visible=shown, elem_id=self._id(name))

    def wire(self, host: Mapping[str, Any]) -> None:
        """Connects the events. `host` holds the host's controls by their names in `HOST_CONTROLS`; missing ones are done without."""
        names = [name for name in HOST_CONTROLS if name in host]
        inputs = [*self.inputs, self._all_methods, *(host[name] for name in names)]
        outputs = [*self.inputs[1:], self._forget, self._message, *self._download_row.outputs, self._plan]

        def handler(refill: bool = False, first: Callable[[tuple[Any, ...], list[str]], str] | None = None) -> Callable[..., list[Any]]:
            return lambda *values: self._updates(values, names, refill, first(values, names) if first is not None else "")

        control = dict(zip(ORDER, self.inputs, strict=True))
        enabled, method, lora = (control[name] for name in ("enabled", "method", "lora"))
        for event in (enabled.change, self._all_methods.change, self._sync.click, lora.input):
            event(handler(), inputs=inputs, outputs=outputs, **_QUIET)
        for event in (method.input, self._reset.click):
            event(handler(refill=True), inputs=inputs, outputs=outputs, **_QUIET)
        self._ask_known.click(lambda: known_html(self._source.of_page(), self._source.tables), outputs=[self._known], **_QUIET)
        self._rescan.click(handler(first=self._refreshed), inputs=inputs, outputs=outputs, **_QUIET)
        self._save.click(handler(first=self._saved), inputs=inputs, outputs=outputs, **_QUIET)
        self._forget.click(handler(refill=True, first=self._forgotten), inputs=inputs, outputs=outputs, **_QUIET)
        for name in NUMBERS:
            control[name].change(lambda *values: self._plan_line(values, names), inputs=inputs, outputs=[self._plan], **_QUIET)
        self._live.wire(self.inputs, host)
        plot = [host[name] for name in PLOT_CONTROLS if name in host]
        self._compare.visible = len(plot) == len(PLOT_CONTROLS)
        if self._compare.visible:
            self._compare.click(lambda *values: self._filled_plot(values, names), inputs=inputs, outputs=[*plot, self._message], **_QUIET)
        self._download_row.wire(inputs, lambda values: self._wanted(values, names), **_QUIET)

    def paste_fields(self, read: Reader) -> list[tuple[Any, PasteName]]:
        """What the host needs to restore the accordion from an infotext, and to send it to the other tab."""
        return [(component, PasteName(name, self._restorer(name, read))) for name, component in zip(ORDER, self.inputs, strict=True)]

    def _restorer(self, name: str, read: Reader) -> Callable[[dict[str, Any]], Any]:
        def restore(params: dict[str, Any]) -> Any:
            values = read(params)
            if name == "enabled":
                return values is not None
            if values is None:
                return None  # leaves the control as it is
            if name == "method":
                shown = method_text(self._source.tables.profiles[values[name]])
                return gr.update(value=shown, choices=method_choices(Facts(), self._source.tables))
            if name == "lora":
                return gr.update(value=lora_text(values[name], None), choices=lora_choices(Facts(), self._source.tables, keep=values[name]))
            profile = self._source.tables.profiles[values["method"]]
            return gr.update(value=values[name], visible=has_number(profile, name)) if name in NUMBERS else gr.update(value=values[name])

        return restore

    def _read(self, values: tuple[Any, ...], names: list[str]) -> tuple[Controls, Request]:
        """Our own controls, and what the host's controls ask for."""
        host = {HOST_CONTROLS[name]: value for name, value in zip(names, values[len(ORDER) + 1 :], strict=True)}
        base = host_request(host, self._tab == "img2img", self._source.preset_hires_steps())
        return controls_from(values[: len(ORDER)], self._source.tables), base

    def _filled_plot(self, values: tuple[Any, ...], names: list[str]) -> list[Any]:
        """Values for `PLOT_CONTROLS`, and what to say."""
        _, base = self._read(values, names)
        found = comparison(base, self._source.of_page(), self._source.tables, _NO_METHOD)
        if not found.values:
            return [gr.update() for _ in PLOT_CONTROLS] + [message_html(found.message)]
        chosen = gr.update(choices=[_NO_METHOD, AUTO, *self._source.tables.profiles], value=found.values)
        return [_PLOT, _METHOD_AXIS, ", ".join(found.values), chosen, _NO_AXIS, _NO_AXIS, message_html(found.message)]

    def _refreshed(self, values: tuple[Any, ...], names: list[str]) -> str:
        return self._source.refresh()

    def _saved(self, values: tuple[Any, ...], names: list[str]) -> str:
        """Saves what runs for the checkpoint; says so, or why not."""
        controls, base = self._read(values, names)
        plan = make_plan(request_of(controls, base, self._source.tables), self._source.of_page(), self._source.tables)
        done = "saved: Auto uses these settings with this checkpoint"
        return self._kept(worth_saving(controls, plan), done) if plan.active else f"nothing is saved. {plan.summary}"

    def _forgotten(self, values: tuple[Any, ...], names: list[str]) -> str:
        return self._kept({}, "nothing is saved for this checkpoint any more")

    def _kept(self, settings: Mapping[str, Any], done: str) -> str:
        try:
            self._source.keep(settings)
        except ValueError as error:
            return str(error)
        return done

    def _updates(self, values: tuple[Any, ...], names: list[str], refill: bool, message: str = "") -> list[Any]:
        controls, base = self._read(values, names)
        facts, all_methods = self._source.of_page(whole=refill), bool(values[len(ORDER)])
        said = message_html(message) if message or refill else gr.update()  # it stays until the user does something else
        if facts.unseen:  # of what is found so far nothing can be decided
            return [*(gr.update() for _ in ORDER), said, *(gr.update() for _ in self._download_row.outputs), looking_html(facts)]
        view = make_view(controls, base, facts, self._source.tables, all_methods, refill)
        shown = {**vars(view.controls), "method": view.method, "lora": view.lora}
        more: dict[str, dict[str, Any]] = {"method": {"choices": view.methods}, "lora": {"choices": view.loras}}
        more |= {name: {"visible": name in view.numbers} for name in NUMBERS}
        # a value that stays is not sent: by now the user may have set another
        fresh = {name: {"value": shown[name]} for name, value in zip(ORDER, values, strict=False) if shown[name] != value}
        updates = {name: gr.update(**fresh.get(name, {}), **more.get(name, {})) for name in ORDER[1:]}
        offered = self._download_row.updates(view.offer, view.plan.method)
        return [*updates.values(), gr.update(visible=view.has_saved), said, *offered, plan_html(view.plan, facts, view.method)]

    def _plan_line(self, values: tuple[Any, ...], names: list[str]) -> str:
        """For the controls as they stand: nothing is filled in over what the user has just set."""
        controls, base = self._read(values, names)
        facts = self._source.of_page(whole=False)
        if facts.unseen:
            return looking_html(facts)
        shown = method_text(self._source.tables.profiles.get(controls.method))
        return plan_html(make_plan(request_of(controls, base, self._source.tables), facts, self._source.tables), facts, shown)

    def _wanted(self, values: tuple[Any, ...], names: list[str]) -> tuple[Offer | None, str | None]:
        """What could be downloaded for the controls as they stand, and the method that runs."""
        controls, base = self._read(values, names)
        facts, tables = self._source.of_page(), self._source.tables
        request = request_of(controls, base, tables)
        return offer_for(request, facts, tables), make_plan(request, facts, tables).method

    def _id(self, name: str) -> str:
        return f"fewstep_{self._tab}_{name}"

