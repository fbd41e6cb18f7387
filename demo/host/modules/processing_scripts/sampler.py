"""The part of the page that chooses steps, sampler and schedule."""

from __future__ import annotations

from typing import Any

import gradio as gr
from modules import scripts, sd_samplers, sd_schedulers
from modules.infotext_utils import PasteField
from modules.ui_components import FormRow


class ScriptSampler(scripts.ScriptBuiltinUI):
    """On the page its `setup` overwrites what earlier scripts' `setup` put into p."""

    section = "sampler"
    create_group = False

    def title(self) -> str:
        return "Sampler"

    def ui(self, is_img2img: bool) -> list[Any]:
        names = sd_samplers.visible_sampler_names()
        labels = [scheduler.label for scheduler in sd_schedulers.schedulers]
        with FormRow(elem_id=f"sampler_selection_{self.tabname}"):
            self.sampler_name = gr.Dropdown(
                label="Sampling method", elem_id=f"{self.tabname}_sampling", choices=names, value=names[0]
            )
            self.scheduler = gr.Dropdown(
                label="Schedule type", elem_id=f"{self.tabname}_scheduler", choices=labels, value=labels[0]
            )
            self.steps = gr.Slider(
                1, 150, value=20, step=1, label="Sampling steps", elem_id=f"{self.tabname}_steps"
            )
        self.infotext_fields = [
            PasteField(self.steps, "Steps", api="steps"),
            PasteField(self.sampler_name, sd_samplers.get_sampler_from_infotext, api="sampler_name"),
            PasteField(self.scheduler, sd_samplers.get_scheduler_from_infotext, api="scheduler"),
        ]
        return [self.steps, self.sampler_name, self.scheduler]

    def setup(self, p: Any, steps: int, sampler_name: str, scheduler: str) -> None:
        p.steps, p.sampler_name, p.scheduler = steps, sampler_name, scheduler
