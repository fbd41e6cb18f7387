"""One generation tab, with the WebUI's element ids and order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from modules import gradio_shims, infotext_utils, scripts, sd_samplers, sd_schedulers, shared
from modules.infotext_utils import PasteField
from modules.script_runner import ScriptRunner
from modules.ui_components import FormRow, InputAccordion, ToolButton

SAME_SAMPLER, SAME_SCHEDULER = "Use same sampler", "Use same scheduler"


@dataclass
class Tab:
    """The components of a tab: `fields` by the job's field names, and where results go."""

    name: str
    runner: ScriptRunner
    fields: dict[str, Any] = field(default_factory=dict)
    paste_fields: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    generate: Any = None
    paste: Any = None
    override_settings: Any = None
    init_image: Any = None

    def add(self, name: str, component: Any, label: Any = None) -> None:
        """Remember a component as a job's field, filled from the infotext's `label`."""
        self.fields[name] = component
        if label is not None:
            self.paste_fields.append(PasteField(component, label, api=name))


def build(name: str, action: Callable[..., Any], job_fields: tuple[str, ...]) -> Tab:
    """Create a tab's components in the open gradio context and connect its buttons."""
    is_img2img = name == "img2img"
    tab = Tab(name, scripts.scripts_img2img if is_img2img else scripts.scripts_txt2img)
    scripts.scripts_current = tab.runner
    tab.runner.initialize_scripts(is_img2img)
    tab.runner.prepare_ui()
    _top_row(tab)
    with gr.Row(equal_height=False):
        with gr.Column(elem_id=f"{name}_settings"):
            _settings(tab, is_img2img)
        with gr.Column(elem_id=f"{name}_results"):
            _results(tab)
    scripts.scripts_current = None

    inputs = [*(tab.fields[job_field] for job_field in job_fields), tab.override_settings, *tab.runner.inputs]
    for trigger in (tab.generate.click, tab.fields["prompt"].submit):
        trigger(action, inputs=inputs, outputs=tab.outputs)
    tab.paste_fields += tab.runner.infotext_fields
    infotext_utils.add_paste_fields(name, tab.init_image, tab.paste_fields, tab.override_settings)
    infotext_utils.register_paste_params_button(
        infotext_utils.ParamBinding(tab.paste, name, source_text_component=tab.fields["prompt"])
    )
    return tab


def _top_row(tab: Tab) -> None:
    name = tab.name
    with gr.Row(elem_id=f"{name}_toprow"):
        with gr.Column(elem_id=f"{name}_prompt_container", scale=6):
            example = shared.cmd_opts.example if name == "txt2img" else ""
            prompt = gr.Textbox(example, label="Prompt", elem_id=f"{name}_prompt", show_label=False, lines=3,
                                placeholder="Prompt", elem_classes=["prompt"])  # fmt: skip
            negative = gr.Textbox(label="Negative prompt", elem_id=f"{name}_neg_prompt", show_label=False, lines=2,
                                  placeholder="Negative prompt", elem_classes=["prompt"])  # fmt: skip
        with gr.Column(elem_id=f"{name}_actions_column", scale=1):
            tab.generate = gr.Button("Generate", elem_id=f"{name}_generate", variant="primary")
            with gr.Row(elem_id=f"{name}_tools"):
                interrupt = gr.Button("Interrupt", elem_id=f"{name}_interrupt")
                skip = gr.Button("Skip", elem_id=f"{name}_skip")
                tab.paste = ToolButton("↙️", elem_id="paste", tooltip="Read parameters from the prompt")
    interrupt.click(shared.state.interrupt, queue=False)
    skip.click(shared.state.skip, queue=False)
    tab.add("prompt", prompt, "Prompt")
    tab.add("negative_prompt", negative, "Negative prompt")


def _settings(tab: Tab, is_img2img: bool) -> None:
    """Sections in the WebUI's order: the scripts' arguments are numbered in it."""
    if is_img2img:
        _image(tab)
    tab.runner.setup_ui_for_section("sampler")
    with gr.Row(elem_id=f"{tab.name}_accordions", elem_classes=["accordions"]):
        if not is_img2img:
            _hires(tab)
        tab.runner.setup_ui_for_section("accordions")
    tab.runner.setup_ui_for_section("checkboxes")
    with FormRow():
        for side, label in (("width", "Size-1"), ("height", "Size-2")):
            slider = gr.Slider(64, 2048, value=64, step=8, label=side.title(), elem_id=f"{tab.name}_{side}")
            tab.add(side, slider, label)
    tab.runner.setup_ui_for_section("dimensions")
    cfg = gr.Slider(1, 30, value=7.0, step=0.5, label="CFG Scale", elem_id=f"{tab.name}_cfg_scale")
    tab.add("cfg_scale", cfg, "CFG scale")
    tab.runner.setup_ui_for_section("cfg")
    if is_img2img:
        denoising = gr.Slider(0, 1, value=0.75, step=0.01, label="Denoising strength",
                              elem_id="img2img_denoising_strength")  # fmt: skip
        tab.add("denoising_strength", denoising, "Denoising strength")
    tab.runner.setup_ui_for_section("seed")
    with FormRow(elem_id=f"{tab.name}_column_batch"):
        count = gr.Slider(1, 100, value=1, step=1, label="Batch count", elem_id=f"{tab.name}_batch_count")
        size = gr.Slider(1, 8, value=1, step=1, label="Batch size", elem_id=f"{tab.name}_batch_size")
    tab.add("n_iter", count)
    tab.add("batch_size", size, "Batch size")
    tab.runner.setup_ui_for_section("batch")
    with FormRow(elem_id=f"{tab.name}_override_settings_row"):
        tab.override_settings = gr.Dropdown(
            [], label="Override settings", visible=False, multiselect=True, elem_id=f"{tab.name}_override_settings"
        )
    tab.runner.setup_ui_for_section("override_settings")
    with gr.Group(elem_id=f"{tab.name}_script_container"):
        tab.runner.setup_ui()


def _image(tab: Tab) -> None:
    tab.init_image = gr.Image(
        label="Image for img2img", elem_id="img2img_image", type="pil", **gradio_shims.image_upload()
    )
    resize = gr.Radio(["Just resize", "Crop and resize", "Resize and fill"], value="Just resize", type="index",
                      label="Resize mode", elem_id="resize_mode")  # fmt: skip
    tab.add("init_images", tab.init_image)
    tab.add("resize_mode", resize)


def _hires(tab: Tab) -> None:
    """The second pass of txt2img."""
    with InputAccordion(False, label="Hires. fix", elem_id="txt2img_hr") as enable:
        with FormRow(elem_id="txt2img_hires_fix_row1"):
            modes = list(shared.latent_upscale_modes)
            upscaler = gr.Dropdown(label="Upscaler", elem_id="txt2img_hr_upscaler", choices=modes, value=modes[0])
            steps = gr.Slider(0, 150, value=0, step=1, label="Hires steps", elem_id="txt2img_hires_steps")
            denoising = gr.Slider(0, 1, value=0.7, step=0.01, label="Denoising strength",
                                  elem_id="txt2img_denoising_strength")  # fmt: skip
        with FormRow(elem_id="txt2img_hires_fix_row2"):
            scale = gr.Slider(1, 4, value=2.0, step=0.05, label="Upscale by", elem_id="txt2img_hr_scale")
        with FormRow(elem_id="txt2img_hires_fix_row3"):
            samplers = [SAME_SAMPLER, *sd_samplers.visible_sampler_names()]
            schedules = [SAME_SCHEDULER, *(scheduler.label for scheduler in sd_schedulers.schedulers)]
            sampler = gr.Dropdown(samplers, value=SAME_SAMPLER, label="Hires sampling method", elem_id="hr_sampler")
            schedule = gr.Dropdown(
                schedules, value=SAME_SCHEDULER, label="Hires schedule type", elem_id="hr_scheduler"
            )
        with FormRow(elem_id="txt2img_hires_fix_row4"):
            prompt = gr.Textbox(label="Hires prompt", elem_id="hires_prompt", lines=2)
            negative = gr.Textbox(label="Hires negative prompt", elem_id="hires_neg_prompt", lines=2)
    tab.add("denoising_strength", denoising, "Denoising strength")
    tab.add("enable_hr", enable, _was_hires)
    tab.add("hr_scale", scale, "Hires upscale")
    tab.add("hr_upscaler", upscaler, "Hires upscaler")
    tab.add("hr_second_pass_steps", steps, "Hires steps")
    tab.add("hr_sampler_name", sampler, sd_samplers.get_hr_sampler_from_infotext)
    tab.add("hr_scheduler", schedule, sd_samplers.get_hr_scheduler_from_infotext)
    tab.add("hr_prompt", prompt, "Hires prompt")
    tab.add("hr_negative_prompt", negative, "Hires negative prompt")


def _was_hires(params: dict[str, Any]) -> bool:
    return "Denoising strength" in params and ("Hires upscale" in params or "Hires upscaler" in params)


def _results(tab: Tab) -> None:
    name = tab.name
    as_png: dict[str, Any] = {"format": "png"} if gradio_shims.IS_GRADIO_4 else {}
    with gr.Group(elem_id=f"{name}_gallery_container"):
        gallery = gr.Gallery(label="Output", show_label=False, elem_id=f"{name}_gallery", columns=4, **as_png)
    with gr.Group():
        infotext = gr.HTML(elem_id=f"html_info_{name}", elem_classes=["infotext"])
        log = gr.HTML(elem_id=f"html_log_{name}", elem_classes=["html-log"])
        generation_info = gr.Textbox(visible=False, elem_id=f"generation_info_{name}")
    tab.outputs = [gallery, generation_info, infotext, log]
