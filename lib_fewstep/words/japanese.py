"""Japanese. Corrections by its speakers are welcome."""

from .page.japanese import PAGE

JAPANESE: dict[str, str] = {**PAGE}
