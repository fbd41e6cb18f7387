"""The page: generation tabs, PNG Info, extensions' tabs, and the footer."""

from __future__ import annotations

from typing import Any

import gradio as gr
from modules import (
    gradio_shims,
    images,
    img2img,
    infotext_utils,
    shared,
    txt2img,
    ui_tab,
)
from modules.ui_generate import as_html

RELOAD_BUTTON = "settings_restart_gradio"
FOOTER = f"""<div class="footer">
<a href="/docs">API</a> •
<a href="#" onclick="gradioApp().getElementById('{RELOAD_BUTTON}').click(); return false">Reload UI</a> •
Embedded host, {shared.PROGRAM_VERSION} • gradio {gr.__version__}
</div>"""

txt2img_paste_fields: list[Any] = []
img2img_paste_fields: list[Any] = []


def plaintext_to_html(text: str, classname: str = "") -> str:
    """Plain text as HTML."""
    return as_html(text, classname)


def create_ui() -> gr.Blocks:
    """Build the page: every script's `ui` is called once per tab."""
    gradio_shims.install()
    infotext_utils.reset()
    with gr.Blocks(title="Embedded host", analytics_enabled=False) as page:
        with gr.Tabs(elem_id="tabs"):
            with gr.TabItem("txt2img", id="txt2img", elem_id="tab_txt2img"):
                tab = ui_tab.build("txt2img", txt2img.txt2img, txt2img.JOB_FIELDS)
                txt2img_paste_fields[:] = tab.paste_fields
            with gr.TabItem("img2img", id="img2img", elem_id="tab_img2img"):
                tab = ui_tab.build("img2img", img2img.img2img, img2img.JOB_FIELDS)
                img2img_paste_fields[:] = tab.paste_fields
            with gr.TabItem("PNG Info", id="pnginfo", elem_id="tab_pnginfo"):
                _png_info()
        gr.HTML(FOOTER, elem_id="footer")
        restart = gr.Button("Reload UI", elem_id=RELOAD_BUTTON, elem_classes=["hidden"])
        restart.click(shared.state.request_restart, None, None, **gradio_shims.js("() => reloadWhenBack()"))
        infotext_utils.connect_paste_params_buttons()
    return page


def _png_info() -> None:
    with gr.Row(equal_height=False):
        image = gr.Image(elem_id="pnginfo_image", label="Source", type="pil", **gradio_shims.image_upload())
        with gr.Column():
            shown = gr.HTML(elem_id="pnginfo_html")
            infotext = gr.Textbox(visible=False, elem_id="pnginfo_generation_info")
            buttons = {tab: gr.Button(f"Send to {tab}", elem_id=f"{tab}_tab") for tab in ("txt2img", "img2img")}
    for tab, button in buttons.items():
        binding = infotext_utils.ParamBinding(button, tab, infotext, image)
        infotext_utils.register_paste_params_button(binding)

    def read(picture: Any) -> tuple[str, str]:
        info = None if picture is None else images.read_info_from_image(picture)[0]
        return info or "", plaintext_to_html(info or "No parameters in this picture.")

    image.change(read, [image], [infotext, shown])
