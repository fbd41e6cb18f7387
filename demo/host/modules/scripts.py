"""The `Script` interface of extensions, and loading the files that implement it."""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from modules import errors, extensions, paths, script_callbacks, script_loading
from torch import Tensor

if TYPE_CHECKING:
    from modules.script_runner import ScriptRunner

AlwaysVisible = object()
"""What `Script.show` answers for a script that takes part in every generation."""


@dataclass
class PostSampleArgs:
    """Latents [n, 4, h, w] before decoding."""

    samples: Tensor


@dataclass
class PostprocessImageArgs:
    """One finished picture."""

    image: Any


@dataclass
class PostprocessBatchListArgs:
    """A batch's pictures, tensors [3, h, w] in 0..1; entries may be added or removed."""

    images: list[Tensor]


@dataclass
class PostProcessMaskOverlayArgs:
    """What is pasted over picture `index` of a batch."""

    index: int
    mask_for_overlay: Any
    overlay_image: Any


class MaskBlendArgs:
    """Inpainting's blend of new and original latents; without `denoiser` it is the last one."""

    def __init__(self, current_latent: Tensor, nmask: Tensor, init_latent: Tensor, mask: Tensor,
                 blended_latent: Tensor, denoiser: Any = None, sigma: Tensor | None = None) -> None:  # fmt: skip
        self.current_latent, self.init_latent, self.blended_latent = current_latent, init_latent, blended_latent
        self.nmask, self.mask = nmask, mask
        self.denoiser, self.sigma, self.is_final_blend = denoiser, sigma, denoiser is None


class Script:
    """Base class of scripts. Hooks receive the job `p` and the values of the components that `ui` returned."""

    name: str | None = None
    section: str | None = None
    filename: str = ""
    args_from: int | None = None
    args_to: int | None = None
    alwayson = False
    is_txt2img = False
    is_img2img = False
    tabname: str | None = None
    group: Any = None
    create_group = True
    infotext_fields: list[Any] | None = None
    paste_field_names: list[str] | None = None
    api_info: Any = None
    setup_for_ui_only = False
    controls: Any = None

    def title(self) -> str:
        """The script's name on the page; in lower case, its name in the API."""
        raise NotImplementedError

    def ui(self, is_img2img: bool) -> Any:
        """Create the components; return those whose values the hooks want. Called several times."""

    def show(self, is_img2img: bool) -> Any:
        """False: not on this tab. True: in the list of scripts. AlwaysVisible: in every generation."""
        return True

    def run(self, p: Any, *args: Any) -> Any:
        """Do the whole job in the host's place and return its `Processed` (only for scripts chosen from the list)."""

    def setup(self, p: Any, *args: Any) -> None:
        """The job was created; nothing has been decided."""

    def before_process(self, p: Any, *args: Any) -> None:
        """Before everything, `override_settings` included."""

    def process(self, p: Any, *args: Any) -> None:
        """Prompts and seeds of all images are set."""

    def before_process_batch(self, p: Any, *args: Any, **kwargs: Any) -> None:
        """A batch begins; its prompts still contain their <lora:...> tags."""

    def after_extra_networks_activate(self, p: Any, *args: Any, **kwargs: Any) -> None:
        """The LoRAs of this pass are in force."""

    def process_before_every_sampling(self, p: Any, *args: Any, **kwargs: Any) -> None:
        """The next thing is sampling; once per pass."""

    def process_batch(self, p: Any, *args: Any, **kwargs: Any) -> None:
        """A batch's LoRAs are in force; its prompts are encoded next."""

    def before_hr(self, p: Any, *args: Any) -> None:
        """The second pass of "hires fix" begins."""

    def on_mask_blend(self, p: Any, mba: MaskBlendArgs, *args: Any) -> None:
        """Inpainting blends."""

    def post_sample(self, p: Any, ps: PostSampleArgs, *args: Any) -> None:
        """A batch's latents are there."""

    def postprocess_batch(self, p: Any, *args: Any, **kwargs: Any) -> None:
        """A batch's pictures are there: images=float [n, 3, h, w] in 0..1."""

    def postprocess_batch_list(self, p: Any, pp: PostprocessBatchListArgs, *args: Any, **kwargs: Any) -> None:
        """The same as a list that may grow or shrink."""

    def postprocess_image(self, p: Any, pp: PostprocessImageArgs, *args: Any) -> None:
        """One picture is there."""

    def postprocess_maskoverlay(self, p: Any, ppmo: PostProcessMaskOverlayArgs, *args: Any) -> None:
        """One picture's overlay is about to be pasted."""

    def postprocess_image_after_composite(self, p: Any, pp: PostprocessImageArgs, *args: Any) -> None:
        """One picture is complete."""

    def postprocess(self, p: Any, processed: Any, *args: Any) -> None:
        """The job is done."""

    def before_component(self, component: Any, **kwargs: Any) -> None:
        """A component of the page is about to be created."""

    def after_component(self, component: Any, **kwargs: Any) -> None:
        """A component of the page was created."""

    def elem_id(self, item_id: str) -> str:
        """An element id that is unique on the page: script_<tab>_<title>_<item>."""
        title = re.sub(r"[^a-z_0-9]", "", re.sub(r"\s", "_", self.title().lower()))
        return f"script_{self._tab_prefix()}{title}_{item_id}"

    def _tab_prefix(self) -> str:
        on_both_tabs = self.show(True) == self.show(False)
        return f"{'img2img' if self.is_img2img else 'txt2img'}_" if on_both_tabs else ""


class ScriptBuiltinUI(Script):
    """Part of the page itself, written as a script: ids without a title, no `setup` for API requests."""

    setup_for_ui_only = True

    def elem_id(self, item_id: str) -> str:
        return f"{self._tab_prefix()}{item_id}"

    def show(self, is_img2img: bool) -> Any:
        return AlwaysVisible


class ScriptFile(NamedTuple):
    """A file to load."""

    basedir: str
    filename: str
    path: str


class ScriptClassData(NamedTuple):
    """A Script subclass and where it came from."""

    script_class: type[Script]
    path: str
    basedir: str
    module: ModuleType


scripts_data: list[ScriptClassData] = []
current_basedir = paths.script_path
scripts_txt2img: ScriptRunner = None  # type: ignore - set by load_scripts
scripts_img2img: ScriptRunner = None  # type: ignore
scripts_current: ScriptRunner | None = None
"""The runner whose tab is being built: components report to it."""


def basedir() -> str:
    """The folder of the extension whose script is being loaded: valid at import time only."""
    return current_basedir


def list_scripts(scriptdirname: str, extension: str, *, include_extensions: bool = True) -> list[ScriptFile]:
    """The host's own files in that folder, then every extension's."""
    own = extensions.Extension("", paths.script_path)
    sources = [own, *(extensions.active() if include_extensions else [])]
    return [
        ScriptFile(source.path, file.name, str(file))
        for source in sources
        for file in source.list_files(scriptdirname, extension)
    ]


def load_scripts() -> None:
    """Execute all script files, as at start and at "Reload UI": extensions first, the page's own parts last.

    An extension's folder is on sys.path only while its file is executed.
    """
    global current_basedir, scripts_txt2img, scripts_img2img
    from modules.script_runner import ScriptRunner

    scripts_data.clear()
    script_callbacks.clear_callbacks()
    files = list_scripts("scripts", ".py")
    files += list_scripts("modules/processing_scripts", ".py", include_extensions=False)
    original_path = sys.path
    for file in files:
        try:
            if file.basedir != paths.script_path:
                sys.path = [file.basedir, *sys.path]
            current_basedir = file.basedir
            _register(script_loading.load_module(file.path), file)
        except Exception:
            errors.report(f"Error loading script: {file.filename}", exc_info=True)
        finally:
            sys.path = original_path
            current_basedir = paths.script_path
    scripts_txt2img, scripts_img2img = ScriptRunner(), ScriptRunner()


def _register(module: ModuleType, file: ScriptFile) -> None:
    """Collect every Script class in the module's namespace, imported ones too, as the WebUI does."""
    for value in vars(module).values():
        if inspect.isclass(value) and issubclass(value, Script):
            scripts_data.append(ScriptClassData(value, file.path, file.basedir, module))


def files_with_extension(subdir: str, extension: str) -> list[Path]:
    """Files of extensions only, such as javascript/*.js."""
    return [file for source in extensions.active() for file in source.list_files(subdir, extension)]




def __getattr__(name: str) -> Any:
    """`scripts.ScriptRunner` lives in a file of its own here."""
    if name == "ScriptRunner":
        from modules.script_runner import ScriptRunner

        return ScriptRunner
    raise AttributeError(f"module 'modules.scripts' has no attribute {name!r}")
