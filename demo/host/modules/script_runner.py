"""Runs the scripts of one tab: builds their part of the page and calls their hooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from modules import errors, scripts
from modules.scripts import AlwaysVisible, Script


class ScriptRunner:
    """The scripts of txt2img, or of img2img. `inputs` are all scripts' components in argument order."""

    def __init__(self) -> None:
        self.scripts: list[Script] = []
        self.selectable_scripts: list[Script] = []
        self.alwayson_scripts: list[Script] = []
        self.titles: list[str] = []
        self.title_map: dict[str, Script] = {}
        self.infotext_fields: list[Any] = []
        self.paste_field_names: list[str] = []
        self.inputs: list[Any] = [None]

    # --- building the page

    def initialize_scripts(self, is_img2img: bool) -> None:
        """Make one object per script class that wants to be on this tab."""
        self.scripts.clear()
        self.alwayson_scripts.clear()
        self.selectable_scripts.clear()
        for data in scripts.scripts_data:
            try:
                script = data.script_class()
            except Exception:
                errors.report(f"Error: failed to initialize Script {data.module}", exc_info=True)
                continue
            script.filename = data.path
            script.is_txt2img, script.is_img2img = not is_img2img, is_img2img
            script.tabname = "img2img" if is_img2img else "txt2img"
            visibility = script.show(is_img2img)
            if visibility is AlwaysVisible:
                script.alwayson = True
                self.alwayson_scripts.append(script)
            elif visibility:
                self.selectable_scripts.append(script)
            else:
                continue
            self.scripts.append(script)

    def prepare_ui(self) -> None:
        """Start counting arguments: position 0 is the choice of a selectable script."""
        self.inputs = [None]

    def setup_ui_for_section(self, section: str | None, scriptlist: list[Script] | None = None) -> None:
        """Build the scripts that belong into a section of the page (None: the common place)."""
        for script in self.alwayson_scripts if scriptlist is None else scriptlist:
            if script.alwayson and script.section != section:
                continue
            if script.create_group:
                with gr.Group(visible=script.alwayson) as script.group:
                    self.create_script_ui(script)
            else:
                self.create_script_ui(script)

    def setup_ui(self) -> list[Any]:
        """Build the common place: always-on scripts, the list of selectable ones, and those."""
        self.title_map = {self._title(script).lower(): script for script in self.scripts}
        self.titles = [self._title(script) for script in self.selectable_scripts]
        self.setup_ui_for_section(None)
        dropdown = gr.Dropdown(
            label="Script", elem_id="script_list", choices=["None", *self.titles], value="None", type="index"
        )
        self.inputs[0] = dropdown
        self.setup_ui_for_section(None, self.selectable_scripts)

        def show_chosen(index: int | None) -> Any:
            updates = [gr.update(visible=index == i + 1) for i in range(len(self.selectable_scripts))]
            return updates if len(updates) != 1 else updates[0]  # gradio takes a list for the value of a single output

        groups = [script.group for script in self.selectable_scripts]
        dropdown.change(show_chosen, inputs=[dropdown], outputs=groups)
        self.infotext_fields.append((dropdown, lambda params: gr.update(value=params.get("Script", "None"))))
        return self.inputs

    def create_script_ui(self, script: Script) -> None:
        """Build one script's components and give it its range of arguments."""
        script.args_from = script.args_to = len(self.inputs)
        try:
            self._create_script_ui(script)
        except Exception:
            errors.report(f"Error creating UI for {script.filename}", exc_info=True)

    def _create_script_ui(self, script: Script) -> None:
        from modules.api import models

        script.controls = script.ui(script.is_img2img)
        if script.controls is None:
            return
        script.name = self._title(script).lower()
        script.api_info = models.ScriptInfo(
            name=script.name,
            is_img2img=script.is_img2img,
            is_alwayson=script.alwayson,
            args=[models.describe_component(control) for control in script.controls],
        )
        self.infotext_fields += script.infotext_fields or []
        self.paste_field_names += script.paste_field_names or []
        self.inputs += script.controls
        script.args_to = len(self.inputs)

    def script(self, title: str) -> Script | None:
        """The script of that title, in any case."""
        return self.title_map.get(title.lower())

    def _title(self, script: Script) -> str:
        try:
            return script.title()
        except Exception:
            errors.report(f"Error calling: {script.filename}/title", exc_info=True)
            return Path(script.filename).name

    def before_component(self, component: Any, **kwargs: Any) -> None:
        """A component with these constructor arguments is about to be made."""
        self._component_hooks("before_component", component, kwargs)

    def after_component(self, component: Any, **kwargs: Any) -> None:
        """The component was made."""
        self._component_hooks("after_component", component, kwargs)

    def _component_hooks(self, hook: str, component: Any, kwargs: dict[str, Any]) -> None:
        for script in self._implementing(hook, self.scripts):
            try:
                getattr(script, hook)(component, **kwargs)
            except Exception:
                errors.report(f"Error running {hook}: {script.filename}", exc_info=True)

    # --- running a job

    def run(self, p: Any, *args: Any) -> Any:
        """Let the selectable script that args[0] names do the job -> its result, or None where none is chosen."""
        if not args[0]:
            return None
        script = self.selectable_scripts[args[0] - 1]
        return script.run(p, *args[script.args_from : script.args_to])

    def setup_scrips(self, p: Any, *, is_ui: bool = True) -> None:
        """Call `setup` (the WebUI's spelling)."""
        for script in self._implementing("setup", self.alwayson_scripts):
            if is_ui or not script.setup_for_ui_only:
                self._call_one(script, "setup", p)

    def before_process(self, p: Any) -> None:
        self._call("before_process", p)

    def process(self, p: Any) -> None:
        self._call("process", p)

    def before_process_batch(self, p: Any, **kwargs: Any) -> None:
        self._call("before_process_batch", p, **kwargs)

    def after_extra_networks_activate(self, p: Any, **kwargs: Any) -> None:
        self._call("after_extra_networks_activate", p, **kwargs)

    def process_batch(self, p: Any, **kwargs: Any) -> None:
        self._call("process_batch", p, **kwargs)

    def process_before_every_sampling(self, p: Any, **kwargs: Any) -> None:
        self._call("process_before_every_sampling", p, **kwargs)

    def before_hr(self, p: Any) -> None:
        self._call("before_hr", p)

    def on_mask_blend(self, p: Any, mba: scripts.MaskBlendArgs) -> None:
        self._call("on_mask_blend", p, mba)

    def post_sample(self, p: Any, ps: scripts.PostSampleArgs) -> None:
        self._call("post_sample", p, ps)

    def postprocess_batch(self, p: Any, images: Any, **kwargs: Any) -> None:
        self._call("postprocess_batch", p, images=images, **kwargs)

    def postprocess_batch_list(self, p: Any, pp: scripts.PostprocessBatchListArgs, **kwargs: Any) -> None:
        self._call("postprocess_batch_list", p, pp, **kwargs)

    def postprocess_image(self, p: Any, pp: scripts.PostprocessImageArgs) -> None:
        self._call("postprocess_image", p, pp)

    def postprocess_maskoverlay(self, p: Any, ppmo: scripts.PostProcessMaskOverlayArgs) -> None:
        self._call("postprocess_maskoverlay", p, ppmo)

    def postprocess_image_after_composite(self, p: Any, pp: scripts.PostprocessImageArgs) -> None:
        self._call("postprocess_image_after_composite", p, pp)

    def postprocess(self, p: Any, processed: Any) -> None:
        self._call("postprocess", p, processed)

    def _call(self, hook: str, p: Any, *own: Any, **kwargs: Any) -> None:
        """Call a hook of all always-on scripts, in loading order."""
        for script in self._implementing(hook, self.alwayson_scripts):
            self._call_one(script, hook, p, *own, **kwargs)

    def _call_one(self, script: Script, hook: str, p: Any, *own: Any, **kwargs: Any) -> None:
        """Call one hook with the script's slice of arguments; an exception is reported and the job goes on."""
        try:
            getattr(script, hook)(p, *own, *p.script_args[script.args_from : script.args_to], **kwargs)
        except Exception:
            errors.report(f"Error running {hook}: {script.filename}", exc_info=True)

    @staticmethod
    def _implementing(hook: str, candidates: list[Script]) -> list[Script]:
        return [script for script in candidates if getattr(type(script), hook) is not getattr(Script, hook)]
