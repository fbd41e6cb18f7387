"""One live picture, made by the host as its API would, and nothing left of it: no file, no option, no progress, no drawn noise."""
from __future__ import annotations

import copy
import io
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from modules import call_queue, processing, rng, scripts, shared

from ..words.say import say
from . import draft, latents
from .state import TITLE, plan_of

_PROGRESS = (
    "job", "job_no", "job_count", "processing_has_refined_job_count", "job_timestamp", "sampling_step", "sampling_steps", "current_latent",
    "current_image", "current_image_sampling_step", "id_live_preview", "textinfo", "time_start", "skipped", "interrupted",
    "stopping_generation",
)  # fmt: skip
_PATIENCE_SECONDS, _STALE_SECONDS, _QUALITY = 0.1, 60, 90


@dataclass(frozen=True)
class Order:
    """What to draw: `fields` of the host's processing class, beside our script's arguments (none: the Accelerator is off)."""

    fields: Mapping[str, Any]
    arguments: Sequence[Any]
    draft: bool

    @property
    def tab(self) -> str:
        return "img2img" if self.fields.get("init_images") else "txt2img"


@dataclass(frozen=True)
class Picture:
    """A JPEG. `seconds` is what the host took for it alone; `evaluations` is unknown where the Accelerator was off."""

    jpeg: bytes
    seconds: float
    seed: int
    evaluations: int | None
    notes: tuple[str, ...]


def draw(order: Order) -> Picture:
    """Waits for the host's turn and makes the picture. Raises whatever the host raises, and RuntimeError where it was interrupted."""
    _let_others_go_first()
    with call_queue.queue_lock:
        began = time.perf_counter()
        with _without_traces(), closing(_job(order)) as p:
            notes = _draft(p) if order.draft else []
            processed = processing.process_images(p)
            seconds = time.perf_counter() - began
            plan, notes = plan_of(p), [*notes, *p.comments]
    if not processed.images:
        raise RuntimeError(say("live.interrupted"))
    with io.BytesIO() as file:
        processed.images[processed.index_of_first_image].convert("RGB").save(file, "JPEG", quality=_QUALITY, subsampling=0)
        return Picture(file.getvalue(), seconds, int(p.all_seeds[0]), plan.evaluations if plan is not None else None, tuple(notes))


def _job(order: Order) -> Any:
    """The host's processing object, with our script alone: another may save, send or draw random numbers."""
    kind = processing.StableDiffusionProcessingImg2Img if order.tab == "img2img" else processing.StableDiffusionProcessingTxt2Img
    p: Any = kind(sd_model=shared.sd_model, **order.fields, batch_size=1, n_iter=1, do_not_save_samples=True, do_not_save_grid=True)
    runner: Any = copy.copy(scripts.scripts_img2img if order.tab == "img2img" else scripts.scripts_txt2img)
    ours = next(script for script in runner.alwayson_scripts if script.title() == TITLE)
    runner.alwayson_scripts, runner.callback_map = [ours], {}
    p.is_api = True
    p.scripts = runner
    p.script_args = (0, *(None for _ in range(1, ours.args_from)), *(order.arguments or [{"enabled": False}]))
    return p


def _let_others_go_first() -> None:
    """Whoever waits when our last picture ends shall be the next, though the host's lock gives itself to whoever comes by just then.
    A task that failed before it began stays on the host's list for good, so an old one is not waited for.
    """
    try:
        from modules.progress import pending_tasks  # type: ignore[import-not-found]
    except ImportError:  # the embedded host has no such list, and its lock does not err
        return
    patience = time.monotonic() + _PATIENCE_SECONDS
    while any(time.time() - since < _STALE_SECONDS for since in list(pending_tasks.values())) and time.monotonic() < patience:
        time.sleep(0.005)


@contextmanager
def _without_traces() -> Iterator[None]:
    with ExitStack() as stack:
        for each in (_progress_kept, _noise_kept, _no_file_written, latents.remembered):
            stack.enter_context(each())
        yield


@contextmanager
def _progress_kept() -> Iterator[None]:
    before = {name: getattr(shared.state, name) for name in _PROGRESS if hasattr(shared.state, name)}
    shared.state.begin(job="live")
    try:
        yield
    finally:
        shared.state.end()
        shared.total_tqdm.clear()
        for name, value in before.items():
            setattr(shared.state, name, value)


@contextmanager
def _noise_kept() -> Iterator[None]:
    """The next generation draws on from where the last one left: img2img takes noise that way."""
    host_rng: Any = rng
    numpys = copy.copy(getattr(host_rng, "nv_rng", None))
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if torch.cuda.is_initialized() else []):
        try:
            yield
        finally:
            if hasattr(host_rng, "nv_rng"):
                host_rng.nv_rng = numpys


@contextmanager
def _no_file_written() -> Iterator[None]:
    """Neither the last prompt's file nor, where the user has the option on, what img2img begins from."""
    keeps_no_prompt = getattr(shared.cmd_opts, "no_prompt_history", False)
    saved = shared.opts.data.get("save_init_img")
    shared.cmd_opts.no_prompt_history = True
    if saved:
        shared.opts.data["save_init_img"] = False
    try:
        yield
    finally:
        shared.cmd_opts.no_prompt_history = keeps_no_prompt
        if saved:
            shared.opts.data["save_init_img"] = saved


def _draft(p: Any) -> list[str]:
    """Makes `p` a draft, or returns a note of why it cannot be one."""
    if why_not := draft.missing():
        return [why_not]
    draft.decode_next(p)
    return []
