"""Japanese, in the words of the WebUI's Japanese localization. Corrections by its speakers are welcome.

Names stay as they are: those of methods, samplers, files and families, and what the user chooses by name (Method, LoRA, Auto, None).
"""

from .host.japanese import HOST
from .live.japanese import LIVE
from .page.japanese import PAGE
from .plans.japanese import PLANS

JAPANESE: dict[str, str] = {**PLANS, **HOST, **LIVE, **PAGE}
