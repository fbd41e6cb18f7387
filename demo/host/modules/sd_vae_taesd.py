"""The small decoder in models/VAE-taesd, by the WebUI's names. This host fetches nothing."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from modules import paths

from demo.taesd import TinyDecoder, load_tiny_decoder

_NAME = "taesd_decoder.safetensors"
_SHIPPED = "demo/models"


def download_model(model_path: str, model_url: str) -> None:
    """The WebUI fetches what is missing; here whoever wants it unpacks the demo's models."""


def decoder_model() -> TinyDecoder:
    """The loaded decoder. Raises FileNotFoundError without its file."""
    path = os.path.join(paths.models_path, "VAE-taesd", _NAME)
    if not os.path.exists(path):
        download_model(path, f"{_SHIPPED}/{_NAME}.xz")
        raise FileNotFoundError("TAESD model not found")
    return _loaded(path)


@lru_cache(maxsize=1)
def _loaded(path: str) -> TinyDecoder:
    return load_tiny_decoder(Path(path))
