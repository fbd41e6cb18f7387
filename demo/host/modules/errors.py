"""How the host reports what went wrong without stopping."""

from __future__ import annotations

import sys
import traceback

reported: list[str] = []
"""Every message so far, oldest first: tests look here for hooks that failed unseen."""


def report(message: str, *, exc_info: bool = False) -> None:
    """Print the message, with the exception being handled where `exc_info` is set."""
    if exc_info:
        message = f"{message}\n{traceback.format_exc()}"
    reported.append(message)
    print(f"*** {message}", file=sys.stderr)


def display(error: Exception, task: str) -> None:
    """Print an exception and what was being done."""
    report(f"{task}: {type(error).__name__}: {error}", exc_info=True)
