"""English, the language that all others are translated from."""

from .page.english import PAGE

ENGLISH: dict[str, str] = {**PAGE}
