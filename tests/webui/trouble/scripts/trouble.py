"""Trouble: an extension that fails where a request tells it to, as other people's do, and as a machine without memory does.

Its one argument is JSON, `{"alwayson_scripts": {"Trouble": {"args": ["{\\"raise_in\\": \\"process\\"}"]}}}`:

    raise_in   a hook that raises
    slow       seconds that each evaluation of the UNet takes longer
    break_at   the evaluation of the UNet, counted from 1, that raises what PyTorch raises when memory runs out
    nan_in     "unet" or "vae": what gives back no numbers, once
    negatives  the negative prompts of the pictures, one each, as scripts for wildcards make them
    regions    true: takes text_cond, text_uncond and the latents apart, region by region, as extensions for regional prompts do, in a
               callback that it registers while the picture is made. What it saw goes into the infotext as "Regions": latents, rows with
               the prompt, rows without, of the evaluation that had the fewest
"""
from __future__ import annotations

import json
import time
from typing import Any

import gradio as gr
import torch
from modules import script_callbacks, scripts


class Trouble(scripts.Script):
    def __init__(self) -> None:
        self.handles: list[Any] = []
        self.regions: Any = None
        self.registered = False

    def title(self) -> str:
        return "Trouble"

    def show(self, is_img2img: bool) -> object:
        return scripts.AlwaysVisible

    def ui(self, is_img2img: bool) -> list[Any]:
        return [gr.Textbox(value="", visible=False, label="Trouble")]

    def before_process(self, p: Any, told: str) -> None:
        self._raise_in("before_process", told)

    def process(self, p: Any, told: str) -> None:
        self._raise_in("process", told)
        self._leave()
        wanted = _read(told)
        if wanted.get("negatives"):
            p.all_negative_prompts = wanted["negatives"]
        if wanted.get("slow") or wanted.get("break_at"):
            self._watch(_unet_of(p.sd_model), wanted.get("slow", 0), wanted.get("break_at"))
        self.regions = p if wanted.get("regions") else None
        if self.regions and not self.registered:
            self.registered = True
            script_callbacks.on_cfg_denoiser(self._take_apart)
        if wanted.get("nan_in"):
            self._spoil(_unet_of(p.sd_model) if wanted["nan_in"] == "unet" else _decoder_of(p.sd_model))

    def before_process_batch(self, p: Any, told: str, **kwargs: Any) -> None:
        self._raise_in("before_process_batch", told)

    def process_batch(self, p: Any, told: str, **kwargs: Any) -> None:
        self._raise_in("process_batch", told)

    def postprocess_batch(self, p: Any, told: str, **kwargs: Any) -> None:
        self._raise_in("postprocess_batch", told)

    def postprocess(self, p: Any, processed: Any, told: str) -> None:
        self._leave()
        self._raise_in("postprocess", told)

    def _take_apart(self, params: Any) -> None:
        p = self.regions
        if p is None or params.text_uncond is None:
            return
        prompts, negatives = _rows(params.text_cond), _rows(params.text_uncond)
        seen = f"{len(params.x)} {len(prompts)} {len(negatives)}"
        p.extra_generation_params["Regions"] = min(seen, p.extra_generation_params.get("Regions", seen))
        per_image = len(params.x) // len(p.prompts) - 1  # the rest are the negative prompt's
        assert per_image * len(p.prompts) == len(prompts), f"{seen}: not a region of every image"
        ordered = params.x.clone()
        for region in range(per_image):
            for image in range(len(p.prompts)):
                params.x[image + region * len(p.prompts)] = ordered[region + image * per_image]

    def _raise_in(self, hook: str, told: str) -> None:
        if _read(told).get("raise_in") == hook:
            raise RuntimeError(f"trouble in {hook}, as told")

    def _watch(self, unet: torch.nn.Module, slow: float, break_at: int | None) -> None:
        calls = 0

        def on_call(module: Any, args: Any) -> None:
            nonlocal calls
            calls += 1
            time.sleep(slow)
            if calls == break_at:
                self._leave()
                raise torch.cuda.OutOfMemoryError("out of memory, as told")

        self.handles.append(unet.register_forward_pre_hook(on_call))

    def _spoil(self, module: torch.nn.Module) -> None:
        def on_result(module: Any, args: Any, result: torch.Tensor) -> torch.Tensor:
            self._leave()
            return result * float("nan")

        self.handles.append(module.register_forward_hook(on_result))

    def _leave(self) -> None:
        while self.handles:
            self.handles.pop().remove()


def _read(told: str) -> dict[str, Any]:
    return json.loads(told) if told else {}


def _rows(cond: Any) -> Any:
    return next(iter(cond.values())) if isinstance(cond, dict) else cond


def _unet_of(model: Any) -> Any:
    forge = getattr(model, "forge_objects", None)
    return model.model.diffusion_model if forge is None else forge.unet.model.diffusion_model


def _decoder_of(model: Any) -> Any:
    forge = getattr(model, "forge_objects", None)
    return (model if forge is None else forge.vae).first_stage_model.decoder
