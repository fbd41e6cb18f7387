"""The part of the page that chooses the seed."""

from __future__ import annotations

from typing import Any

import gradio as gr
from modules import gradio_shims, scripts
from modules.infotext_utils import PasteField
from modules.ui_components import ToolButton


class ScriptSeed(scripts.ScriptBuiltinUI):
    """Seed and variation seed."""

    section = "seed"
    create_group = False

    def title(self) -> str:
        return "Seed"

    def ui(self, is_img2img: bool) -> list[Any]:
        with gr.Row(elem_id=self.elem_id("seed_row")):
            self.seed = gr.Number(label="Seed", value=-1, elem_id=self.elem_id("seed"), precision=0)
            random_seed = ToolButton("🎲️", elem_id=self.elem_id("random_seed"))
            subseed = gr.Number(label="Variation seed", value=-1, elem_id=self.elem_id("subseed"), precision=0)
            strength = gr.Slider(
                0, 1, value=0, step=0.01, label="Variation strength", elem_id=self.elem_id("subseed_strength")
            )
        random_seed.click(None, None, [self.seed], **gradio_shims.js("() => -1"))
        self.infotext_fields = [
            PasteField(self.seed, "Seed", api="seed"),
            PasteField(subseed, "Variation seed", api="subseed"),
            PasteField(strength, "Variation seed strength", api="subseed_strength"),
        ]
        return [self.seed, subseed, strength]

    def setup(self, p: Any, seed: int, subseed: int, strength: float) -> None:
        p.seed = seed
        if strength > 0:
            p.subseed, p.subseed_strength = subseed, strength
