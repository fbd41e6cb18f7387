"""Command line options of the WebUI that extensions may read."""

from __future__ import annotations

from types import SimpleNamespace

cmd_opts = SimpleNamespace(
    api=True,
    api_auth=None,
    api_log=False,
    freeze_settings=False,
    gradio_auth=None,
    hide_ui_dir_config=False,
    lora_dir="",
    ckpt_dir="",
    nowebui=False,
    example="",  # our own: a prompt that the page begins with, its extension's accordion open
    no_half=True,
    port=None,
    use_textbox_seed=False,
    xformers=False,
    medvram=False,
    lowvram=False,
)
