"""Fixtures of the tests of `host/`."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from . import fake
from . import generator as generator_


@pytest.fixture
def host(tmp_path: Path) -> Iterator[fake.Host]:
    """The embedded host's modules, fresh."""
    with fake.running(tmp_path) as host:
        yield host


@pytest.fixture
def generator(host: fake.Host) -> generator_.Generator:
    """The same, with a checkpoint loaded, LoRAs installed, and the Accelerator."""
    return generator_.Generator(host)
