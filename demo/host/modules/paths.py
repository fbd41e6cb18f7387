"""Where things lie. `configure` is called once, before any other module is imported."""

from __future__ import annotations

from pathlib import Path

script_path: str = str(Path(__file__).resolve().parents[1])
"""The host's own folder: what `scripts.basedir()` answers outside an extension."""

data_path: str = script_path
"""The folder of config.json, of the outputs and of extensions' caches."""

models_path: str = str(Path(script_path) / "models")
"""The folder with Stable-diffusion/ and Lora/."""


def configure(models: Path, data: Path) -> None:
    """Point the host at the user's folders; `data` is created."""
    global data_path, models_path
    data.mkdir(parents=True, exist_ok=True)
    data_path, models_path = str(data.resolve()), str(models.resolve())
