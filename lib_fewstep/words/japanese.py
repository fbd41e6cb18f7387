"""Japanese. Corrections by its speakers are welcome."""

JAPANESE: dict[str, str] = {}
