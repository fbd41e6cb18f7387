"""The row under the plan that offers a missing LoRA, and shows how its download goes. What it says is decided in `row_of`."""
from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import gradio as gr

from ..core.offers import CHECKING, DONE, STOPPING, Offer, Progress, bytes_text


class Downloads(Protocol):
    """What fetches files."""

    @property
    def progress(self) -> Progress | None: ...
    def forbidden(self) -> str | None: ...
    def start(self, offer: Offer) -> None: ...
    def cancel(self) -> None: ...


@dataclass(frozen=True)
class Row:
    """What the row shows. `button` and `text` are empty where there is nothing to say; `state` is for the page's script."""

    button: str = ""
    cancel: bool = False
    state: str = ""
    share: float | None = None
    text: str = ""

    @property
    def html(self) -> str:
        if not self.text:
            return ""
        value = "" if self.share is None else f' value="{self.share:.3f}"'
        bar = f'<progress max="1"{value}></progress>' if self.cancel else ""
        return f'<div class="fewstep-download" data-state="{html.escape(self.state)}">{bar}<span>{html.escape(self.text)}</span></div>'


def row_of(offer: Offer | None, method: str | None, progress: Progress | None, forbidden: str | None) -> Row:
    """`offer`: what is missing, `method`: what runs. A running download is shown whatever is chosen; how one ended, beside its method."""
    if progress is not None and progress.running:
        return Row(cancel=True, state=progress.state, share=_share(progress), text=_how_far(progress))
    ended = progress if progress is not None and progress.message else None
    if offer is None:
        news = ended is not None and ended.state == DONE and ended.offer.method == method
        return Row(state=ended.state, text=ended.message) if ended is not None and news else Row()
    if forbidden is not None:
        return Row(text=f"{offer.name} can be downloaded from {offer.repo} by hand only: {forbidden}" if forbidden else "")
    if ended is not None and ended.offer == offer:
        return Row(button_text(offer), state=ended.state, text=ended.message)
    return Row(button_text(offer), text=_origin(offer))


def button_text(offer: Offer) -> str:
    """File, size and licence."""
    size = bytes_text(offer.size) if offer.size else "size unknown"
    licence = offer.licence or "licence unknown"
    return f"Download {offer.name} ({size}, {licence}{': non-commercial use only' if offer.noncommercial else ''})"


def _origin(offer: Offer) -> str:
    untested = "" if offer.tested else "; whether this WebUI reads its key names has not been tested"
    return f"{offer.label} from huggingface.co/{offer.repo}, checked by its sha256, into the Lora folder{untested}"


def _share(progress: Progress) -> float | None:
    return min(progress.received / progress.total, 1.0) if progress.total else None


def _how_far(progress: Progress) -> str:
    words = {CHECKING: "checking", STOPPING: "stopping"}
    of_all = f" of {bytes_text(progress.total)}" if progress.total else ""
    return f"{progress.offer.name}: {words.get(progress.state, 'downloading')}, {bytes_text(progress.received)}{of_all}"


class DownloadRow:
    """The row's components: `build` makes them, `wire` connects them; `outputs` are what `updates` has values for."""

    def __init__(self, downloads: Downloads):
        self._downloads = downloads
        self.outputs: list[Any] = []

    def build(self, id_of: Callable[[str], str]) -> None:
        with gr.Row(elem_classes=["fewstep-row", "fewstep-downloads"], visible=False, elem_id=id_of("downloads")) as row:
            self._start = gr.Button("Download", size="sm", elem_id=id_of("download"))
            self._cancel = gr.Button("Cancel", size="sm", visible=False, elem_id=id_of("download_cancel"))
            line = gr.HTML("", elem_id=id_of("download_line"))
        self._poll = gr.Button("Poll", visible=False, elem_id=id_of("download_poll"))  # the page's script presses it
        self.outputs = [row, self._start, self._cancel, line]
        made: list[Any] = [self._start, self._cancel, line, self._poll]
        for component in made:
            component.do_not_save_to_config = True

    def wire(self, inputs: list[Any], wanted: Callable[[tuple[Any, ...]], tuple[Offer | None, str | None]], **event: Any) -> None:
        """`wanted`: what the controls' values ask for, as `row_of` takes it. The page names no file, the tables do."""

        def start(*values: Any) -> list[Any]:
            offer, method = wanted(values)
            if offer is not None:
                self._downloads.start(offer)
            return self.updates(offer, method)

        def cancel(*values: Any) -> list[Any]:
            self._downloads.cancel()
            return self.updates(*wanted(values))

        def poll(*values: Any) -> list[Any]:
            return self.updates(*wanted(values))

        for button, act in ((self._start, start), (self._cancel, cancel), (self._poll, poll)):
            button.click(act, inputs=inputs, outputs=self.outputs, **event)

    def updates(self, offer: Offer | None, method: str | None) -> list[Any]:
        row = row_of(offer, method, self._downloads.progress, self._downloads.forbidden())
        return [
            gr.update(visible=bool(row.text)),
            gr.update(value=row.button or "Download", visible=bool(row.button)),
            gr.update(visible=row.cancel),
            row.html,
        ]
