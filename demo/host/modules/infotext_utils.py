"""Infotexts: the text in a picture that says how it was made; reading it, and putting it back into the page."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from typing import Any

import gradio as gr
from modules import errors, script_callbacks, shared

sys.modules["modules.generation_parameters_copypaste"] = sys.modules[__name__]

PARAMETER = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
SIZE = re.compile(r"^(\d+)x(\d+)$")
FEWEST_PARAMETERS = 3

WHEN_ABSENT: dict[str, Any] = {
    "Clip skip": "1",
    "Hires resize-1": 0,
    "Hires resize-2": 0,
    "Hires sampler": "Use same sampler",
    "Hires schedule type": "Use same scheduler",
    "Hires checkpoint": "Use same checkpoint",
    "Hires prompt": "",
    "Hires negative prompt": "",
    "RNG": "GPU",
    "Schedule type": "Automatic",
    "Schedule max sigma": 0,
    "Schedule min sigma": 0,
    "Schedule rho": 0,
    "Mask mode": "Inpaint masked",
    "Masked content": "original",
    "Inpaint area": "Whole picture",
    "Masked area padding": 32,
    "FP8 weight": "Disable",
    "VAE Encoder": "Full",
    "VAE Decoder": "Full",
    "Refiner switch by sampling steps": False,
}
"""Fields that infotexts leave out at their defaults."""


class PasteField(tuple):
    """(component, label or function of the parameters); `api` is the request field that it fills."""

    api: str | None
    component: Any
    label: str | None
    function: Callable[[dict[str, Any]], Any] | None

    def __new__(cls, component: Any, target: Any, *, api: str | None = None) -> PasteField:
        return super().__new__(cls, (component, target))

    def __init__(self, component: Any, target: Any, *, api: str | None = None) -> None:
        self.api, self.component = api, component
        self.label = target if isinstance(target, str) else None
        self.function = target if callable(target) else None


class ParamBinding:
    """A button that sends an infotext to a tab."""

    def __init__(self, paste_button: Any, tabname: str, source_text_component: Any = None,
                 source_image_component: Any = None, paste_field_names: list[str] | None = None,
                 **_: Any) -> None:  # fmt: skip
        self.paste_button, self.tabname = paste_button, tabname
        self.source_text_component, self.source_image_component = source_text_component, source_image_component
        self.paste_field_names = paste_field_names or []


paste_fields: dict[str, dict[str, Any]] = {}
registered_param_bindings: list[ParamBinding] = []


def reset() -> None:
    """Forget the page: it is about to be built."""
    paste_fields.clear()
    registered_param_bindings.clear()


def quote(text: Any) -> Any:
    """A value as it stands in an infotext: in quotes where commas, colons or line breaks would mislead the reader."""
    return json.dumps(text, ensure_ascii=False) if re.search(r"[,\n:]", str(text)) else text


def unquote(text: str) -> str:
    """The reverse of `quote`."""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def parse_generation_parameters(x: str, skip_fields: list[str] | None = None) -> dict[str, Any]:
    """An infotext's fields; a size "64x32" becomes two. Fields that are left out by custom get their defaults."""
    lines = x.strip().split("\n")
    fields = PARAMETER.findall(lines[-1])
    if len(fields) < FEWEST_PARAMETERS:
        fields = []
    else:
        lines.pop()

    prompt, negative, current = [], [], None
    current = prompt
    for line in (line.strip() for line in lines):
        if line.startswith("Negative prompt:"):
            current, line = negative, line.removeprefix("Negative prompt:").strip()
        current.append(line)

    params: dict[str, Any] = {}
    for key, value in fields:
        value = unquote(value)
        size = SIZE.match(value)
        params.update({f"{key}-1": size[1], f"{key}-2": size[2]} if size else {key: value})
    params["Prompt"], params["Negative prompt"] = "\n".join(prompt), "\n".join(negative)
    params = {**WHEN_ABSENT, **params}
    for key in shared.opts.infotext_skip_pasting if skip_fields is None else skip_fields:
        params.pop(key, None)
    return params


def get_override_settings(
    params: dict[str, Any], *, skip_fields: Any = None
) -> list[tuple[str, str, Any]]:
    """(label, setting, value) for every field that is a setting and differs from the setting's present value."""
    found = []
    for setting, info in shared.opts.data_labels.items():
        if info.infotext is None or info.infotext in (skip_fields or {}) or params.get(info.infotext) is None:
            continue
        value = shared.opts.cast_value(setting, params[info.infotext])
        if setting == "sd_model_checkpoint" or value == getattr(shared.opts, setting):
            continue
        found.append((info.infotext, setting, value))
    return found


def create_override_settings_dict(text_pairs: list[str]) -> dict[str, Any]:
    """The page's "Override settings" entries, "label: value", as override_settings."""
    given = dict(pair.split(": ", 1) for pair in text_pairs or [])
    return {
        setting: shared.opts.cast_value(setting, given[info.infotext])
        for setting, info in shared.opts.data_labels.items()
        if info.infotext in given
    }


def add_paste_fields(
    tabname: str, init_img: Any, fields: list[Any], override_settings_component: Any = None
) -> None:
    """Say which components of a tab take which fields."""
    fields[:] = [field if isinstance(field, PasteField) else PasteField(*field) for field in fields]
    paste_fields[tabname] = {
        "init_img": init_img,
        "fields": fields,
        "override_settings_component": override_settings_component,
    }


def register_paste_params_button(binding: ParamBinding) -> None:
    """Remember a "send to" button until all tabs exist."""
    registered_param_bindings.append(binding)


def connect_paste_params_buttons() -> None:
    """Connect all remembered buttons."""
    from modules import gradio_shims

    for binding in registered_param_bindings:
        tab = paste_fields[binding.tabname]
        if binding.source_image_component is not None and tab["init_img"] is not None:
            binding.paste_button.click(
                lambda image: image, inputs=[binding.source_image_component], outputs=[tab["init_img"]]
            )
        if binding.source_text_component is not None:
            connect_paste(
                binding.paste_button,
                tab["fields"],
                binding.source_text_component,
                tab["override_settings_component"],
                binding.tabname,
            )
        binding.paste_button.click(None, None, None, **gradio_shims.js(f"() => switchToTab('{binding.tabname}')"))


def connect_paste(
    button: Any, fields: list[Any], input_comp: Any, override_settings_component: Any, tabname: str
) -> None:
    """Let the button put the infotext in `input_comp` into the fields' components."""
    components = [field[0] for field in fields]
    outputs = components if override_settings_component is None else [*components, override_settings_component]

    def paste(text: str) -> list[Any]:
        params = parse_generation_parameters(text)
        script_callbacks.infotext_pasted_callback(text, params)
        updates = [field_update(component, target, params) for component, target in fields]
        if override_settings_component is None:
            return updates
        handled = {target for _, target in fields if isinstance(target, str)}
        entries = [f"{label}: {value}" for label, _, value in get_override_settings(params, skip_fields=handled)]
        return [*updates, gr.update(value=entries, choices=entries, visible=bool(entries))]

    button.click(paste, inputs=[input_comp], outputs=outputs, show_progress="hidden")


def field_update(component: Any, target: Any, params: dict[str, Any]) -> Any:
    """What a field does to its component: a value in the type of its default, an update, or nothing."""
    try:
        value = target(params) if callable(target) else params.get(target)
        if value is None or _is_update(value):
            return gr.update() if value is None else value
        kind: Any = type(component.value)
        if kind is bool:
            return gr.update(value=value != "False" and bool(value))
        if kind is int:
            kind = float
        return gr.update(value=value if component.value is None else kind(value))
    except Exception:
        errors.report(f"Error pasting {target}", exc_info=True)
        return gr.update()


def _is_update(value: Any) -> bool:
    return isinstance(value, dict) and "__type__" in value
