"""English, the language that all others are translated from."""

ENGLISH: dict[str, str] = {}
