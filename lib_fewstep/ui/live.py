"""The switch Live. The page's script, javascript/live.js, asks for pictures while it is on; here is what it takes from gradio."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from ..words.say import SENTENCES, in_language, say

LIVE_CONTROLS = {
    "prompt": "prompt", "neg_prompt": "negative_prompt", "styles": "styles", "steps": "steps", "sampling": "sampler_name",
    "scheduler": "scheduler", "cfg_scale": "cfg_scale", "distilled_cfg_scale": "distilled_cfg_scale", "width": "width", "height": "height",
    "seed": "seed",
}  # fmt: skip
"""Endings of the host controls' elem_ids, and the fields of its API that they are."""
_TABS = ("txt2img",)
"""Those whose pictures Live can make: what img2img begins from has no value that all hosts' pages hand out."""
_JS = "_js" if gr.__version__.startswith("3.") else "js"
_SPOKEN = "live.page."


class LiveSwitch:
    """`build` makes the switch inside the accordion; `wire` tells the page's script what it reads whenever it looks for changes."""

    def __init__(self, tab: str, language: str):
        self._tab, self._language = tab, language

    def build(self) -> None:
        if self._tab in _TABS:
            # out of sight until the page's script has found it, because without that it does nothing
            label, info = (in_language(each, self._language) for each in (say("live.label"), say("live.label.info")))
            switch: Any = gr.Checkbox(False, label=label, info=info, elem_classes=["fewstep-live-switch"], elem_id=self._id("live"))
            self._look = gr.Button("Look for changes", visible=False, elem_id=self._id("live_look"))
            switch.do_not_save_to_config = True

    def wire(self, inputs: Sequence[Any], host: Mapping[str, Any]) -> None:
        """`inputs` are our script's arguments, `host` the host's controls by their names in `LIVE_CONTROLS`."""
        if self._tab in _TABS:
            names = [name for name in LIVE_CONTROLS if name in host]
            told = {"fields": [LIVE_CONTROLS[name] for name in names], "words": self._words()}
            look = f"(...values) => {{ fewstepLive.look({json.dumps(self._tab)}, {json.dumps(told)}, values); return []; }}"
            in_page: dict[str, Any] = {_JS: look}
            self._look.click(None, inputs=[*(host[name] for name in names), *inputs], **in_page)

    def _words(self) -> dict[str, str]:
        """Templates: the script fills in the numbers."""
        return {key.removeprefix(_SPOKEN): text for key, text in SENTENCES[self._language].items() if key.startswith(_SPOKEN)}

    def _id(self, name: str) -> str:
        return f"fewstep_{self._tab}_{name}"
