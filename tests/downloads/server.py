"""A local stand-in for huggingface.co that gives out one file, well or badly."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from lib_fewstep.core.offers import Offer

REPO, PATH = "somebody/some-lora", "folder/weights.safetensors"
ADDRESS = f"/{REPO}/resolve/main/{PATH}"


def content_of(size: int, seed: int = 1) -> bytes:
    """Bytes that cannot be guessed."""
    return np.random.default_rng(seed).bytes(size)


def offer_of(content: bytes, **more: object) -> Offer:
    """The row of a file that holds `content`."""
    known = {
        "method": "lcm", "label": "LCM-LoRA", "name": "some-lora.safetensors", "repo": REPO, "path": PATH,
        "sha256": (hashlib.sha256(content).hexdigest(),), "size": len(content), "licence": "MIT", "noncommercial": False, "tested": True,
    }  # fmt: skip
    return Offer(**{**known, **more})  # type: ignore[arg-type]


class Request(BaseHTTPRequestHandler):
    """One request. A behaviour calls the methods below to answer it."""

    hub: Hub
    timeout = 10

    def do_GET(self) -> None:
        self.hub.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        try:
            behave = self.hub.behaviours.pop(0) if self.hub.behaviours else well
            behave(self)
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.close_connection = True

    def do_HEAD(self) -> None:
        """What huggingface.co tells of a file before it sends on to where the file lies."""
        self.head(302, Location="https://nowhere.invalid/", **self.hub.told)

    def log_message(self, format: str, *args: object) -> None:
        pass

    @property
    def content(self) -> bytes:
        return self.hub.content

    def start_of(self) -> int:
        """The first byte that is asked for."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(found[1]) if found else 0

    def head(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def body(self, body: bytes, pace: int = 0) -> None:
        """`pace`: bytes a second; 0: as fast as it goes."""
        step = 1 << 14
        for at in range(0, len(body), step):
            self.wfile.write(body[at : at + step])
            if pace:
                self.wfile.flush()
                time.sleep(step / pace)


Behaviour = Callable[[Request], None]


def well(request: Request, pace: int = 0, end: int | None = None) -> None:
    """As huggingface.co does: the whole file, or what a range asks for; `end` breaks the connection off there."""
    start, length = request.start_of(), len(request.content)
    if request.path.partition("?")[0] != ADDRESS:
        return request.head(404)
    if start >= length:
        return request.head(416, Content_Range=f"bytes */{length}")
    if start:
        request.head(206, Content_Length=length - start, Content_Range=f"bytes {start}-{length - 1}/{length}")
    else:
        request.head(200, Content_Length=length)
    request.body(request.content[start:end], pace)


def slowly(pace: int) -> Behaviour:
    return lambda request: well(request, pace)


def held_at(end: int, gate: threading.Event) -> Behaviour:
    """The bytes from `end` on come when `gate` opens."""

    def behave(request: Request) -> None:
        well(request, end=end)
        request.wfile.flush()
        gate.wait(120)
        request.body(request.content[max(end, request.start_of()):])

    return behave


def broken_off_at(end: int) -> Behaviour:
    return lambda request: well(request, end=max(end, request.start_of()))


def answers(status: int, body: bytes = b"no", **headers: object) -> Behaviour:
    def behave(request: Request) -> None:
        request.head(status, Content_Length=len(body), **headers)
        request.body(body)

    return behave


def without_ranges(request: Request) -> None:
    request.head(200, Content_Length=len(request.content))
    request.body(request.content)


def without_length(request: Request) -> None:
    request.head(200)
    request.body(request.content)


def endless(request: Request) -> None:
    request.head(200)
    while True:
        request.body(bytes(1 << 16))


def stalling(seconds: float, after: int) -> Behaviour:
    def behave(request: Request) -> None:
        request.head(200, Content_Length=len(request.content))
        request.body(request.content[:after])
        request.wfile.flush()
        time.sleep(seconds)

    return behave


class Hub:
    """`behaviours` answer one request each, in their order; then all goes well. `asked`: path and headers of each request.

    `told`: headers of the answer to who asks about the file; its sha256 as huggingface.co names it.
    """

    def __init__(self, content: bytes):
        self.content = content
        self.behaviours: list[Behaviour] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.told = {"X_Linked_Etag": f'"{hashlib.sha256(content).hexdigest()}"'}
        self.url = ""


@contextmanager
def hub(content: bytes) -> Iterator[Hub]:
    made = Hub(content)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Request,), {"hub": made}))
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
