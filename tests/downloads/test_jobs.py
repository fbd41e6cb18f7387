"""The download as the page sees it: begun, watched, cancelled; and not begun where it may not be."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib_fewstep.core.offers import CANCELLED, CHECKING, DONE, FAILED, RUNNING, STOPPING
from lib_fewstep.downloads import jobs, transfer
from lib_fewstep.downloads.jobs import Downloads
from tests.downloads import server
from tests.downloads.server import Hub, content_of, offer_of

CONTENT = content_of(2_000_000)
OFFER = offer_of(CONTENT)
SECONDS = 20


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Stands for huggingface.co."""
    monkeypatch.setattr(jobs.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(transfer, "PAUSE_SECONDS", 0.001)
    with server.hub(CONTENT) as running:
        monkeypatch.setattr(transfer, "hf_hub_url", lambda repo, path, endpoint=None: f"{running.url}/{repo}/resolve/main/{path}")
        yield running


class Desk:
    """Downloads into a folder, and how often the host was told of a new file."""

    def __init__(self, folder: Path, why_not: str | None = None):
        self.folder, self.why_not, self.told = folder, why_not, 0
        self.downloads = Downloads(lambda: self.folder, lambda: self.why_not, self._tell)

    def _tell(self) -> None:
        assert (self.folder / OFFER.name).read_bytes() == CONTENT
        self.told += 1

    @property
    def state(self) -> str:
        assert self.downloads.progress is not None
        return self.downloads.progress.state

    @property
    def message(self) -> str:
        assert self.downloads.progress is not None
        return self.downloads.progress.message

    def wait_for(self, *states: str) -> None:
        patience = time.monotonic() + SECONDS
        while self.state not in states:
            assert time.monotonic() < patience, self.downloads.progress
            time.sleep(0.005)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_before_the_first_there_is_nothing_to_tell(desk: Desk) -> None:
    assert desk.downloads.progress is None
    desk.downloads.cancel()


def test_it_runs_by_itself_and_tells_how_far_it_is(hub: Hub, desk: Desk) -> None:
    hub.behaviours = [server.slowly(2_000_000)]
    desk.downloads.start(OFFER)
    seen = []
    while desk.state in (RUNNING, CHECKING):
        assert desk.downloads.progress is not None
        seen.append(desk.downloads.progress.received)
        time.sleep(0.02)
    assert (desk.state, desk.told) == (DONE, 1)
    assert desk.message == "some-lora.safetensors downloaded and verified"
    assert seen == sorted(seen) and len(set(seen)) > 5


def test_a_second_one_waits_for_the_user_to_ask_again(hub: Hub, desk: Desk) -> None:
    hub.behaviours = [server.slowly(2_000_000)]
    desk.downloads.start(OFFER)
    desk.downloads.start(offer_of(CONTENT, name="other.safetensors"))
    desk.wait_for(DONE)
    assert len(hub.asked) == 1 and not (desk.folder / "other.safetensors").exists()
    desk.downloads.start(offer_of(CONTENT, name="other.safetensors"))
    desk.wait_for(DONE)
    assert (desk.folder / "other.safetensors").exists()


def test_cancelled_it_stops_and_goes_on_when_begun_again(hub: Hub, desk: Desk) -> None:
    hub.behaviours = [server.slowly(1_000_000)]
    desk.downloads.start(OFFER)
    while not (desk.downloads.progress and desk.downloads.progress.received > 300_000):
        time.sleep(0.005)
    desk.downloads.cancel()
    assert desk.state in (STOPPING, CANCELLED)
    desk.wait_for(CANCELLED)
    assert "kept" in desk.message and desk.told == 0 and not (desk.folder / OFFER.name).exists()
    desk.downloads.start(OFFER)
    desk.wait_for(DONE)
    assert "range" in hub.asked[1][1]


def test_what_went_wrong_is_told_and_may_be_tried_again(hub: Hub, desk: Desk) -> None:
    hub.behaviours = [server.answers(404)]
    desk.downloads.start(OFFER)
    desk.wait_for(FAILED)
    assert desk.message.startswith("some-lora.safetensors was not downloaded. somebody/some-lora has no file") and desk.told == 0
    desk.downloads.start(OFFER)
    desk.wait_for(DONE)


def test_a_defect_of_ours_ends_it_too(hub: Hub, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "folder", None)
    desk.downloads.start(OFFER)
    desk.wait_for(FAILED)
    assert "TypeError" in desk.message and "console" in desk.message


@pytest.mark.parametrize("why_not", ["", "others can reach this WebUI"])
def test_where_it_is_forbidden_nothing_begins_whatever_a_page_sends(hub: Hub, tmp_path: Path, why_not: str) -> None:
    desk = Desk(tmp_path, why_not)
    assert desk.downloads.forbidden() == why_not
    desk.downloads.start(OFFER)
    assert desk.downloads.progress is None
    assert not [thread for thread in threading.enumerate() if thread.name == "fewstep-download"]
    assert hub.asked == []


@pytest.mark.parametrize(("variables", "named"), [
    ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE=1"),
    ({"TRANSFORMERS_OFFLINE": "1"}, "TRANSFORMERS_OFFLINE=1"),
    ({"HF_HUB_OFFLINE": "YES", "TRANSFORMERS_OFFLINE": "1"}, "HF_HUB_OFFLINE=YES"),
])
def test_the_library_s_own_offline_switch_forbids_it(
    hub: Hub, desk: Desk, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], named: str
) -> None:
    """huggingface_hub goes by the first of the two that is set, and so does what we say."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(jobs.constants, "HF_HUB_OFFLINE", True)
    desk.downloads.start(OFFER)
    assert desk.downloads.progress is None and desk.downloads.forbidden() == f"this WebUI was started with {named}"
