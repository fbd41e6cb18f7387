"""What both Generate buttons do."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from modules import errors, infotext_utils, processing, shared
from modules.call_queue import queue_lock
from modules.script_runner import ScriptRunner


def as_html(text: str, classname: str = "") -> str:
    """Plain text as a paragraph."""
    return f'<p class="{classname}">{html.escape(text)}</p>'.replace("\n", "<br>\n")


def generate(
    create: Callable[[], Any], runner: ScriptRunner, overrides: list[str] | None, script_args: Sequence[Any]
) -> tuple[Any, ...]:
    """Make and run a job; an error becomes a message instead of pictures."""
    with queue_lock:
        shared.state.begin(job="page")
        try:
            with closing(create()) as p:
                p.override_settings = infotext_utils.create_override_settings_dict(overrides or [])
                p.scripts = runner
                p.script_args = tuple(script_args)
                processed = runner.run(p, *p.script_args) or processing.process_images(p)
                comments = as_html(processed.comments, "comments")
                return processed.images, processed.js(), as_html(processed.info), comments
        except Exception as error:
            errors.display(error, "generating")
            return [], "", "", as_html(f"{type(error).__name__}: {error}", "error")
        finally:
            shared.state.end()
