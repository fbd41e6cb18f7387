"""The host without a server: jobs as function calls, with the scripts' arguments by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from demo.host import boot


class Session:
    """An open host. A process can have one."""

    def __init__(self, models: Path, data: Path, extensions: Sequence[Path]) -> None:
        boot.open_host(models, data, extensions)
        from modules import script_callbacks, scripts, ui
        from modules.api import script_args

        script_callbacks.before_ui_callback()
        self.page = ui.create_ui()
        self.runners = {"txt2img": scripts.scripts_txt2img, "img2img": scripts.scripts_img2img}
        self.defaults = {tab: script_args.defaults(runner) for tab, runner in self.runners.items()}

    def txt2img(self, alwayson: Mapping[str, Sequence[Any]] | None = None, **fields: Any) -> Any:
        """Make pictures -> `Processed`. `alwayson` is {script's title: its arguments}, `fields` are the job's."""
        from modules.processing import StableDiffusionProcessingTxt2Img

        return self._run(StableDiffusionProcessingTxt2Img(**fields), "txt2img", alwayson)

    def img2img(self, alwayson: Mapping[str, Sequence[Any]] | None = None, **fields: Any) -> Any:
        """Change pictures -> `Processed`."""
        from modules.processing import StableDiffusionProcessingImg2Img

        return self._run(StableDiffusionProcessingImg2Img(**fields), "img2img", alwayson)

    def _run(self, job: Any, tab: str, alwayson: Mapping[str, Sequence[Any]] | None) -> Any:
        from modules import processing, shared
        from modules.api import script_args

        args = list(self.defaults[tab])
        wanted = {title: {"args": list(values)} for title, values in (alwayson or {}).items()}
        script_args.fill_alwayson(self.runners[tab], args, wanted)
        shared.state.begin(job=tab)
        try:
            with closing(job) as p:
                p.is_api = p.do_not_save_samples = p.do_not_save_grid = True
                p.scripts = self.runners[tab]
                p.script_args = tuple(args)
                return processing.process_images(p)
        finally:
            shared.state.end()
