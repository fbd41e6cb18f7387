"""The Accelerator accordion. Works in gradio 3.41 and 4.40; everything it shows comes from `view`."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import gradio as gr

from ..core.controls import ORDER, Controls, controls_from, initial, lora_text, request_of, worth_saving
from ..core.decide import make_plan
from ..core.facts import Facts
from ..core.numbers import NUMBERS
from ..core.profiles import Profile, Tables
from ..core.request import AUTO, Request, host_request
from ..page import fine
from ..page.negative import strength
from ..words.say import in_language, say, why
from .acts import Acts, Downloads
from .live import LIVE_BARE_CONTROLS, LIVE_CONTROLS, LiveSwitch
from .parts import Parts, Widgets
from .plot import PLOT_CONTROLS, PRESS, Plot
from .view import Around, View, lora_choices, make_view

HOST_CONTROLS = {
    "prompt": "prompt", "neg_prompt": "negative_prompt", "steps": "steps", "cfg_scale": "cfg_scale", "sampling": "sampler_name",
    "denoising_strength": "denoising_strength", "hr-checkbox": "enable_hr", "hires_steps": "hr_second_pass_steps",
    "hr_sampler": "hr_sampler_name", "hr_scheduler": "hr_scheduler", "width": "width", "height": "height",
}
"""Endings of the host controls' elem_ids (`txt2img_prompt`; `hr_sampler` and `hr_scheduler` are whole) that the plan takes into account,
and the settings that they are.
"""
BARE_CONTROLS = ("hr_sampler", "hr_scheduler", "script_list", "X values", *LIVE_BARE_CONTROLS)
"""Those of both, and of the plot's, that the hosts name without the tab. Of any other, a bare name is another extension's."""
READ_CONTROLS = (*HOST_CONTROLS, *PLOT_CONTROLS, *LIVE_CONTROLS)
"""All that `wire` is told of."""
__all__ = ["BARE_CONTROLS", "HOST_CONTROLS", "READ_CONTROLS", "Accordion", "Widgets"]
_JS = "_js" if gr.__version__.startswith("3.") else "js"
_QUIET = {"queue": False, "show_progress": "hidden"}


class Source(Protocol):
    """Where facts come from, and where the user's settings for a checkpoint go. Hires steps of a preset's are not the user's wish."""

    @property
    def tables(self) -> Tables: ...
    def of_page(self, whole: bool = True, lora: str = AUTO) -> Facts: ...
    def preset_hires_steps(self) -> int: ...
    def refresh(self) -> str: ...
    def keep(self, request: Mapping[str, Any]) -> None: ...
    def language(self) -> str: ...
    def seconds(self, width: int, height: int) -> float | None: ...


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


@dataclass(frozen=True)
class Asked:
    """What came from the page with an event."""

    controls: Controls
    base: Request
    values: tuple[Any, ...]


class Accordion:
    """One tab's accordion: `build` it inside the host's page, then `wire` it when the host's own controls exist."""

    def __init__(self, tab: str, source: Source, widgets: Widgets, downloads: Downloads):
        self._tab, self._source, self._downloads = tab, source, downloads
        live = LiveSwitch(tab, source.language())
        self._parts = Parts(f"fewstep_{tab}", widgets, lambda key, **values: in_language(say(key, **values), source.language()), live)
        self._acts = Acts(source, downloads)
        self._names: list[str] = []
        self.inputs: list[Any] = []

    def build(self) -> list[Any]:
        """Makes the components; returns those whose values the host passes to the script, in the order of `Controls`."""
        self.inputs = self._parts.build(initial(self._source.tables), next(iter(self._source.tables.profiles.values())))
        return self.inputs

    def wire(self, host: Mapping[str, Any]) -> None:
        """Connects the events. `host` holds the host's controls by their names in `HOST_CONTROLS`; missing ones are done without."""
        self._names = [name for name in HOST_CONTROLS if name in host]
        parts, inputs = self._parts, [*self.inputs, *(host[name] for name in self._names)]
        control = dict(zip(ORDER, self.inputs, strict=True))
        everything = [*self.inputs, *parts.shown]
        line = [control["cfg_steps"], control["nag"], parts.switches, parts.negative, parts.status, parts.details, parts.data, parts.save]

        def on(event: Callable[..., Any], handle: Callable[[Asked], list[Any]], outputs: list[Any], more: tuple[Any, ...] = ()) -> Any:
            return event(lambda *values: handle(self._asked(values)), inputs=[*inputs, *more], outputs=outputs, **_QUIET)

        for event in (control["enabled"].change, control["lora"].input):
            on(event, self._followed, everything)
        filled = [*self.inputs, parts.switches, parts.negative, parts.status, parts.details, parts.data]
        on(control["method"].change, self._filled, filled)
        on(parts.negative.input, self._switched, everything, (parts.negative,))
        on(parts.reset.click, lambda asked: self._everything(asked, refill=True), everything)
        on(parts.save.click, self._saved, everything)
        on(parts.forget.click, self._forgotten, everything)
        prompt = [host["prompt"]] if "prompt" in host else []
        on(parts.go.click, lambda asked: self._acted(asked, bool(prompt)), [*everything, *prompt], (parts.act,))
        for name in (*NUMBERS, "by_size"):
            on(control[name].change, self._line, line)
        parts.live.wire(self.inputs, host)
        plot = Plot.of(host)
        parts.compare.visible = plot is not None
        if plot is not None:
            begin = [*plot.controls, parts.memory, parts.status, parts.data]
            filled = on(parts.compare.click, lambda asked: self._compared(asked, plot), begin, tuple(plot.controls))
            press = {_JS: PRESS.replace("TAB", self._tab)}
            filled.then(plot.restored, inputs=[parts.memory], outputs=plot.controls, **press, **_QUIET)
        parts.wired = plot is not None

    # -- events

    def _asked(self, values: tuple[Any, ...]) -> Asked:
        """Our own controls, what the host's controls ask for, and whatever else came with the event."""
        after = len(ORDER) + len(self._names)
        host = {HOST_CONTROLS[name]: value for name, value in zip(self._names, values[len(ORDER) : after], strict=True)}
        base = host_request(host, self._tab == "img2img", self._source.preset_hires_steps())
        return Asked(controls_from(values[: len(ORDER)], self._source.tables), base, values)

    def _view(self, asked: Asked, whole: bool = False, refill: bool = False, fill: bool = True) -> View:
        source, downloads = self._source, self._downloads
        around = Around(source.language(), downloads.progress, downloads.forbidden(), source.seconds)
        facts = source.of_page(whole=whole, lora=asked.controls.lora)
        return make_view(asked.controls, asked.base, facts, source.tables, around, refill, fill)

    def _followed(self, asked: Asked) -> list[Any]:
        return self._everything(asked)

    def _filled(self, asked: Asked) -> list[Any]:
        """Another card is chosen, by the user or by a paste. The lists follow when the page's script tells that it was the user."""
        view = self._view(asked)
        return [*self._controls(view, asked), *self._parts.switch(view), view.status_html, view.details_html, view.data_html]

    def _switched(self, asked: Asked) -> list[Any]:
        """The negative prompt is switched on or off: its strength is the number that travels."""
        profile = self._view(asked, fill=False).profile
        nag = strength(profile) if profile is not None and asked.values[-1] else 0.0
        return self._everything(replace(asked, controls=replace(asked.controls, nag=nag)))

    def _everything(self, asked: Asked, refill: bool = False, message: str = "", more: bool = True) -> list[Any]:
        """Updates for all controls and all that is shown."""
        view = self._view(asked, whole=refill, refill=refill)
        return [*self._controls(view, asked), *self._parts.updates(view, message, bool(message) or refill, more)]

    def _controls(self, view: View, asked: Asked) -> list[Any]:
        if view.situation.facts.unseen:  # of what is found so far nothing can be decided
            return [gr.update() for _ in ORDER]
        shown = {**vars(view.controls), "lora": view.lora}
        more: dict[str, dict[str, Any]] = {"method": {"choices": view.choices}, "lora": {"choices": view.loras}}
        more |= {name: self._number(view, name) for name in NUMBERS}
        more["by_size"] = {"visible": fine.by_size(view.situation)}
        # a value that stays is not sent: by now the user may have set another
        fresh = {name: {"value": shown[name]} for name, value in zip(ORDER, asked.values, strict=False) if shown[name] != value}
        return [gr.update(**fresh.get(name, {}), **more.get(name, {})) for name in ORDER]

    def _number(self, view: View, name: str) -> dict[str, Any]:
        info = view.info(name)
        return {"visible": name in view.numbers, **({"info": info} if info is not None else {})}

    def _line(self, asked: Asked) -> list[Any]:
        """For the controls as they stand: nothing is filled in over what the user has just set."""
        view = self._view(asked, fill=False)
        guided = [gr.update(visible=name in view.numbers) for name in ("cfg_steps", "nag")]  # above CFG 1, and not above
        save = gr.update(value=self._parts.say("page.save"))
        return [*guided, *self._parts.switch(view), view.status_html, view.details_html, view.data_html, save]

    def _acted(self, asked: Asked, prompt: bool) -> list[Any]:
        """What a button in the page's HTML asks for."""
        done = self._acts.do(str(asked.values[-1]), asked.controls, asked.base)
        changed = Asked(done.controls, done.base, asked.values)
        updates = self._everything(changed, done.refill, done.message, done.more)
        rewritten = done.base.prompt != asked.base.prompt
        return [*updates, *([gr.update(value=done.base.prompt) if rewritten else gr.update()] if prompt else [])]

    def _compared(self, asked: Asked, plot: Plot) -> list[Any]:
        view = self._view(asked, whole=True, fill=False)
        if view.compare is None:
            return [*(gr.update() for _ in plot.controls), "", view.status_html, view.data_html]
        busy, memory = replace(view, busy=view.compare), plot.remembered(asked.values[-len(plot.controls) :])
        return [*plot.filled(view.compare.methods, self._source.tables), memory, busy.status_html, busy.data_html]

    def _saved(self, asked: Asked) -> list[Any]:
        """Saves what runs for the checkpoint; says so, or why not."""
        request = request_of(asked.controls, asked.base, self._source.tables)
        plan = make_plan(request, self._source.of_page(lora=asked.controls.lora), self._source.tables)
        if not plan.active:
            return self._everything(asked, message=self._parts.say("page.nothing_saved"))
        return self._kept(asked, worth_saving(asked.controls, plan), self._parts.say("page.saved"))

    def _forgotten(self, asked: Asked) -> list[Any]:
        return self._kept(replace(asked, controls=replace(asked.controls, nag=None)), {}, "", refill=True)

    def _kept(self, asked: Asked, settings: Mapping[str, Any], done: str, refill: bool = False) -> list[Any]:
        try:
            self._source.keep(settings)
        except ValueError as error:
            return self._everything(asked, message=self._parts.say("page.not_saved", why=why(error)))
        return self._everything(asked, refill, done)

    # -- infotexts

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
            tables = self._source.tables
            profile = tables.profiles[values["method"]]
            if name == "method":
                return gr.update(value=profile.key, choices=self._cards_for(profile))
            if name == "lora":
                return gr.update(value=lora_text(values[name], None), choices=lora_choices(Facts(), tables, keep=values[name]))
            if name in NUMBERS:
                return gr.update(value=values[name], visible=name in fine.shown(profile, values["cfg"], values["cfg_steps"], values["nag"]))
            return gr.update(value=values[name])

        return restore

    def _cards_for(self, profile: Profile) -> list[tuple[str, str]]:
        """The cards of the page's checkpoint, and `profile` among them: the host may be about to restore another checkpoint too."""
        asked = Asked(replace(initial(self._source.tables), method=profile.key), Request(), ())
        return self._view(asked, fill=False).choices
