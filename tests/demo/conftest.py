"""One embedded host for these tests, in a process of its own: its `modules` must not meet other tests' stand-ins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
PROBE = REPOSITORY / "tests" / "webui" / "probe"
START_SECONDS = 120


class Client:
    """Talks to a host."""

    def __init__(self, url: str, log: Path) -> None:
        self.url, self.log = url, log

    def get(self, path: str) -> Any:
        return self._send(path, None)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._send(path, body)

    def text(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            return answer.read().decode()

    def status(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The status and the answer of a request that should fail."""
        try:
            self._send(path, body)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        return 200, {}

    def txt2img(self, **fields: Any) -> dict[str, Any]:
        """Generate with few steps; `info` is decoded."""
        small = {"prompt": "a large fox in the snow", "width": 64, "height": 64, "seed": 1}
        request = {**small, "steps": 4, "cfg_scale": 1, "sampler_name": "Euler", **fields}
        answer = self.post("/sdapi/v1/txt2img", request)
        return {**answer, "info": json.loads(answer["info"])}

    def timesteps(self) -> list[list[float]]:
        """Per pass of the last generation, the timestep of each question to the UNet."""
        return [[call["t"][0] for call in one["calls"]] for one in self.get("/probe/last")["passes"]]

    def _send(self, path: str, body: dict[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)


@contextmanager
def serving(folder: Path, extensions: Sequence[Path], *flags: str, python: str = sys.executable) -> Iterator[Client]:
    """Start `demo.serve` on a free port, and stop it as a user would."""
    log = folder / "host.log"
    command = [python, "-u", "-m", "demo.serve", "--port", "0", "--data-dir", str(folder / "data"), *flags]
    command += [part for extension in extensions for part in ("--extension", str(extension))]
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "2"}
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=REPOSITORY, env=environment)
    try:
        yield Client(_wait_for_url(process, log), log)
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_for_url(process: subprocess.Popen[bytes], log: Path) -> str:
    patience = time.monotonic() + START_SECONDS
    while time.monotonic() < patience and process.poll() is None:
        for line in log.read_text().splitlines():
            if "Running on local URL" in line:
                return line.split()[-1]
        time.sleep(0.2)
    raise RuntimeError(f"the embedded host did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The API of a host with two test extensions, and without the Accelerator."""
    folder = tmp_path_factory.mktemp("host")
    with serving(folder, [HERE / "recorder", PROBE], "--no-repository", "--nowebui") as client:
        yield client
