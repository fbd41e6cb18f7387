"""Makes gradio 3.41 and 4.40 look alike to extensions, and lets scripts hear of every component.

The WebUI's gradio 3 takes `_js=` and `tooltip=`; hosts on gradio 4 translate both, and so does this file.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.blocks import Block, Blocks

IS_GRADIO_4 = int(gr.__version__.split(".")[0]) >= 4


def js(code: str) -> dict[str, Any]:
    """The keyword argument of an event listener that runs JavaScript in the browser first."""
    return {"js" if IS_GRADIO_4 else "_js": code}


def image_upload() -> dict[str, Any]:
    """The keyword arguments of a gr.Image that takes uploads only."""
    return {"sources": ["upload"]} if IS_GRADIO_4 else {"source": "upload"}


def install() -> None:
    """Patch gradio's classes once."""
    if getattr(Block, "host_patched", False):
        return
    Block.host_patched = True  # type: ignore
    if IS_GRADIO_4:
        _stop_writing_stub_files()
    for kind in _all_subclasses(Block):
        if kind is not Blocks and "__init__" in vars(kind):
            kind.__init__ = _observed(kind.__init__)
        if IS_GRADIO_4:
            _translate_events(kind)


def _stop_writing_stub_files() -> None:
    """gradio 4 writes a .pyi file beside every file that subclasses a component."""
    import gradio.component_meta

    gradio.component_meta.create_or_modify_pyi = lambda *args, **kwargs: None


def _all_subclasses(kind: type) -> list[type]:
    found = {}
    for child in kind.__subclasses__():
        found[child] = None
        found.update(dict.fromkeys(_all_subclasses(child)))
    return list(found)


def _observed(original: Callable[..., None]) -> Callable[..., None]:
    """A constructor that reports to scripts before and after, once per component however deep its classes are."""
    from modules import scripts

    @functools.wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        if getattr(self, "host_observed", False):
            original(self, *args, **kwargs)
            return
        self.host_observed = True
        kwargs.pop("tooltip", None)
        runner = scripts.scripts_current
        if runner is not None:
            runner.before_component(self, **kwargs)
        original(self, *args, **kwargs)
        if runner is not None:
            runner.after_component(self, **kwargs)

    return init


def _translate_events(kind: Any) -> None:
    """Let the event listeners of a gradio 4 class take `_js`."""
    for event in getattr(kind, "EVENTS", []):
        name = str(event)
        listener = vars(kind).get(name)
        if listener is None or getattr(listener, "host_translated", False):
            continue
        setattr(kind, name, _translated(listener))


def _translated(listener: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(listener)
    def listen(*args: Any, **kwargs: Any) -> Any:
        if "_js" in kwargs:
            kwargs["js"] = kwargs.pop("_js")
        if isinstance(kwargs.get("show_progress"), bool):
            kwargs["show_progress"] = "full" if kwargs["show_progress"] else "hidden"
        return listener(*args, **kwargs)

    listen.host_translated = True  # type: ignore
    return listen
