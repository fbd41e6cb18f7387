"""Simplified Chinese. Corrections by its speakers are welcome."""

CHINESE: dict[str, str] = {}
