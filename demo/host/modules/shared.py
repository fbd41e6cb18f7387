"""State that everything shares: options, the loaded model, the running job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from modules import devices, paths
from modules.options import OptionHTML, OptionInfo, Options, options_section  # noqa: F401 - extensions use these names
from modules.shared_cmd_options import cmd_opts  # noqa: F401
from modules.shared_options import options_templates
from modules.shared_state import State
from modules.styles import StyleDatabase

if TYPE_CHECKING:
    from modules.sd_model import LatentDiffusion

    sd_model: LatentDiffusion

PROGRAM_VERSION = "1.10.1-embedded"
"""The WebUI version whose behaviour this host follows; it stands in every infotext."""

device = devices.device
opts = Options(options_templates)
state = State()
prompt_styles = StyleDatabase()
config_filename = str(Path(paths.data_path) / "config.json")
demo: Any = None
"""The running gradio page; None with --nowebui."""

latent_upscale_modes: dict[str, dict[str, Any]] = {
    "Latent": {"mode": "bilinear", "antialias": False},
    "Latent (antialiased)": {"mode": "bilinear", "antialias": True},
    "Latent (bicubic)": {"mode": "bicubic", "antialias": False},
    "Latent (bicubic antialiased)": {"mode": "bicubic", "antialias": True},
    "Latent (nearest)": {"mode": "nearest", "antialias": False},
    "Latent (nearest-exact)": {"mode": "nearest-exact", "antialias": False},
}
latent_upscale_default_mode = "Latent"


class TotalProgress:
    """The console's progress bar over all steps; here it only counts."""

    def __init__(self) -> None:
        self.steps = 0

    def update(self) -> None:
        """One step is done."""
        self.steps += 1

    def clear(self) -> None:
        """The job is over."""
        self.steps = 0


total_tqdm = TotalProgress()


def walk_files(path: str, allowed_extensions: list[str] | None = None) -> list[str]:
    """All files below a folder, sorted, optionally only those that end in one of the extensions."""
    found = sorted(Path(path).rglob("*"), key=lambda file: str(file).lower())
    files = (file for file in found if file.is_file())
    return [str(file) for file in files if allowed_extensions is None or file.suffix.lower() in allowed_extensions]


def __getattr__(name: str) -> Any:
    """`shared.sd_model` loads the checkpoint on first use."""
    if name == "sd_model":
        from modules import sd_models

        return sd_models.model_data.get_sd_model()
    raise AttributeError(f"module 'modules.shared' has no attribute {name!r}")
