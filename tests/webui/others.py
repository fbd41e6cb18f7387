"""Other people's extensions beside ours, where a host's description names them, and the models that they need: tiny and random.

    git clone https://github.com/Mikubill/sd-webui-controlnet && git clone https://github.com/Bing-su/adetailer

The requirements of each must be installed in the WebUI's Python, as its own `install.py` does.
"""
from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from . import make_tiny_checkpoints

HERE = Path(__file__).resolve().parent
CONTROLNET, ADETAILER = "sd-webui-controlnet", "adetailer"


def beside(extensions: Sequence[Path]) -> dict[str, Path]:
    """The extensions by the names that they go by, with what the tiny checkpoint needs to be accepted by them."""
    named = {path.name: path for path in extensions}
    return {**named, **({"tiny-controlnet": HERE / "tiny_controlnet"} if CONTROLNET in named else {})}


def models(extensions: Sequence[Path], python: Path, environment: Mapping[str, str], made: Path) -> Iterator[Path]:
    """Files for the extensions, made once below `made`; each lies in a folder that is called as in the WebUI's `models`. `python` and
    `environment` are the WebUI's.
    """
    names = {path.name for path in extensions}
    if CONTROLNET in names:
        controlnet = made / "ControlNet" / "tiny-controlnet.safetensors"
        yield controlnet if controlnet.exists() else make_tiny_checkpoints.tiny_controlnet(controlnet)
    if ADETAILER in names:
        detector = made / "adetailer" / "tiny-detector.pt"
        if not detector.exists():
            detector.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run([python, HERE / "make_detector.py", detector], check=True, env={**os.environ, **environment})
        yield detector
