"""The download that runs, in a thread of its own: started, watched and cancelled from the page, which may be closed meanwhile."""
from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from huggingface_hub import constants

from ..core.offers import CANCELLED, CHECKING, DONE, FAILED, RUNNING, STOPPING, Offer, Progress
from ..words.say import say, why
from .transfer import Cancelled, Failed, fetch


class Downloads:
    """At most one at a time. `folder` is where files go, `forbidden` why nothing may be fetched, `done` is called when a file is there."""

    def __init__(self, folder: Callable[[], Path], forbidden: Callable[[], str | None], done: Callable[[], object]):
        self._folder, self._forbidden, self._done = folder, forbidden, done
        self._cancel = threading.Event()
        self._lock = threading.Lock()
        self._progress: Progress | None = None

    @property
    def progress(self) -> Progress | None:
        """How the running download goes, or how the last one ended; None before the first."""
        return self._progress

    def forbidden(self) -> str | None:
        """Why nothing may be fetched, in words for the user, empty if it is the user's own wish; None: it may."""
        if constants.HF_HUB_OFFLINE:
            switch = next((name for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE") if os.environ.get(name)), "HF_HUB_OFFLINE")
            return say("forbidden.offline", switch=switch, value=os.environ.get(switch, "1"))
        return self._forbidden()

    def start(self, offer: Offer) -> None:
        """Begins to fetch `offer`, unless that is forbidden or another one runs."""
        with self._lock:
            if self.forbidden() is not None or (self._progress is not None and self._progress.running):
                return
            self._cancel = threading.Event()
            self._progress = Progress(offer, RUNNING, total=offer.size)
            threading.Thread(target=self._run, args=(offer, self._cancel), name="fewstep-download", daemon=True).start()

    def cancel(self) -> None:
        """Ends the running download, if there is one. What has come is kept for the next try."""
        with self._lock:
            if self._progress is not None and self._progress.running:
                self._cancel.set()
                self._progress = replace(self._progress, state=STOPPING)

    def _run(self, offer: Offer, cancel: threading.Event) -> None:
        started = time.monotonic()
        print(f"Few-Step Accelerator: downloading {offer.name} from {offer.repo}")
        try:
            path = fetch(offer, self._folder(), self._report, cancel)
            self._done()
            self._end(DONE, say("download.done", file=offer.name))
            print(f"Few-Step Accelerator: {path} downloaded and verified in {time.monotonic() - started:.0f} s")
        except Cancelled:
            self._end(CANCELLED, say("download.cancelled"))
        except Failed as failure:
            self._end(FAILED, say("download.failed", file=offer.name, reason=why(failure)))
            print(f"Few-Step Accelerator: {offer.name} was not downloaded: {failure}")
        except Exception as error:
            self._end(FAILED, say("download.crashed", file=offer.name, error=f"{type(error).__name__}: {error}"))
            traceback.print_exc()

    def _report(self, received: int, total: int | None) -> None:
        with self._lock:
            if self._progress is not None:
                state = STOPPING if self._progress.state == STOPPING else CHECKING if received == total else RUNNING
                self._progress = replace(self._progress, received=received, total=total, state=state)

    def _end(self, state: str, message: str) -> None:
        with self._lock:
            if self._progress is not None:
                self._progress = replace(self._progress, state=state, message=message)
