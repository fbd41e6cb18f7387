"""Lets sd-webui-controlnet load a ControlNet for the tiny SD 1.5 checkpoint: it builds one of a single size, written down in its code."""
from typing import Any

from modules import script_callbacks


def _shrink(*_: Any) -> None:
    try:
        from scripts.controlnet_model_guess import controlnet_default_config as config  # pyright: ignore[reportMissingImports]
    except ImportError:
        return
    config.update(model_channels=64, channel_mult=[1, 2, 2, 2], num_heads=4)


script_callbacks.on_app_started(_shrink)
