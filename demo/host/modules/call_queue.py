"""One generation at a time, in the order in which they asked."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any


class FIFOLock:
    """A lock that is given to whoever has waited longest: Python's own goes to whoever comes by."""

    def __init__(self) -> None:
        self._inner, self._held = threading.Lock(), False
        self._waiting: deque[threading.Event] = deque()

    def acquire(self, blocking: bool = True) -> bool:
        """Wait for one's turn -> whether one has it."""
        turn = threading.Event()
        with self._inner:
            if not self._held:
                self._held = True
                return True
            if not blocking:
                return False
            self._waiting.append(turn)
        return turn.wait()

    def release(self) -> None:
        """Hand it on."""
        with self._inner:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._held = False

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: Any) -> None:
        self.release()


queue_lock = FIFOLock()
