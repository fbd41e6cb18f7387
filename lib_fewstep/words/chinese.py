"""Simplified Chinese, in the words of the WebUI's Chinese localizations. Corrections by its speakers are welcome.

Names stay as they are: those of methods, samplers, files and families, and what the user chooses by name (Method, LoRA, Auto, None).
"""

from .host.chinese import HOST
from .live.chinese import LIVE
from .page.chinese import PAGE
from .plans.chinese import PLANS

CHINESE: dict[str, str] = {**PLANS, **HOST, **LIVE, **PAGE}
