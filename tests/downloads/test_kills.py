"""A WebUI that is killed while it downloads."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.downloads.kills import context, download, kill_at_random, state_of
from tests.downloads.server import content_of, hub, offer_of

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills with SIGKILL")


def test_killed_at_random_moments(tmp_path: Path) -> None:
    found = kill_at_random(kills=10, seed=1, folder=tmp_path, longest=1.0)
    assert found["killed"] == 10 and found["left part"] > 0 and found["resumed"] > 0


@pytest.mark.parametrize("half", [False, True])
def test_killed_before_each_thing_it_does_to_the_folder(tmp_path: Path, half: bool) -> None:
    """From the first opening to the last removal, with and without the rest of an earlier download."""
    content = content_of(300_000)
    offer = offer_of(content)
    seen = []
    with hub(content) as running:
        for fatal in range(1, 50):
            folder = tmp_path / str(fatal)
            folder.mkdir()
            if half:
                (folder / f"{offer.name}.{offer.sha256[0][:12]}.part").write_bytes(content[:100_000])
            exitcodes = []
            for fatal_now in (fatal, 0):
                process = context().Process(target=download, args=(offer, str(folder), running.url, fatal_now))
                process.start()
                process.join(60)
                exitcodes.append(process.exitcode)
                seen.append(state_of(folder, content))
            assert exitcodes[1] == 0 and seen[-1] == "whole"
            assert sorted(path.suffix for path in folder.iterdir() if path.suffix != ".lock") == [".safetensors"]
            if exitcodes[0] == 0:
                break
            assert exitcodes[0] == -signal.SIGKILL
    assert fatal >= 5 and {"nothing", "part", "whole"} - set(seen) <= ({"nothing"} if half else set())
