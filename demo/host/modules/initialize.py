"""Start, and "Reload UI"."""

from __future__ import annotations

from pathlib import Path

from modules import extensions, extra_networks, paths, script_callbacks, scripts, sd_models, sd_samplers, shared


def initialize() -> None:
    """Read the settings and load everything for the first time."""
    shared.cmd_opts.lora_dir = str(Path(paths.models_path) / "Lora")
    shared.cmd_opts.ckpt_dir = str(Path(paths.models_path) / "Stable-diffusion")
    shared.opts.load(shared.config_filename)
    initialize_rest()
    if sd_models.checkpoints_list and not shared.opts.sd_model_checkpoint:  # the WebUI selects the one that it loads when it starts
        shared.opts.data["sd_model_checkpoint"] = sd_models.select_checkpoint().title


def initialize_rest() -> None:
    """Load what "Reload UI" loads again: extensions' scripts, in the same process. The model stays."""
    sd_samplers.set_samplers()
    extensions.list_extensions()
    sd_models.list_models()
    scripts.load_scripts()
    extra_networks.initialize()


def reload() -> None:
    """Tell the old scripts to go, then load them again."""
    script_callbacks.app_reload_callback()
    script_callbacks.script_unloaded_callback()
    initialize_rest()
