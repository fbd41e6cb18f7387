"""What is asked of the host's small decoder leaves the host as it was."""
from __future__ import annotations

import sys
import threading
import time
from types import ModuleType

import pytest

from .fake import Host


def test_pages_that_ask_at_once_leave_the_hosts_own_download(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    decoder, seconds = ModuleType("modules.sd_vae_taesd"), iter((0.2, 0.4))

    def download(path: str, url: str) -> None:
        raise AssertionError("nothing is fetched")

    decoder.download_model = download  # type: ignore[attr-defined]
    decoder.decoder_model = lambda: time.sleep(next(seconds))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "modules.sd_vae_taesd", decoder)
    monkeypatch.setattr(sys.modules["modules"], "sd_vae_taesd", decoder, raising=False)
    asking = [threading.Thread(target=host.our("draft").missing) for _ in range(2)]
    for each in asking:
        each.start()
        time.sleep(0.1)
    for each in asking:
        each.join()
    assert next(seconds, None) is None and decoder.download_model is download
