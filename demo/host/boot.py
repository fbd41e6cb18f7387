"""Starts the embedded host in this process, for the page, the API, or direct calls.

`modules` and `networks` are top-level names to extensions, so this folder goes onto sys.path first.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from demo.host import k_diffusion_loader

HERE = Path(__file__).resolve().parent


def open_host(models: Path, data: Path, extensions: Sequence[Path]) -> None:
    """Load settings, scripts and model. `models` holds Stable-diffusion/, Lora/ and tiny-clip/; `data` what is written.

    A process has one host: its modules keep their state, so this is called once.
    """
    torch.set_num_threads(1)  # rows are evaluated one by one, and are too small for two threads to help
    k_diffusion_loader.load()
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))

    from modules import paths

    paths.configure(models, data)
    from modules import extensions as host_extensions
    from modules import gradio_shims, initialize, shared

    gradio_shims.install()
    host_extensions.folders[:] = [folder.resolve() for folder in extensions]
    initialize.initialize()
    shared.sd_model  # noqa: B018 - loads the checkpoint
