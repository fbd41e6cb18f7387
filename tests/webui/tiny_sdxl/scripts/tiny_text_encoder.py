"""Makes the tiny SDXL checkpoint's second text encoder known to open_clip, which builds it when the checkpoint loads."""
from pathlib import Path

import open_clip  # pyright: ignore[reportMissingImports]  # the WebUI has it

open_clip.add_model_config(Path(__file__).parents[1] / "fewstep-tiny-G.json")
