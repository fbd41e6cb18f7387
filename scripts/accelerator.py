"""Few-Step Accelerator: the file that the WebUI executes. Wiring only."""
from __future__ import annotations

from typing import Any

from modules import script_callbacks, scripts
from modules.ui_components import InputAccordion

from lib_fewstep.downloads.jobs import Downloads
from lib_fewstep.host import downloads, generation, infotext, live, reload, routes, samplers, settings, xyz
from lib_fewstep.host.cfg import steer_cfg
from lib_fewstep.host.facts import USER_TABLE, HostFacts
from lib_fewstep.host.state import TITLE
from lib_fewstep.ui.accordion import BARE_CONTROLS, READ_CONTROLS, Accordion, Widgets
from lib_fewstep.ui.names import Names

facts, drawing = HostFacts(), live.LiveRunner()
fetching = Downloads(downloads.lora_folder, downloads.forbidden, lambda: facts.refresh(wait=True))


class Accelerator(scripts.Script):
    """The accordion in txt2img and img2img, and what it does to a generation."""

    def __init__(self) -> None:
        self.host_controls: dict[str, Any] = {}

    def title(self) -> str:
        return TITLE

    def show(self, is_img2img: bool) -> object:
        self.tab = "img2img" if is_img2img else "txt2img"
        self.names = Names(self.tab, BARE_CONTROLS)
        return scripts.AlwaysVisible

    def ui(self, is_img2img: bool) -> list[Any]:
        self.accordion = Accordion(self.tab, facts, Widgets(InputAccordion), fetching)
        controls = self.accordion.build()
        self.infotext_fields = self.accordion.paste_fields(lambda params: infotext.read(params, facts.tables, facts.installed))
        self.paste_field_names = [name for _, name in self.infotext_fields]
        return controls

    def after_component(self, component: Any, **kwargs: Any) -> None:
        name = self.names.of(component, str(kwargs.get("elem_id") or kwargs.get("label")))
        if name in READ_CONTROLS:
            self.host_controls[name] = component
        elif name == "gallery":  # made after all controls, however the user has ordered the page
            self.accordion.wire(self.host_controls)

    def process(self, p: Any, *args: Any) -> None:
        generation.begin(p, args, facts)

    def before_process_batch(self, p: Any, *args: Any, batch_number: int = 0, **kwargs: Any) -> None:
        generation.begin_batch(p, args, facts, batch_number)

    process_batch: Any = staticmethod(generation.steer_batch)
    process_before_every_sampling: Any = staticmethod(generation.steer_pass)

    def postprocess(self, p: Any, processed: Any, *args: Any) -> None:
        generation.end(p, facts)


def on_before_ui() -> None:
    # here and not below: while the WebUI loads scripts, it takes 14 to 85 ms to find out who registers a callback
    script_callbacks.on_script_unloaded(on_script_unloaded)
    script_callbacks.on_app_started(lambda demo, app: routes.register(app, facts, lambda: fetching.progress, drawing))
    script_callbacks.on_infotext_pasted(lambda text, params: infotext.take_out(params, facts.tables, facts.installed))
    script_callbacks.on_cfg_denoiser(steer_cfg)
    settings.register(USER_TABLE, facts.tables.problems, facts.tables.profiles)
    xyz.register(facts, lambda p, method: generation.cost(p, method, facts))


def on_script_unloaded() -> None:
    samplers.unregister()
    fetching.cancel()
    drawing.end()
    reload.forget_library()


samplers.register()
script_callbacks.on_before_ui(on_before_ui)
