"""Components that the WebUI adds to gradio's."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import gradio as gr
from modules import gradio_shims

gradio_shims.install()

Constructor = TypeVar("Constructor", bound=Callable[..., None])


def shown_like(original: Callable[..., None]) -> Callable[[Constructor], Constructor]:
    """Give a constructor the signature of gradio's own: gradio 4 sends to the browser what it finds there."""
    return functools.wraps(original)  # type: ignore


class ToolButton(gr.Button):
    """A small button with one symbol."""

    @shown_like(gr.Button.__init__)
    def __init__(self, value: str = "", **kwargs: Any) -> None:
        classes = kwargs.pop("elem_classes", [])
        super().__init__(value, elem_classes=["tool", *classes], **kwargs)

    def get_block_name(self) -> str:
        return "button"


class FormRow(gr.Row):
    """A row inside a form."""

    def get_block_name(self) -> str:
        return "row"


class InputAccordion(gr.Checkbox):
    """An accordion whose being open is a value: that of a hidden checkbox with the id "<accordion's id>-checkbox"."""

    global_index = 0

    @shown_like(gr.Checkbox.__init__)
    def __init__(self, value: bool | None = None, **kwargs: Any) -> None:
        if value is None:  # gradio 4 makes such a copy for every update of the checkbox
            super().__init__(value=False, **kwargs)
            return
        self.accordion_id = kwargs.pop("elem_id", None)
        if self.accordion_id is None:
            self.accordion_id = f"input-accordion-{InputAccordion.global_index}"
            InputAccordion.global_index += 1
        label = kwargs.pop("label", "Accordion")
        super().__init__(value, elem_id=f"{self.accordion_id}-checkbox", visible=False, label=label, **kwargs)
        follow = f"(checked) => inputAccordionChecked('{self.accordion_id}', checked)"
        self.change(None, [self], None, **gradio_shims.js(follow))
        self.accordion = gr.Accordion(
            label=label, elem_id=self.accordion_id, elem_classes=["input-accordion"], open=value
        )

    def extra(self) -> gr.Column:
        """A place in the accordion's title line."""
        return gr.Column(elem_id=f"{self.accordion_id}-extra", elem_classes=["input-accordion-extra"], min_width=0)

    def __enter__(self) -> InputAccordion:
        self.accordion.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.accordion.__exit__(*error)

    def get_block_name(self) -> str:
        return "checkbox"
