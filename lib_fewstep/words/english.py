"""English, the language that all others are translated from.

A sentence begins with a capital letter, names the value, says what to do, and lists five things at most. Those that stand within others
(after a colon, in brackets) begin as they do there.
"""

from .host.english import HOST
from .live.english import LIVE
from .page.english import PAGE
from .plans.english import PLANS

ENGLISH: dict[str, str] = {**PLANS, **HOST, **LIVE, **PAGE}
