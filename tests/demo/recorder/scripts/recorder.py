"""A test extension: writes down which hooks the host calls, in order, and misbehaves on request."""

from __future__ import annotations

import sys
from typing import Any

from modules import script_callbacks, scripts

HOOKS = (
    "setup",
    "before_process",
    "process",
    "before_process_batch",
    "after_extra_networks_activate",
    "process_batch",
    "before_hr",
    "process_before_every_sampling",
    "post_sample",
    "postprocess_batch",
    "postprocess_batch_list",
    "postprocess_image",
    "postprocess_maskoverlay",
    "postprocess_image_after_composite",
    "postprocess",
)
CALLS: list[str] = []
BASEDIR = scripts.basedir()
ON_PATH_WHILE_LOADING = BASEDIR in sys.path
UI_CALLS: list[bool] = []


class Recorder(scripts.Script):
    def title(self) -> str:
        return "Recorder"

    def show(self, is_img2img: bool) -> object:
        return scripts.AlwaysVisible

    def ui(self, is_img2img: bool) -> list[Any]:
        import gradio as gr

        UI_CALLS.append(is_img2img)
        return [gr.Textbox(label="Fail in", value="", elem_id=self.elem_id("fail"))]


def _recording(hook: str) -> Any:
    def call(self: Recorder, p: Any, *args: Any, **kwargs: Any) -> None:
        if hook == "setup":
            CALLS.clear()
        CALLS.append(hook)
        if hook in args:
            raise RuntimeError(f"asked to fail in {hook}")

    return call


for _hook in HOOKS:
    setattr(Recorder, _hook, _recording(_hook))


def on_cfg_denoiser(params: Any) -> None:
    cond = params.denoiser.sampler.sampler_extra_args["cond"]
    assert [[part.weight for part in parts] for parts in cond.batch] == [[1.0]] * len(cond.batch)
    CALLS.append("cfg_denoiser")


def on_app_started(demo: Any, app: Any) -> None:
    @app.get("/recorder")
    def recorded() -> dict[str, Any]:
        return {
            "calls": CALLS,
            "has_page": demo is not None,
            "basedir": BASEDIR,
            "on_path_while_loading": ON_PATH_WHILE_LOADING,
            "on_path_now": BASEDIR in sys.path,
            "module": Recorder.__module__,
            "ui_calls": UI_CALLS,
            "loaded_at": id(CALLS),
        }


script_callbacks.on_cfg_denoiser(on_cfg_denoiser)
script_callbacks.on_app_started(on_app_started)
