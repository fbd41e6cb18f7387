"""WebUI probe: an extension that reports what the UNet of a running WebUI was really asked to do. It observes; it changes nothing.

Linked into a WebUI's extensions/ (A1111 1.9+, Forge and kin, the embedded host), it answers over HTTP:

    GET  /probe/last       the last generation, pass by pass: every call of the UNet (timesteps, batch size), the LoRAs in force, fields of
                           the processing object; the texts that were encoded; options that differ from what they were before it; how long
                           all of it and its UNet, text encoder and VAE took; how many weights were written anew (LoRAs put in or taken out)
    GET  /probe/history    the last generations, oldest first: a script, such as X/Y/Z plot, makes several for one request
    GET  /probe/tensors    the last generation's latents: what the UNet was given and answered at every call, row by row, and what came out
                           of each batch's sampling
    GET  /probe/pictures   SHA-256 of the pixels of the pictures that were made last, oldest first: also of those that no other script sees,
                           as Live's
    GET  /probe/options    all saved options as they are now; an option that was never saved is absent
    GET  /probe/defaults   what every option is until it is saved
    GET  /probe/registry   what is registered: samplers, schedulers, X/Y/Z axes, always-on scripts, callbacks by category and file
    GET  /probe/startup    seconds that each script took to draw its controls, by file, and that the host takes to register one callback
    GET  /probe/opened     which files and folders named after the canary this process has opened or listed, or has tried to, through Python
    GET  /probe/network    what stands in the UNet in place of its own code: functions put into a module by name, and how many hooks it has
    GET  /probe/threads    the names of this process' threads, once Python has thrown away what nothing refers to
    POST /probe/reload     "Reload UI", as the link in the footer does; `loaded` in the registry changes when it is done
"""
from __future__ import annotations

import ast
import gc
import hashlib
import sys
import threading
import time
import weakref
from collections import deque
from pathlib import Path
from typing import Any

from modules import processing, script_callbacks, scripts, sd_samplers, sd_schedulers, shared

FIELDS = (
    "steps", "cfg_scale", "sampler_name", "scheduler", "denoising_strength", "width", "height",
    "eta", "hr_cfg", "hr_second_pass_steps", "hr_sampler_name", "hr_scheduler", "distilled_cfg_scale", "hr_distilled_cfg",
)
LOADED = time.time_ns()
ABSENT = "(absent)"
HISTORY: deque[dict[str, Any]] = deque(maxlen=50)
"""Generations, the running one last."""
CANARY = "fewstep-canary"
TENSORS: dict[str, list[Any]] = {"calls": [], "results": []}
"""Those of the last generation, kept as they are until somebody asks."""
HOOKS: list[Any] = []
"""Those of the pass that runs now."""
DRAWN: dict[str, float] = {}
COLLECTING = [0.0, 0.0]
"""Seconds that garbage collection took so far, and when the last one began."""
_CALLS_BEFORE_SAMPLING = hasattr(scripts.Script, "process_before_every_sampling")
"""A1111 has the hook since 1.10. Before that, a pass begins with its batch, or with the hook before hires."""


class Probe(scripts.Script):
    """Watches each generation through the host's own hooks and a forward hook on the UNet."""

    def title(self) -> str:
        return "WebUI probe"

    def show(self, is_img2img: bool) -> object:
        return scripts.AlwaysVisible

    def ui(self, is_img2img: bool) -> list[Any]:
        return []

    def before_process(self, p: Any, *args: Any) -> None:
        _unhook()
        TENSORS.update(calls=[], results=[])
        spent = {kind: [0.0, 0.0] for kind in ("unet", "text", "vae")}
        record = {"passes": [], "encoded": [], "options_before": options(), "spent": spent, "rewritten": 0, "started": time.time()}
        HISTORY.append({**record, "clock": clock()})

    def process(self, p: Any, *args: Any) -> None:
        _watch_model(p)

    def process_before_every_sampling(self, p: Any, *args: Any, **kwargs: Any) -> None:
        self._open_pass(p)

    def process_batch(self, p: Any, *args: Any, **kwargs: Any) -> None:
        if not _CALLS_BEFORE_SAMPLING:
            self._open_pass(p)

    def before_hr(self, p: Any, *args: Any) -> None:
        if not _CALLS_BEFORE_SAMPLING:
            self._open_pass(p)

    def _open_pass(self, p: Any) -> None:
        """Notes the calls of the UNet from here on. Some hosts call twice before one pass: an unused one is replaced."""
        _unhook()
        passes = HISTORY[-1]["passes"]
        if passes and not passes[-1]["calls"]:
            passes.pop()
        calls: list[dict[str, Any]] = []
        began: list[float] = []
        passes.append({
            "hires": bool(getattr(p, "is_hr_pass", False)),
            "fields": {name: getattr(p, name, None) for name in FIELDS},
            "sampler": sampler_name(p),
            "loras": loras(p.sd_model),
            "calls": calls,
        })

        def on_call(module: Any, args: Any, kwargs: Any) -> None:
            timesteps: Any = args[1] if len(args) > 1 else kwargs.get("timesteps", kwargs.get("timestep"))
            calls.append({"t": [round(float(t), 4) for t in timesteps.flatten()], "batch": int(args[0].shape[0])})
            began[:] = clock()

        def on_answer(module: Any, args: Any, answer: Any) -> None:
            _spend("unet", began)
            TENSORS["calls"].append({"t": calls[-1]["t"], "given": _kept(args[0]), "answered": _kept(answer)})

        unet = unet_of(p.sd_model)
        HOOKS[:] = [unet.register_forward_pre_hook(on_call, with_kwargs=True), unet.register_forward_hook(on_answer, prepend=True)]

    def post_sample(self, p: Any, ps: Any, *args: Any) -> None:
        samples = ps.samples if hasattr(ps.samples, "shape") else ps.samples[0]  # decoded already: a list
        TENSORS["results"].append(_kept(samples))

    def postprocess(self, p: Any, processed: Any, *args: Any) -> None:
        last = HISTORY[-1]
        last["spent"]["all"] = [now - then for now, then in zip(clock(), last.pop("clock"), strict=True)]
        _unhook()
        _unwatch_model(p)
        last["rewritten"] = rewritten(p.sd_model)
        last["prompts"] = list(p.all_prompts or [])
        last["infotexts"] = list(processed.infotexts)
        last["comments"] = getattr(processed, "comments", "")


def unet_of(model: Any) -> Any:
    """The module that the host calls, in A1111 and kin or in Forge and kin."""
    forge = getattr(model, "forge_objects", None)
    return model.model.diffusion_model if forge is None else forge.unet.model.diffusion_model


def sampler_name(p: Any) -> str | None:
    """The sampler that was made for the pass, whatever the fields say."""
    return getattr(getattr(getattr(p, "sampler", None), "config", None), "name", None)


def loras(model: Any) -> list[dict[str, Any]]:
    """Name and multipliers of the LoRAs in force. Forge patches them into the model and keeps its list there, as text."""
    patched = getattr(model, "current_lora_hash", None)
    if patched is not None:
        return [{"name": Path(entry[0]).stem, "unet": entry[1], "te": entry[2]} for entry in ast.literal_eval(str(patched))]
    loaded = getattr(sys.modules.get("networks"), "loaded_networks", [])
    return [{"name": lora.name, "unet": lora.unet_multiplier, "te": lora.te_multiplier} for lora in loaded]


def _kept(tensor: Any) -> Any:
    return tensor.detach().float().cpu().clone()


def _tensors() -> dict[str, Any]:
    calls = [{**call, "given": call["given"].tolist(), "answered": call["answered"].tolist()} for call in TENSORS["calls"]]
    return {"calls": calls, "results": [result.tolist() for result in TENSORS["results"]]}


def options() -> dict[str, Any]:
    """The options that are saved or set; those that never were are absent."""
    return _plain(shared.opts.data)


def defaults() -> dict[str, Any]:
    """What every option is until it is saved."""
    return _plain({key: info.default for key, info in shared.opts.data_labels.items()})


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if isinstance(value, (int, float, str, bool, list, type(None)))}


def registry() -> dict[str, Any]:
    """What scripts and extensions have registered with the host."""
    xyz = [data.module for data in scripts.scripts_data if data.script_class.__module__ in ("xyz_grid.py", "scripts.xyz_grid")]
    return {
        "loaded": LOADED,
        "samplers": [data.name for data in sd_samplers.all_samplers],
        "visible_samplers": list(sd_samplers.visible_sampler_names()) if hasattr(sd_samplers, "visible_sampler_names") else [],
        "schedulers": [scheduler.label for scheduler in sd_schedulers.schedulers],
        "settings": list(shared.opts.data_labels),
        "axes": [option.label for module in dict.fromkeys(xyz) for option in module.axis_options],
        "scripts": [
            [script.title() for script in runner.alwayson_scripts] for runner in (scripts.scripts_txt2img, scripts.scripts_img2img)
        ],
        "callbacks": {
            category: [str(entry.script) for entry in entries] for category, entries in script_callbacks.callback_map.items()
        },
    }


def _hook_before_every_sampling() -> None:
    """Hosts before A1111 1.10 lack the hook that opens a pass: there the sampler's own start opens it, for us alone."""
    from modules import sd_samplers_common

    sampler: Any = sd_samplers_common.Sampler
    if hasattr(scripts.Script, "process_before_every_sampling") or hasattr(sampler, "_probe_initialize"):
        return
    sampler._probe_initialize = sampler.initialize

    def initialize(self: Any, p: Any) -> Any:
        for script in getattr(p.scripts, "alwayson_scripts", None) or []:
            if script.title() == "WebUI probe":
                script.process_before_every_sampling(p)
        return self._probe_initialize(p)

    sampler.initialize = initialize


def _watch_pictures() -> deque[Any]:
    """Whoever has a picture made by the host gets a `Processed` with it. Reload UI leaves that class as it is: it is watched once."""
    made: Any = processing.Processed
    if not hasattr(made, "_probe_pictures"):
        pictures: deque[Any] = deque(maxlen=HISTORY.maxlen)
        initialize = made.__init__

        def watched(self: Any, *args: Any, **kwargs: Any) -> None:
            initialize(self, *args, **kwargs)
            pictures.extend(self.images[self.index_of_first_image :][:1])

        made._probe_pictures, made.__init__ = pictures, watched
    return made._probe_pictures


def _pictures() -> list[str]:
    return [hashlib.sha256(picture.convert("RGB").tobytes()).hexdigest() for picture in list(PICTURES) if hasattr(picture, "convert")]


def _watch_opens() -> list[str]:
    """Python tells an audit hook of every path that it is about to open. It cannot be taken off: one for all of the process' life."""
    known: list[str] | None = getattr(sys, "_probe_opened", None)
    if known is not None:
        return known
    opened: list[str] = []

    def on_event(event: str, args: tuple[Any, ...]) -> None:
        if event in ("open", "os.listdir", "os.scandir") and args and CANARY in str(args[0]):
            opened.append(str(args[0]))

    sys._probe_opened = opened  # type: ignore[attr-defined]
    sys.addaudithook(on_event)
    return opened


def _unhook() -> None:
    """Also those of a generation that ended in an error."""
    while HOOKS:
        HOOKS.pop().remove()


def clock() -> list[float]:
    """Seconds that have passed, and seconds that this thread has worked: the latter tell little of what else the machine does."""
    return [time.perf_counter(), time.thread_time()]


def _spend(kind: str, began: list[float]) -> None:
    spent = HISTORY[-1]["spent"][kind]
    spent[:] = [total + now - then for total, now, then in zip(spent, clock(), began, strict=True)]


def _watch_model(p: Any) -> None:
    """Notes which texts are encoded, for which side, and times that and the VAE: instance attributes in front of the model's methods."""
    _unwatch_model(p)
    model, wrapped = p.sd_model, {}
    for name, kind in (("get_learned_conditioning", "text"), ("decode_first_stage", "vae"), ("encode_first_stage", "vae")):
        if (method := getattr(model, name, None)) is not None:
            wrapped[name] = model.__dict__.get(name, ABSENT)  # reForge has put its own there
            model.__dict__[name] = _timed(method, kind)
    model.__dict__["_probe_wrapped"] = wrapped


def _timed(method: Any, kind: str) -> Any:
    def timed(given: Any, *args: Any, **kwargs: Any) -> Any:
        if kind == "text":
            HISTORY[-1]["encoded"].append({"texts": list(given), "negative": bool(getattr(given, "is_negative_prompt", False))})
        began = clock()
        try:
            return method(given, *args, **kwargs)
        finally:
            _spend(kind, began)

    return timed


def _unwatch_model(p: Any) -> None:
    attributes = getattr(p.sd_model, "__dict__", {})
    for name, before in attributes.pop("_probe_wrapped", {}).items():
        attributes.pop(name)
        if before is not ABSENT:
            attributes[name] = before


def rewritten(model: Any) -> int:
    """How many of the UNet's weights are not what they were when this was last asked: the host put a LoRA in, or took one out.

    A weight is another one if it was replaced by a new tensor or, where PyTorch counts that, written to.
    """
    unet = unet_of(model)
    before = unet.__dict__.get("_probe_weights", {})
    count, now = 0, {}
    for name, weight in unet.named_parameters():
        writes = None if weight.is_inference() else weight._version
        known, known_writes = before.get(name, (lambda: None, None))
        count += known() is not weight or known_writes != writes
        now[name] = weakref.ref(weight), writes
    unet.__dict__["_probe_weights"] = now
    return count


def network() -> dict[str, list[str]]:
    """What stands in the loaded UNet that its classes do not have, module by module; an object is told by its name and place in memory."""
    standing: dict[str, list[str]] = {}
    for name, module in unet_of(shared.sd_model).named_modules():
        put = {key: value for key, value in vars(module).items() if callable(value) and not isinstance(value, type)}
        hooks = {key: len(value) for key, value in vars(module).items() if key.endswith("_hooks") and value}
        forward = type(module).forward
        told = [f"{key} {_named(value)}" for key, value in {**put, "class's forward": forward}.items()]
        if "attn" in name or put or hooks:
            standing[name] = [*told, *(f"{key} {count}" for key, count in hooks.items())]
    return standing


def _named(function: Any) -> str:
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', type(function).__name__)} {id(function)}"


def _time_drawing() -> None:
    """Before the page is made: from here on each script's drawing of its controls is timed. A reloaded script is a new class."""
    for data in scripts.scripts_data:
        for name in {"ui", "after_component"} & vars(data.script_class).keys():
            setattr(data.script_class, name, _drawing(getattr(data.script_class, name), Path(data.path).name))


def _on_collection(phase: str, info: dict[str, int]) -> None:
    """Python's garbage collection takes longest in a large process, and it is by chance into whose work it falls."""
    if phase == "start":
        COLLECTING[1] = clock()[0]
    else:
        COLLECTING[0] += clock()[0] - COLLECTING[1]


def _drawing(method: Any, file: str) -> Any:
    def drawn(*args: Any, **kwargs: Any) -> Any:
        began = clock()[0] - COLLECTING[0]
        try:
            return method(*args, **kwargs)
        finally:
            DRAWN[file] = DRAWN.get(file, 0.0) + clock()[0] - COLLECTING[0] - began

    return drawn


def _threads() -> list[str]:
    gc.collect()
    return [thread.name for thread in threading.enumerate()]


def _last() -> dict[str, Any]:
    last = HISTORY[-1] if HISTORY else {}
    answer = _shown(last)
    before, now = last.get("options_before", {}), options()
    answer["options_changed"] = {
        key: [before.get(key, ABSENT), now.get(key, ABSENT)]
        for key in sorted({*before, *now}) if before.get(key, ABSENT) != now.get(key, ABSENT)
    }
    return answer


def _shown(record: dict[str, Any]) -> dict[str, Any]:
    evaluations = sum(call["batch"] for each in record.get("passes", []) for call in each["calls"])
    return {**{key: value for key, value in record.items() if key not in ("options_before", "clock")}, "unet_evaluations": evaluations}


def _history() -> list[dict[str, Any]]:
    return [_shown(record) for record in HISTORY]


def _on_app_started(_: Any, app: Any) -> None:
    app.add_api_route("/probe/last", _last, methods=["GET"])
    app.add_api_route("/probe/history", _history, methods=["GET"])
    app.add_api_route("/probe/tensors", _tensors, methods=["GET"])
    app.add_api_route("/probe/pictures", _pictures, methods=["GET"])
    app.add_api_route("/probe/options", options, methods=["GET"])
    app.add_api_route("/probe/defaults", defaults, methods=["GET"])
    app.add_api_route("/probe/network", network, methods=["GET"])
    app.add_api_route("/probe/registry", registry, methods=["GET"])
    app.add_api_route("/probe/startup", lambda: {"drawn": DRAWN, "callback": REGISTERING}, methods=["GET"])
    app.add_api_route("/probe/opened", lambda: OPENED, methods=["GET"])
    app.add_api_route("/probe/threads", _threads, methods=["GET"])
    app.add_api_route("/probe/reload", shared.state.request_restart, methods=["POST"])


OPENED = _watch_opens()
PICTURES = _watch_pictures()
gc.callbacks.append(_on_collection)
_hook_before_every_sampling()
script_callbacks.on_app_started(_on_app_started)
_before = clock()
script_callbacks.on_before_ui(_time_drawing)
REGISTERING = clock()[0] - _before[0]
