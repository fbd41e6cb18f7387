"""Where the demo keeps its files."""

from __future__ import annotations

import shutil
from pathlib import Path

from demo import weights
from demo.printing import megabytes

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
OUT = HERE / "out"
DATA = OUT / "data"
METHODS = HERE / "methods.yaml"
USER_TABLE = "fewstep.yaml"
"""What the extension reads in a WebUI's data folder, to add to its own tables."""


def prepare_models() -> weights.Models:
    """The tiny models, unpacked, after saying what that is and how big."""
    print(f"Setting up the tiny models in {OUT / 'models'}: {megabytes(weights.SHIPPED)} MB, unpacked once.", flush=True)
    models = weights.unpack(OUT / "models")
    print(f"A Stable Diffusion, {len(models.loras)} LoRAs and a judge: {megabytes(models.folder)} MB. Nothing is downloaded.", flush=True)
    return models


def prepare_data() -> Path:
    """The demo's data folder, with the tiny models' methods as the user's own."""
    DATA.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(METHODS, DATA / USER_TABLE)
    return DATA
