"""Fetching from servers and to disks that misbehave: the file is there with the right bytes, or its name is not there."""

from __future__ import annotations

import errno
import hashlib
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import requests

from lib_fewstep.core.offers import Offer
from lib_fewstep.downloads import disk, transfer
from lib_fewstep.downloads.transfer import Cancelled, Failed, fetch
from tests.downloads import server
from tests.downloads.server import Hub, content_of, offer_of

CONTENT = content_of(3_000_000)
OTHER = content_of(3_000_000, seed=2)
OFFER = offer_of(CONTENT)
SCANNED = (".safetensors", ".pt", ".ckpt", ".bin")
"""Endings of files that hosts take for models."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with server.hub(CONTENT) as running:
        yield running


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "PAUSE_SECONDS", 0.001)


class Watch:
    """What is reported; `cancel` can be pulled when so many bytes have come."""

    def __init__(self, cancel_at: int | None = None):
        self.cancel, self.cancel_at = threading.Event(), cancel_at
        self.seen: list[tuple[int, int | None]] = []

    def __call__(self, received: int, total: int | None) -> None:
        self.seen.append((received, total))
        if self.cancel_at is not None and received >= self.cancel_at:
            self.cancel.set()


def get(hub: Hub, folder: Path, offer: Offer = OFFER, watch: Watch | None = None) -> Path:
    watch = watch or Watch()
    return fetch(offer, folder, watch, watch.cancel, endpoint=hub.url)


def refused(hub: Hub, folder: Path, offer: Offer = OFFER) -> str:
    """Why nothing was installed; and nothing is there that could be taken for a model."""
    with pytest.raises(Failed) as failure:
        get(hub, folder, offer)
    assert models_in(folder) == [] and not (folder / disk._LOCK).exists()
    return str(failure.value)


def models_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.suffix.lower() in SCANNED]


def part_of(folder: Path) -> Path | None:
    return next(folder.glob("*.part"), None)


def starts(hub: Hub) -> list[int]:
    """The byte from which on each request has asked."""
    return [int(headers.get("range", "bytes=0-").removeprefix("bytes=").removesuffix("-")) for _, headers in hub.asked]


def assert_whole(folder: Path) -> None:
    """The file and nothing else."""
    assert [path.name for path in folder.iterdir()] == [OFFER.name]
    assert (folder / OFFER.name).read_bytes() == CONTENT


# ---------------------------------------------------------------------------------------------------------------- all goes well


def test_it_asks_for_the_rows_file_alone_and_gives_it_its_name(hub: Hub, tmp_path: Path) -> None:
    watch = Watch()
    assert get(hub, tmp_path, watch=watch) == tmp_path / OFFER.name
    assert_whole(tmp_path)
    assert [path for path, _ in hub.asked] == ["/somebody/some-lora/resolve/main/folder/weights.safetensors"]
    received = [number for number, _ in watch.seen]
    assert received == sorted(received) and received[-1] == len(CONTENT) and {total for _, total in watch.seen} == {len(CONTENT)}
    assert len(received) > 20


def test_no_token_of_the_users_is_sent(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    get(hub, tmp_path)
    assert "authorization" not in hub.asked[0][1]


def test_a_folder_that_is_missing_is_made(hub: Hub, tmp_path: Path) -> None:
    get(hub, tmp_path / "models" / "Lora")
    assert_whole(tmp_path / "models" / "Lora")


def test_a_row_without_a_size_and_a_server_that_tells_none(hub: Hub, tmp_path: Path) -> None:
    hub.behaviours = [server.without_length]
    get(hub, tmp_path, offer_of(CONTENT, size=None))
    assert_whole(tmp_path)


@pytest.mark.parametrize("resumed", [False, True])
def test_of_a_file_whose_sha256_no_row_knows_that_of_huggingface_counts(hub: Hub, tmp_path: Path, resumed: bool) -> None:
    unknown = offer_of(CONTENT, sha256=(), size=None)
    if resumed:
        watch = Watch(cancel_at=1_000_000)
        with pytest.raises(Cancelled):
            get(hub, tmp_path, unknown, watch)
    get(hub, tmp_path, unknown)
    assert_whole(tmp_path)
    assert len([start for start in starts(hub) if start]) == resumed


def test_what_is_not_what_huggingface_says_is_removed(hub: Hub, tmp_path: Path) -> None:
    hub.content = OTHER
    assert "is not the published file" in refused(hub, tmp_path, offer_of(CONTENT, sha256=()))


@pytest.mark.parametrize("told", [{}, {"X_Linked_Etag": '"abc"'}, {"X_Linked_Etag": "../" * 22}], ids=str)
def test_without_a_sha256_nothing_is_fetched(hub: Hub, tmp_path: Path, told: dict[str, str]) -> None:
    hub.told = told
    assert "names no sha256" in refused(hub, tmp_path, offer_of(CONTENT, sha256=()))
    assert hub.asked == []


def test_a_calculated_size_that_is_a_little_off_does_no_harm(hub: Hub, tmp_path: Path) -> None:
    get(hub, tmp_path, offer_of(CONTENT, size=len(CONTENT) - 600))
    assert_whole(tmp_path)


def test_one_of_several_hashes_will_do(hub: Hub, tmp_path: Path) -> None:
    get(hub, tmp_path, offer_of(CONTENT, sha256=("0" * 64, *OFFER.sha256)))
    assert_whole(tmp_path)


def test_what_is_there_already_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / OFFER.name).write_bytes(CONTENT)
    get(hub, tmp_path)
    assert hub.asked == []
    assert_whole(tmp_path)


# ------------------------------------------------------------------------------------------------------------- lost connections


def test_it_goes_on_where_the_connection_broke(hub: Hub, tmp_path: Path) -> None:
    breaks = [1_000_000, 1_500_000, 2_900_000]
    hub.behaviours = [server.broken_off_at(at) for at in breaks]
    get(hub, tmp_path)
    assert_whole(tmp_path)
    assert len(hub.asked) == 4
    assert all(0 <= at - start < transfer.CHUNK for at, start in zip(breaks, starts(hub)[1:], strict=True))


def test_an_end_that_comes_too_early_is_no_end(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The urllib3 of older hosts does not tell."""
    whole = requests.Response.iter_content
    monkeypatch.setattr(requests.Response, "iter_content", lambda *args: islice(whole(*args), 50))
    get(hub, tmp_path)
    assert_whole(tmp_path)
    assert starts(hub) == [0, 50 * transfer.CHUNK]


def test_it_starts_over_where_ranges_are_not_known(hub: Hub, tmp_path: Path) -> None:
    hub.behaviours = [server.broken_off_at(1_000_000), server.without_ranges]
    get(hub, tmp_path)
    assert_whole(tmp_path)


def test_a_busy_server_is_asked_again(hub: Hub, tmp_path: Path) -> None:
    hub.behaviours = [server.answers(503), server.answers(429), server.answers(500)]
    get(hub, tmp_path)
    assert_whole(tmp_path)


def test_a_server_that_stalls_is_left_and_asked_again(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer.constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.3)
    hub.behaviours = [server.stalling(3, after=500_000)]
    get(hub, tmp_path)
    assert_whole(tmp_path)
    assert len(hub.asked) == 2


def test_a_dead_connection_is_given_up_in_words_and_taken_up_later(hub: Hub, tmp_path: Path) -> None:
    hub.behaviours = [server.broken_off_at(3 * transfer.CHUNK)] * transfer.TRIES
    words = refused(hub, tmp_path)
    assert "98 kB are kept" in words and "try again" in words
    assert len(hub.asked) == transfer.TRIES
    get(hub, tmp_path)
    assert starts(hub)[-1] == 98304
    assert_whole(tmp_path)


def test_gains_keep_it_trying(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "SLACK", 60_000)
    hub.behaviours = [server.broken_off_at(at) for at in range(100_000, 3_000_000, 100_000)]
    assert len(hub.behaviours) > transfer.TRIES
    get(hub, tmp_path)
    assert_whole(tmp_path)


def test_nobody_listens(tmp_path: Path) -> None:
    with server.hub(CONTENT) as gone:
        pass
    words = refused(gone, tmp_path)
    assert "The connection to 127.0.0.1 fails (it cannot be reached)" in words and len(words) < 300


# ------------------------------------------------------------------------------------------------------------------ wrong answers


@pytest.mark.parametrize(
    "status, expected",
    [
        (401, "requires you to accept its licence (401). Do so on https://huggingface.co/somebody/some-lora"),
        (403, "requires you to accept its licence (403). Do so on https://huggingface.co/somebody/some-lora"),
        (404, "has no file folder/weights.safetensors any more (404)"),
        (451, "answers 451"),
    ],
)
def test_a_refusal_is_told_at_once(hub: Hub, tmp_path: Path, status: int, expected: str) -> None:
    hub.behaviours = [server.answers(status)]
    assert expected in refused(hub, tmp_path)
    assert len(hub.asked) == 1 and part_of(tmp_path) is None


@pytest.mark.parametrize(
    "body", [OTHER, CONTENT[:-1], CONTENT + b"x", b"<html>log in</html>", b""], ids=["other", "short", "long", "page", "empty"]
)
def test_wrong_bytes_are_removed(hub: Hub, tmp_path: Path, body: bytes) -> None:
    hub.behaviours = [server.answers(200, body)]
    words = refused(hub, tmp_path)
    assert "is not the published file" in words and hashlib.sha256(body).hexdigest()[:12] in words and OFFER.sha256[0][:12] in words
    assert part_of(tmp_path) is None


def test_a_spoilt_rest_of_an_earlier_try_costs_one_start_from_the_beginning(hub: Hub, tmp_path: Path) -> None:
    hub.behaviours = [server.broken_off_at(1_000_000)] * transfer.TRIES
    refused(hub, tmp_path)
    part = part_of(tmp_path)
    assert part is not None
    part.write_bytes(bytes(len(part.read_bytes())))  # as after a power cut
    get(hub, tmp_path)
    assert_whole(tmp_path)


def test_a_rest_longer_than_the_file_is_thrown_away(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / f"{OFFER.name}.{OFFER.sha256[0][:12]}.part").write_bytes(CONTENT + b"more")
    get(hub, tmp_path)
    assert_whole(tmp_path)


def test_a_range_that_begins_elsewhere_is_not_taken(hub: Hub, tmp_path: Path) -> None:
    def shifted(request: server.Request) -> None:
        request.head(206, Content_Length=len(CONTENT) - 5, Content_Range=f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}")
        request.body(CONTENT[5:])

    hub.behaviours = [server.broken_off_at(1_000_000), shifted]
    get(hub, tmp_path)
    assert_whole(tmp_path)


def test_an_endless_body_is_given_up(hub: Hub, tmp_path: Path) -> None:
    hub.behaviours = [server.endless]
    watch = Watch()
    with pytest.raises(Failed, match="does not end after the 3 MB"):
        get(hub, tmp_path, watch=watch)
    assert models_in(tmp_path) == [] and part_of(tmp_path) is None
    assert len(CONTENT) <= watch.seen[-1][0] <= len(CONTENT) + transfer.SLACK


def test_an_endless_body_without_a_size_in_the_row_is_given_up_too(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "LONGEST", 1_000_000)
    hub.behaviours = [server.endless]
    assert "does not end" in refused(hub, tmp_path, offer_of(CONTENT, size=None))
    assert part_of(tmp_path) is None


def test_a_much_longer_file_is_not_begun(hub: Hub, tmp_path: Path) -> None:
    hub.behaviours = [server.answers(200, CONTENT * 2)]
    assert "is 6 MB long, but 3 MB were expected" in refused(hub, tmp_path)
    assert part_of(tmp_path) is None


# ------------------------------------------------------------------------------------------------------------------ other addresses


def test_it_follows_where_the_same_server_sends(hub: Hub, tmp_path: Path) -> None:
    hub.behaviours = [server.answers(302, Location=f"{server.ADDRESS}?signed")]
    get(hub, tmp_path)
    assert_whole(tmp_path)


@pytest.mark.parametrize("there", ["http://localhost:{port}{path}", "http://example.org/x", "ftp://127.0.0.1/x", "file:///etc/passwd"])
def test_it_is_not_sent_to_another_server_without_encryption(hub: Hub, tmp_path: Path, there: str) -> None:
    location = there.format(port=hub.url.rpartition(":")[2], path=server.ADDRESS)
    hub.behaviours = [server.answers(302, Location=location)]
    assert "is not https. It was not followed" in refused(hub, tmp_path)
    assert len(hub.asked) == 1


def test_another_server_with_encryption_may_be_named() -> None:
    """huggingface.co keeps files elsewhere."""
    answer = requests.Response()
    answer.status_code, answer.url = 302, "https://huggingface.co/x"
    answer.headers["Location"] = "https://cas-bridge.xethub.hf.co/x?signature"
    transfer._check_redirect(answer, "https://huggingface.co/x")
    answer.headers["Location"] = "http://cas-bridge.xethub.hf.co/x?signature"
    with pytest.raises(Failed):
        transfer._check_redirect(answer, "https://huggingface.co/x")


def test_redirects_without_end_are_given_up(hub: Hub, tmp_path: Path) -> None:
    hub.behaviours = [server.answers(302, Location=server.ADDRESS)] * 1000
    assert "fails" in refused(hub, tmp_path)


def test_a_user_row_with_an_odd_repository_is_told(hub: Hub, tmp_path: Path) -> None:
    assert "is not a repository's name" in refused(hub, tmp_path, offer_of(CONTENT, repo="some--body/x.git"))
    assert hub.asked == []


# ------------------------------------------------------------------------------------------------------------------ the disk


class FullDisk:
    """A file on a disk that has room for a million bytes of it."""

    def __init__(self, *opened: Any):
        self._file = open(*opened)  # noqa: SIM115

    def write(self, data: bytes) -> int:
        if self._file.tell() + len(data) > 1_000_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(data)

    def __enter__(self) -> FullDisk:
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_a_disk_that_fills_up_is_told_and_the_rest_comes_later(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as full:
        full.setattr(transfer, "open", FullDisk, raising=False)
        words = refused(hub, tmp_path)
    assert "is full" in words and "Make room" in words
    part = part_of(tmp_path)
    assert part is not None and 900_000 < part.stat().st_size <= 1_000_000
    get(hub, tmp_path)
    assert_whole(tmp_path)


def test_a_disk_without_room_is_told_before_anything_comes(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 2_000_000}))
    assert "has 2 MB left, but 3 MB are needed" in refused(hub, tmp_path)
    assert part_of(tmp_path) is None


def test_a_place_that_cannot_be_written_to_is_told(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(Failed, match="cannot be written to"):
        get(hub, tmp_path / "file" / "Lora")


def _kept(path: Path) -> tuple[int, ...]:
    """What a write would change; the time of the last read is not of it."""
    stat = path.lstat()
    return stat.st_mode, stat.st_ino, stat.st_size, stat.st_mtime_ns


@pytest.mark.parametrize("kind", ["file", "empty", "folder", "dangling link"])
def test_what_is_called_the_same_is_never_touched(hub: Hub, tmp_path: Path, kind: str) -> None:
    there = tmp_path / OFFER.name
    make = {
        "file": lambda: there.write_bytes(b"mine"), "empty": there.touch, "folder": there.mkdir,
        "dangling link": lambda: there.symlink_to(tmp_path / "gone"),
    }  # fmt: skip
    make[kind]()
    before = _kept(there)
    with pytest.raises(Failed, match="Rename or remove it"):
        get(hub, tmp_path)
    assert _kept(there) == before and hub.asked == []


@pytest.mark.parametrize("links", [True, False])
def test_what_comes_there_meanwhile_is_not_touched_either(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    if not links:
        monkeypatch.setattr(disk.os, "link", _no_links)
    there = tmp_path / OFFER.name

    class Rival(Watch):
        def __call__(self, received: int, total: int | None) -> None:
            if received > 1_000_000 and not there.exists():
                there.write_bytes(b"mine")

    with pytest.raises(Failed, match="left as it is"):
        get(hub, tmp_path, watch=Rival())
    assert there.read_bytes() == b"mine"


def _no_links(*_: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


def test_a_file_system_without_links_will_do(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk.os, "link", _no_links)
    get(hub, tmp_path)
    assert_whole(tmp_path)


# --------------------------------------------------------------------------------------------------------- cancelled, twice at once


def test_cancelling_keeps_what_has_come_for_the_next_time(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        get(hub, tmp_path, watch=Watch(cancel_at=1_000_000))
    assert models_in(tmp_path) == []
    part = part_of(tmp_path)
    assert part is not None and 1_000_000 <= part.stat().st_size < 1_100_000
    get(hub, tmp_path)
    assert starts(hub)[-1] >= 1_000_000
    assert_whole(tmp_path)


def test_cancelling_between_two_tries(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "PAUSE_SECONDS", 60)
    hub.behaviours = [server.broken_off_at(500_000)]
    watch = Watch()
    threading.Timer(0.5, watch.cancel.set).start()
    with pytest.raises(Cancelled):
        get(hub, tmp_path, watch=watch)


def test_two_at_once_do_not_meet(hub: Hub, tmp_path: Path) -> None:
    hub.behaviours = [server.slowly(3_000_000)]
    begun, ended = threading.Event(), threading.Event()

    class First(Watch):
        def __call__(self, received: int, total: int | None) -> None:
            begun.set()

    def first() -> None:
        get(hub, tmp_path, watch=First())
        ended.set()

    thread = threading.Thread(target=first)
    thread.start()
    assert begun.wait(10)
    with pytest.raises(Failed, match=r"Another download into .* is running"):
        get(hub, tmp_path)
    assert not ended.is_set()
    thread.join(20)
    assert ended.is_set()
    assert_whole(tmp_path)
    assert len(hub.asked) == 1
