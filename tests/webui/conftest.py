"""Runs every test of this folder on each WebUI there is, one WebUI at a time: `-k a1111-sdxl` picks one."""
from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.chromium import launched

from . import hosts, lora_files
from .client import WebUI

_PARAMETER = "webui"
LARGE = "--large"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", type=Path, metavar="DIR", help="where the browser tests save pictures of the page")
    parser.addoption(LARGE, action="store_true", help="also with checkpoints of 2 GB each, which are made and kept in the cache")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`webui`: each host with each family of checkpoint it has. Beside it, `method`: each method of that family; `published`: each file."""
    if _PARAMETER not in metafunc.fixturenames:
        return
    targets = _targets()
    if "method" in metafunc.fixturenames:
        rows = [((host, family), profile) for host, family in targets for profile in hosts.methods_of(family)]
        ids = [f"{host.name}-{family}-{profile.key}" for (host, family), profile in rows]
        metafunc.parametrize((_PARAMETER, "method"), rows, ids=ids, indirect=[_PARAMETER])
    elif "published" in metafunc.fixturenames:
        files = [((host, family), file) for host, family in targets for file in hosts.checkpoints_of(family)]
        ids = [f"{host.name}-{family}-{profile.key}" for (host, family), (_, profile) in files]
        metafunc.parametrize((_PARAMETER, "published"), files, ids=ids, indirect=[_PARAMETER])
    else:
        metafunc.parametrize(_PARAMETER, targets, ids=[f"{host.name}-{family}" for host, family in targets], indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of one WebUI and checkpoint in a row, in their order: it is started once, and other folders' tests keep their places."""
    places = [i for i, item in enumerate(items) if _target(item) is not None]
    order = {(host.name, family): rank for rank, (host, family) in enumerate(_targets())}
    ours = sorted((items[place] for place in places), key=lambda item: order[_target(item) or ("", "")])
    for place, item in zip(places, ours, strict=True):
        items[place] = item


def _targets() -> list[tuple[hosts.Host, str]]:
    return [(host, family) for host in hosts.all_hosts() for family in host.families]


def _target(item: pytest.Item) -> tuple[str, str] | None:
    """The host and family that a test runs on; None for other tests."""
    callspec = getattr(item, "callspec", None)
    found = callspec.params.get(_PARAMETER) if callspec is not None else None
    return (found[0].name, found[1]) if found else None


class Pool:
    """The WebUI that runs now. Another one is started only after it has been stopped, because each needs gigabytes."""

    def __init__(self, folder: Path):
        self._folder, self._stack, self._count = folder, ExitStack(), 0
        self._now: WebUI | None = None
        self._failed: dict[str, str] = {}

    def get(self, host: hosts.Host, family: str) -> WebUI:
        """`host` running with a checkpoint of `family` loaded. One that does not start is tried once."""
        if host.name in self._failed:
            pytest.fail(self._failed[host.name], pytrace=False)
        if self._now is None or self._now.running.host != host or not self._now.running.is_alive:
            self.stop()
            self._now = WebUI(self._start(host), "")
        if self._now.family != family:
            self._now.family = family
            self._now.load_checkpoint()
            self._now.txt2img(steps=1)  # the first generation sets options of the host's own, such as a checkpoint's hash
        return self._now

    def _start(self, host: hosts.Host) -> hosts.Running:
        try:
            return self._stack.enter_context(hosts.running(host, self.new_folder(host)))
        except RuntimeError as error:
            self._failed[host.name] = str(error)
            raise

    def new_folder(self, host: hosts.Host) -> Path:
        self._count += 1
        return self._folder / f"{self._count}-{host.name}"

    def stop(self) -> None:
        self._stack.close()
        self._now = None


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a test run that is ended from outside ends its WebUI too
    made = Pool(tmp_path_factory.mktemp("webui"))
    yield made
    made.stop()


@pytest.fixture
def screenshots(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where pictures of the page go."""
    folder: Path = request.config.getoption("--screenshots", default=None) or tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def webui(request: pytest.FixtureRequest, pool: Pool) -> WebUI:
    """A running WebUI with the extension and the probe, a checkpoint of one family, and a LoRA for each of its methods."""
    host, family = request.param
    return pool.get(host, family)


@pytest.fixture
def style(webui: WebUI) -> Iterator[str]:
    """A LoRA that is no accelerator, in the host's folder."""
    file = webui.running.data / "models" / "Lora" / "just-a-style.safetensors"
    lora_files.write_lora(webui.running.host.checkpoint(webui.family), file, seed=98)
    webui.post("/sdapi/v1/refresh-loras")
    yield file.stem
    file.unlink()
    webui.post("/sdapi/v1/refresh-loras")


@pytest.fixture(scope="module")  # while it is open, playwright's event loop runs, and others of this process can start none
def browser() -> Iterator[Any]:
    with launched() as browser:
        yield browser
