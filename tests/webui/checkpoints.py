"""Distilled checkpoints for a running host: its own checkpoint under a published name, or changed."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from .client import WebUI

Tensors = dict[str, np.ndarray]


@contextmanager
def chosen(webui: WebUI, name: str, change: Callable[[Tensors], None] | None = None) -> Iterator[str]:
    """The host's usual checkpoint, `change`d, as `name`.safetensors, chosen at the top of the page. Afterwards it is gone."""
    with installed(webui, name, change) as file:
        webui.post("/sdapi/v1/options", {"sd_model_checkpoint": file})
        try:
            webui.txt2img(steps=1)  # the first generation sets options of the host's own, such as a checkpoint's hash
            yield file
        finally:
            webui.load_checkpoint()
            webui.txt2img(steps=1)


@contextmanager
def installed(webui: WebUI, name: str, change: Callable[[Tensors], None] | None = None) -> Iterator[str]:
    """The same among the host's checkpoints, not chosen; gives the name that it goes by."""
    source = webui.running.host.checkpoint(webui.family)
    target = webui.running.data / "models" / "Stable-diffusion" / f"{name}.safetensors"
    yaml = source.with_suffix(".yaml")
    try:
        _write(source, target, change)
        if yaml.exists():
            target.with_suffix(".yaml").symlink_to(yaml.resolve())
        webui.post("/sdapi/v1/refresh-checkpoints")
        yield target.name
    finally:
        target.unlink(missing_ok=True)
        target.with_suffix(".yaml").unlink(missing_ok=True)
        webui.post("/sdapi/v1/refresh-checkpoints")


def _write(source: Path, target: Path, change: Callable[[Tensors], None] | None) -> None:
    if change is None:
        target.symlink_to(source.resolve())
        return
    tensors = load_file(source)
    change(tensors)
    save_file(tensors, target, metadata={"format": "pt"})
