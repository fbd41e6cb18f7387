"""The host's "Reload UI", which executes the scripts again while the modules that they import stay."""
from __future__ import annotations

import sys

LIBRARY = __name__.partition(".")[0]


def forget_library() -> None:
    """Has the next import read the library anew: after an update, the new script would find the old one."""
    for name in [name for name in sys.modules if name == LIBRARY or name.startswith(f"{LIBRARY}.")]:
        del sys.modules[name]
