"""Lets Forge load this project's tiny Stable Diffusion; an unchanged Forge takes no SD 1.5 but of the true widths."""
from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from backend.loader import dir_path  # pyright: ignore[reportMissingImports]  # the WebUI has it
from huggingface_guess import model_list  # pyright: ignore[reportMissingImports]

sys.path.append(str(Path(__file__).resolve().parents[4]))

from demo.ldm import TEXT_CONFIG, UNET_CONFIG, VAE_CONFIG


def _configured(source: Path, target: Path) -> str:
    """Forge's description of SD 1.5 with the tiny model's widths."""
    shutil.copytree(source, target)
    for part, config in (("text_encoder", TEXT_CONFIG), ("vae", VAE_CONFIG)):
        file = target / part / "config.json"
        file.write_text(json.dumps({**json.loads(file.read_text(encoding="utf-8")), **config}), encoding="utf-8")
    return str(target)


_ORIGINAL = Path(dir_path) / "huggingface" / model_list.SD15.huggingface_repo
_WIDTHS = {"context_dim": UNET_CONFIG["cross_attention_dim"], "model_channels": UNET_CONFIG["block_out_channels"][0]}
_TINY = {
    "huggingface_repo": _configured(_ORIGINAL, Path(tempfile.mkdtemp()) / "tiny"),
    "unet_config": {**model_list.SD15.unet_config, **_WIDTHS},
    "unet_extra_config": {"num_heads": UNET_CONFIG["attention_head_dim"], "num_head_channels": -1},
}
model_list.models.insert(0, type("TinySD15", (model_list.SD15,), _TINY))
