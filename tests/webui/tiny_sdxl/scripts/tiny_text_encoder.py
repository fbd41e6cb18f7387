"""Makes the text encoders of the tiny SDXL and SD 2.1 checkpoints known to open_clip, which builds them when a checkpoint loads."""
from pathlib import Path

import open_clip  # pyright: ignore[reportMissingImports]  # the WebUI has it

for name in ("fewstep-tiny-G", "fewstep-tiny-H"):
    open_clip.add_model_config(Path(__file__).parents[1] / f"{name}.json")
