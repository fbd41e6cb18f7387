"""Simplified Chinese. Corrections by its speakers are welcome."""

from .page.chinese import PAGE

CHINESE: dict[str, str] = {**PAGE}
