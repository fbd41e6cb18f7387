"""Prints pip's option for torch's index of CPU builds, if there is a choice and the index answers within two seconds.

On Linux the ordinary index has the CUDA build, gigabytes larger; elsewhere it has the CPU build. The variable TORCH_INDEX names another
index; empty, none.
"""
from __future__ import annotations

import os
import sys
import threading
import urllib.request

INDEX = os.environ.get("TORCH_INDEX", "https://download.pytorch.org/whl/cpu")
SECONDS = 2
answers: list[int] = []


def ask() -> None:
    try:
        with urllib.request.urlopen(f"{INDEX}/torch/", timeout=SECONDS) as answer:
            answers.append(answer.status)
    except (OSError, ValueError):
        pass


if INDEX and sys.platform == "linux":
    asking = threading.Thread(target=ask, daemon=True)  # the time limit does not hold for looking up the name
    asking.start()
    asking.join(SECONDS)
    if answers:
        print(f"--extra-index-url {INDEX}")
    else:
        print(f"{INDEX} does not answer: torch comes from the ordinary index, which may have the CUDA build.", file=sys.stderr)
