"""The switch Live. The page's script, javascript/live.js, asks for pictures while it is on; here is what it takes from gradio."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from ..words.say import SENTENCES, in_language, say

_FIELDS = {
    "prompt": "prompt", "neg_prompt": "negative_prompt", "styles": "styles", "steps": "steps", "sampling": "sampler_name",
    "scheduler": "scheduler", "cfg_scale": "cfg_scale", "distilled_cfg_scale": "distilled_cfg_scale", "width": "width", "height": "height",
    "seed": "seed",
}  # fmt: skip
_IMG2IMG_FIELDS = {
    "denoising_strength": "denoising_strength", "image_cfg_scale": "image_cfg_scale", "resize_mode": "resize_mode",
    "mask_blur": "mask_blur", "mask_mode": "inpainting_mask_invert", "inpainting_fill": "inpainting_fill",
    "inpaint_full_res": "inpaint_full_res", "inpaint_full_res_padding": "inpaint_full_res_padding",
}  # fmt: skip
_CANVASES = {"image": "image", "sketch": "sketch", "img2maskimg": "inpaint", "inpaint_sketch": "inpaint_sketch"}
_CANVAS_FIELDS = {
    **{name: f"canvas.{kind}.picture" for name, kind in _CANVASES.items()},
    **{f"{name}_background": f"canvas.{kind}.picture" for name, kind in _CANVASES.items()},
    **{f"{name}_foreground": f"canvas.{kind}.painting" for name, kind in _CANVASES.items()},
    "img_inpaint_base": "canvas.upload.picture", "img_inpaint_mask": "canvas.upload.mask", "scale": "canvas.scale",
    "mask_alpha": "canvas.mask_transparency",
}  # fmt: skip
_OF_TAB = {"txt2img": _FIELDS, "img2img": {**_FIELDS, **_IMG2IMG_FIELDS, **_CANVAS_FIELDS}}
"""Endings of the host controls' elem_ids, and the fields of its API, or of our `canvas`, that they are."""
LIVE_CONTROLS = _OF_TAB["img2img"]
LIVE_BARE_CONTROLS = ("resize_mode", "img2maskimg", "inpaint_sketch", "img_inpaint_base", "img_inpaint_mask")
"""Those that the hosts name without the tab."""
_JS = "_js" if gr.__version__.startswith("3.") else "js"
_SPOKEN = "live.page."


class LiveSwitch:
    """`build` makes the switch inside the accordion; `wire` tells the page's script what it reads when something changes."""

    def __init__(self, tab: str, language: str):
        self._tab, self._language = tab, language

    def build(self) -> None:
        self._look = gr.Button("Look for changes", visible=False, elem_id=self._id("live_look"))  # first: it would part the switches
        # out of sight until the page's script has found it, because without that it does nothing
        label, info = (in_language(each, self._language) for each in (say("live.label"), say(f"live.label.{self._tab}")))
        switch: Any = gr.Checkbox(False, label=label, info=info, elem_classes=["fewstep-live-switch"], elem_id=self._id("live"))
        draft, softer = (in_language(say(key), self._language) for key in ("draft.label", "draft.label.info"))
        self.draft: Any = gr.Checkbox(False, label=draft, info=softer, interactive=True, elem_id=self._id("draft"))
        switch.do_not_save_to_config = self.draft.do_not_save_to_config = True

    def wire(self, inputs: Sequence[Any], host: Mapping[str, Any]) -> None:
        """`inputs` are our script's arguments, `host` the host's controls by their names in `LIVE_CONTROLS`."""
        fields = _OF_TAB[self._tab]
        names = [name for name in fields if name in host and not isinstance(host[name], gr.HTML)]
        told = {
            "fields": [fields[name] for name in names], "words": self._words(),
            "choices": {fields[name]: _values(host[name]) for name in names if getattr(host[name], "type", "") == "index"},
        }  # fmt: skip
        look = f"(...values) => {{ fewstepLive.look({json.dumps(self._tab)}, {json.dumps(told)}, values); return []; }}"
        in_page: dict[str, Any] = {_JS: look}
        self._look.click(None, inputs=[*(host[name] for name in names), *inputs], **in_page)
        tell: dict[str, Any] = {_JS: f"() => {{ fewstepLive.changed({json.dumps(self._tab)}); return []; }}"}
        for control in (*(host[name] for name in names), *inputs):
            for event in _events(control):
                event(None, **tell)

    def _words(self) -> dict[str, str]:
        """Templates: the script fills in the numbers."""
        return {key.removeprefix(_SPOKEN): text for key, text in SENTENCES[self._language].items() if key.startswith(_SPOKEN)}

    def _id(self, name: str) -> str:
        return f"fewstep_{self._tab}_{name}"


def _values(choice: Any) -> list[Any]:
    return [each[-1] if isinstance(each, (list, tuple)) else each for each in choice.choices]


def _events(control: Any) -> list[Any]:
    """What tells that a value is another. A picture of gradio 3 says "change" again whenever anything on the page does."""
    names = ("edit",) if isinstance(control, gr.Image) else ("change",)
    return [getattr(control, name) for name in names if hasattr(control, name)]
