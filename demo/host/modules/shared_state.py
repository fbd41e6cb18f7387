"""What the host is doing right now."""

from __future__ import annotations

import datetime
import threading
from typing import Any

from torch import Tensor


class State:
    """Progress of the running job, and the user's wish to stop it."""

    def __init__(self) -> None:
        self.job_timestamp = "0"
        self._command: str | None = None
        self._commanded = threading.Event()
        self._clear("")

    def _clear(self, job: str) -> None:
        self.job = job
        self.job_count, self.job_no = 0, 0
        self.skipped = self.interrupted = self.stopping_generation = False
        self.processing_has_refined_job_count = False
        self.sampling_step, self.sampling_steps = 0, 0
        self.current_latent: Tensor | None = None
        self.textinfo: str | None = None

    def begin(self, job: str = "(unknown)") -> None:
        """Start a job. `job_count` is -1 until its size is known."""
        self._clear(job)
        self.job_count = -1
        self.job_timestamp = datetime.datetime.now().strftime("%Y%m%d%H%M%S")

    def end(self) -> None:
        """The job is over."""
        self.job, self.job_count = "", 0

    def nextjob(self) -> None:
        """One part (a batch, or a pass of it) is done."""
        self.job_no += 1
        self.sampling_step = 0

    def interrupt(self) -> None:
        """End the generation at the next step, keeping what there is."""
        self.interrupted = True

    def skip(self) -> None:
        """End the current batch only."""
        self.skipped = True

    def request_restart(self) -> None:
        """Ask for "Reload UI"."""
        self.interrupt()
        self.command("restart")

    def command(self, name: str) -> None:
        """Tell the serving loop what to do next: "stop" or "restart"."""
        self._command = name
        self._commanded.set()

    def wait_for_command(self, timeout: float) -> str | None:
        """The next command of the serving loop, or None after `timeout` seconds."""
        if not self._commanded.wait(timeout):
            return None
        self._commanded.clear()
        command, self._command = self._command, None
        return command

    def dict(self) -> dict[str, Any]:
        """What /sdapi/v1/progress shows."""
        shown = ("skipped", "interrupted", "stopping_generation", "job", "job_count", "job_timestamp", "job_no")
        return {name: getattr(self, name) for name in (*shown, "sampling_step", "sampling_steps")}
