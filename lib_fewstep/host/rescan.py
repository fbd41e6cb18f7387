"""The host's list of LoRA files, made anew between two pictures: one that is begun meanwhile would find the list empty."""
from __future__ import annotations

from threading import Event, Lock, Thread

from modules.call_queue import queue_lock

from ..words.say import say
from .folder import networks


class Rescan:
    """Takes the host's queue lock, which a generation holds."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._thread: Thread | None = None
        self._begun = Event()

    def now(self) -> None:
        """Returns when it is done, which may be after a whole queue of pictures. Not for a caller that holds the lock."""
        extension = networks()
        if extension is None:
            return
        with queue_lock:
            self._begun.set()
            extension.list_available_networks()

    def soon(self, wait: float = 1.0) -> str:
        """For the page, which must not stand still: a picture that is still being made after `wait` seconds is not waited for. Asked again
        meanwhile, it is done once. Returns what to say.
        """
        if networks() is None:
            return ""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._begun = Event()
                self._thread = Thread(target=self.now, name="fewstep-rescan", daemon=True)
                self._thread.start()
            thread, begun = self._thread, self._begun
        if not begun.wait(wait):
            return say("rescan.later")
        thread.join()
        return say("rescan.done")
