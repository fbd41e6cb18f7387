"""Fixtures of the tests of `host/`."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from . import fake


@pytest.fixture
def host(tmp_path: Path) -> Iterator[fake.Host]:
    """The embedded host's modules, fresh."""
    with fake.running(tmp_path) as host:
        yield host
