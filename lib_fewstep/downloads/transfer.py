"""One published file, from its Hugging Face repository into the WebUI's folder: whole and verified, or not at all.

What has come lies beside its place as `NAME.….part`, a name that no WebUI takes for a model, until its sha256 is right.
Addresses, the offline switch and the endpoint are huggingface_hub's. The bytes are streamed here: its own downloads can neither be
watched nor stopped in all the versions that hosts ship, do not check the sha256, and take as many bytes as a server cares to send.
"""
from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
from huggingface_hub import constants, hf_hub_url

from ..core.detect import sha256_of
from ..core.offers import Offer, bytes_text
from ..words.say import Sentence, say, why
from .disk import Failed, alone_in, check_space, give_name, in_words, kept, length

CHUNK = 1 << 15
"""Bytes between two looks at whether the user has cancelled."""
TRIES = 5
"""How often in a row a connection may be lost with hardly anything gained."""
PAUSE_SECONDS = 1.0
"""Before the second try; doubled before each further one."""
SLACK = 1 << 20
"""Bytes that a file may be longer than its row says, some of which are calculated; also what counts as a gain. The sha256 decides."""
LONGEST = 4 << 30
"""Bytes of a file whose row names no size."""
_HEADERS = {"User-Agent": "few-step-accelerator", "Accept-Encoding": "identity"}
"""The files are public: no token leaves this machine."""

Report = Callable[[int, "int | None"], None]
"""Is told the bytes that have come and their whole number; None: unknown."""


class _Endless(Failed):
    """More came than the file can have."""


class Cancelled(Exception):
    """The user has stopped it."""


def fetch(offer: Offer, folder: Path, report: Report, cancel: threading.Event, endpoint: str | None = None) -> Path:
    """Brings the offered file into `folder` and returns its path. Goes on where an earlier, interrupted fetch ended.

    Where the offer knows no sha256, it has to be the one that huggingface.co names.
    Raises Failed or Cancelled; then nothing has the file's name but what had it before.
    """
    final, url = folder / offer.name, _address(offer, endpoint)
    if not offer.sha256:
        offer = replace(offer, sha256=(_told_sha256(offer, url),))
    part = folder / f"{offer.name}.{offer.sha256[0][:12]}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with alone_in(folder):
            if not _is_there(final, offer):
                _complete(part, offer, report, cancel, url)
                give_name(part, final)
            part.unlink(missing_ok=True)
    except FileExistsError as error:
        raise Failed(say("download.came_meanwhile", file=final)) from error
    except OSError as error:
        raise Failed(in_words(error, folder, part)) from error
    return final


def _address(offer: Offer, endpoint: str | None) -> str:
    try:
        return hf_hub_url(offer.repo, offer.path, endpoint=endpoint)
    except ValueError as error:
        raise Failed(say("download.bad_repo", repo=offer.repo, file=offer.name)) from error


def _told_sha256(offer: Offer, url: str) -> str:
    """What huggingface.co itself says of the file, and not the servers that it sends on to. Raises Failed."""
    try:
        for _ in range(TRIES):
            response = requests.head(url, headers=_HEADERS, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT, allow_redirects=False)
            moved = response.headers.get("Location", "")
            if not moved.startswith("/") or moved.startswith("//"):
                break
            url = urljoin(url, moved)  # the repository has another name by now
        if response.status_code >= 400:
            _check_status(response, offer)
    except requests.RequestException as error:
        raise Failed(say("download.unreachable", host=urlsplit(url).hostname, error=_short(error))) from error
    found = response.headers.get("X-Linked-Etag", "").strip('"')
    if not re.fullmatch("[0-9a-f]{64}", found):
        raise Failed(say("download.no_sha256", url=url))
    return found


def _is_there(final: Path, offer: Offer) -> bool:
    """Whether the very file is there. Another one of its name is the user's: it is never replaced."""
    if not os.path.lexists(final):
        return False
    if final.is_file() and sha256_of(final) in offer.sha256:
        return True
    raise Failed(say("download.other_file", file=final, repo=offer.repo))


# -------------------------------------------------------------------------------------------------------------- the bytes


def _complete(part: Path, offer: Offer, report: Report, cancel: threading.Event, url: str) -> None:
    """Brings `part` to the whole file. What an earlier run has left behind may be spoilt: then once more from the start."""
    while True:
        resumed = length(part) > 0
        if not resumed or length(part) != offer.size:
            try:
                _receive(part, offer, report, cancel, url)
            except _Endless:
                part.unlink()
                raise
        report(length(part), length(part))
        found = sha256_of(part)
        if found in offer.sha256:
            return
        part.unlink()
        if not resumed:
            raise Failed(say("download.wrong_sha256", url=url, found=found[:12], expected=offer.sha256[0][:12]))


def _receive(part: Path, offer: Offer, report: Report, cancel: threading.Event, url: str) -> None:
    """Appends to `part` until nothing is missing, over as many connections as that takes."""
    lost = 0
    with requests.Session() as session:
        while True:
            before = length(part)
            try:
                return _stream(session, part, offer, report, cancel, url)
            except requests.RequestException as error:
                lost = 1 if length(part) - before >= SLACK else lost + 1
                if lost >= TRIES:
                    host = urlsplit(url).hostname
                    raise Failed(say("download.connection", host=host, error=_short(error), kept=kept(part))) from error
            if cancel.wait(PAUSE_SECONDS * 2 ** (lost - 1)):
                raise Cancelled


def _stream(session: requests.Session, part: Path, offer: Offer, report: Report, cancel: threading.Event, url: str) -> None:
    """One connection's share. Raises requests.RequestException where another try may help."""
    if cancel.is_set():
        raise Cancelled
    at = length(part)
    headers = {**_HEADERS, "Range": f"bytes={at}-"} if at else _HEADERS
    hooks = {"response": lambda response, **_: _check_redirect(response, url)}
    with session.get(url, headers=headers, stream=True, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT, hooks=hooks) as response:
        if response.status_code == 416:  # nothing is missing, or too much is there: the sha256 tells
            return
        _check_status(response, offer)
        at, total = _extent(response, at)
        limit, expected = offer.size + SLACK if offer.size else LONGEST, bytes_text(offer.size or LONGEST)
        if total is not None and total > limit:
            raise Failed(say("download.too_long", url=url, size=bytes_text(total), expected=expected))
        check_space(part.parent, (total or offer.size or 0) - at)
        with open(part, "ab" if at else "wb") as file:
            for chunk in response.iter_content(CHUNK):
                if cancel.is_set():
                    raise Cancelled
                at += len(chunk)
                if at > limit:
                    raise _Endless(say("download.endless", url=url, expected=expected))
                file.write(chunk)
                report(at, total or offer.size)
    if total is not None and at < total:  # older urllib3 takes this for an end
        raise requests.ConnectionError(say("connection.too_early", missing=bytes_text(total - at)))


def _check_redirect(response: requests.Response, url: str) -> None:
    """huggingface.co sends on to the servers that hold its files. Their word is not trusted, the sha256 is; but nobody may listen in."""
    if not response.is_redirect:
        return
    there, here = urlsplit(urljoin(response.url, response.headers["location"])), urlsplit(url)
    same_place = (there.scheme, there.netloc) == (here.scheme, here.netloc)
    if there.scheme != "https" and not same_place:
        raise Failed(say("download.insecure", host=here.netloc, target=f"{there.scheme}://{there.netloc}"))


def _check_status(response: requests.Response, offer: Offer) -> None:
    """Passes 200 and 206. What may be over soon counts as a lost connection, the rest is final."""
    status, page = response.status_code, f"https://huggingface.co/{offer.repo}"
    if status in (200, 206):
        return
    if status in (408, 429) or status >= 500:
        raise requests.ConnectionError(say("connection.status", status=status))
    if status in (401, 403):
        raise Failed(say("download.licence", repo=offer.repo, status=status, page=page, path=offer.path))
    if status == 404:
        raise Failed(say("download.gone", repo=offer.repo, path=offer.path, page=page))
    raise Failed(say("download.status", url=response.url.partition("?")[0], status=status, page=page))


def _extent(response: requests.Response, asked_from: int) -> tuple[int, int | None]:
    """Where in the file the answer begins, and how long the file is (None: not told)."""
    if response.status_code == 206:
        told = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if told is None or int(told[1]) != asked_from:
            raise requests.ConnectionError(say("connection.other_part"))
        return asked_from, None if told[2] == "*" else int(told[2])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else None


def _short(error: requests.RequestException) -> str:
    """In words, and without the address that it holds, which may be signed and long."""
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return say("connection.broke_off")
    if isinstance(error, (requests.exceptions.SSLError, requests.exceptions.ProxyError)):
        return type(error).__name__
    if isinstance(error, requests.Timeout) or "Read timed out" in str(error):
        return say("connection.silent")
    if "Max retries" in str(error):
        return say("connection.unreachable")
    said = why(error)
    return said if isinstance(said, Sentence) else said[:100]
