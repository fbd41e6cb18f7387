"""Kills downloads (SIGKILL) at random moments, and looks each time whether a half file could be taken for a whole one.

    python -m tests.downloads.kills --kills 100
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lib_fewstep.core.offers import Offer
from lib_fewstep.downloads.transfer import fetch
from tests.downloads import server
from tests.downloads.server import content_of, hub, offer_of

MEGABYTES = 4
PACE = 8_000_000
"""Bytes a second."""
MODELS = (".safetensors", ".pt", ".ckpt")
"""Endings that hosts look for."""


def context() -> Any:
    """Processes that start quickly and share nothing with this one, whose threads serve."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload([__name__, "lib_fewstep.downloads.transfer"])
    return made


def download(offer: Offer, folder: str, url: str, fatal: int = 0) -> None:
    """One download. With `fatal` the process kills itself just before the so-manieth thing it does to a file of the folder."""
    if fatal:
        sys.addaudithook(_kill_before(fatal, folder))
    fetch(offer, Path(folder), lambda received, total: None, threading.Event(), endpoint=url)


def _kill_before(fatal: int, folder: str) -> Callable[[str, tuple[Any, ...]], None]:
    done = 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal done
        if event in ("open", "os.link", "os.remove", "os.rename") and str(args[0]).startswith(folder):
            done += 1
            if done == fatal:
                os.kill(os.getpid(), signal.SIGKILL)

    return hook


def state_of(folder: Path, content: bytes) -> str:
    """What is in the folder: "nothing", "part" or "whole". Raises AssertionError for anything that could pass for a model and is not."""
    for path in folder.iterdir():
        assert path.suffix not in MODELS or path.read_bytes() == content, f"{path.name} is not whole"
    names = [path.suffix for path in folder.iterdir()]
    return "whole" if ".safetensors" in names else "part" if ".part" in names else "nothing"


def kill_at_random(kills: int, seed: int, folder: Path, longest: float) -> Counter[str]:
    """`kills` killed downloads, a new one begun after each that came to its end; then one that is left in peace. Counts what was found."""
    content, moments = content_of(MEGABYTES * 1_000_000), random.Random(seed)
    offer, found, processes = offer_of(content), Counter[str](), context()
    with hub(content) as running:
        running.behaviours = [server.slowly(PACE)] * (10 * kills)
        while found["killed"] < kills:
            process = processes.Process(target=download, args=(offer, str(folder), running.url))
            process.start()
            process.join(moments.uniform(0, longest))
            process.kill()
            process.join()
            state = state_of(folder, content)
            if process.exitcode == -signal.SIGKILL:
                found["killed"] += 1
                found[f"left {state}"] += 1
            else:
                assert (process.exitcode, state) == (0, "whole")
                found["came to an end"] += 1
            if state == "whole":
                for path in folder.iterdir():
                    path.unlink()
        found["resumed"] = sum("range" in headers for _, headers in running.asked)
        last = processes.Process(target=download, args=(offer, str(folder), running.url))
        last.start()
        last.join(60)
        assert (last.exitcode, state_of(folder, content)) == (0, "whole")
        found["requests"] = len(running.asked)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.downloads.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = kill_at_random(options.kills, options.seed, Path(folder), longest=1.0)
    for what, number in found.items():
        print(f"{number:5d} {what}")
    print("No half file had the name of a whole one, and the last download came to its end.")


if __name__ == "__main__":
    main()
