"""The lab's tests need diffusers and transformers, which the extension itself does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

pytest.importorskip("diffusers")
pytest.importorskip("transformers")

from demo.weights import Models, unpack


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """The shipped models, unpacked once."""
    return unpack(tmp_path_factory.mktemp("models"))
