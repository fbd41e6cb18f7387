"""Serves /sdapi/v1."""

from __future__ import annotations

from contextlib import closing
from typing import Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from modules import (
    errors,
    images,
    infotext_utils,
    script_callbacks,
    scripts,
    sd_models,
    sd_samplers,
    sd_schedulers,
    shared,
    ui,
)
from modules.api import models, script_args
from modules.call_queue import FIFOLock
from modules.processing import (
    Processed,
    StableDiffusionProcessingImg2Img,
    StableDiffusionProcessingTxt2Img,
    process_images,
)
from modules.script_runner import ScriptRunner
from pydantic import BaseModel

PREFIX = "/sdapi/v1/"
_FOR_THE_API = {"script_name", "script_args", "alwayson_scripts", "infotext", "send_images", "save_images"}
_FOR_THE_API |= {"sampler_index", "include_init_images", "comments"}


class Api:
    """The routes; without a page yet, the page's scripts are built first."""

    def __init__(self, app: FastAPI, queue_lock: FIFOLock) -> None:
        self.app, self.queue_lock = app, queue_lock
        _add_error_answers(app)
        posts = {"txt2img": self.txt2img, "img2img": self.img2img, "png-info": self.png_info}
        posts |= {"options": self.set_options, "interrupt": self.interrupt, "skip": self.skip}
        posts["refresh-checkpoints"] = self.refresh_checkpoints
        gets = {
            "options": self.get_options,
            "progress": self.progress,
            "cmd-flags": lambda: vars(shared.cmd_opts),
            "samplers": self.samplers,
            "schedulers": self.schedulers,
            "upscalers": lambda: [],
            "latent-upscale-modes": lambda: [{"name": name} for name in shared.latent_upscale_modes],
            "sd-models": self.sd_models,
            "prompt-styles": lambda: [style._asdict() for style in shared.prompt_styles.styles.values()],
            "scripts": self.scripts,
            "script-info": self.script_info,
        }
        guards = [Depends(_authorised)] if shared.cmd_opts.api_auth else []
        for name, endpoint in posts.items():
            app.add_api_route(PREFIX + name, endpoint, methods=["POST"], dependencies=guards)
        for name, endpoint in gets.items():
            app.add_api_route(PREFIX + name, endpoint, methods=["GET"], dependencies=guards)
        if not scripts.scripts_txt2img.scripts:
            ui.create_ui()
        self.defaults = {
            runner: script_args.defaults(runner) for runner in (scripts.scripts_txt2img, scripts.scripts_img2img)
        }

    # --- generating

    def txt2img(self, request: models.StableDiffusionTxt2ImgProcessingAPI) -> models.ImagesResponse:  # type: ignore
        """Make pictures from a prompt."""
        runner = scripts.scripts_txt2img
        job, args, selected = self._prepare(request, runner, "txt2img")
        with self.queue_lock, closing(StableDiffusionProcessingTxt2Img(**job)) as p:
            processed = self._run(p, runner, args, selected)
        return _answer(request, processed)

    def img2img(self, request: models.StableDiffusionImg2ImgProcessingAPI) -> models.ImagesResponse:  # type: ignore
        """Make pictures from a picture and a prompt."""
        if request.init_images is None:
            raise HTTPException(status_code=404, detail="Init image not found")
        runner = scripts.scripts_img2img
        job, args, selected = self._prepare(request, runner, "img2img")
        job["init_images"] = [images.from_base64(image) for image in request.init_images]
        job["mask"] = images.from_base64(request.mask) if request.mask else None
        with self.queue_lock, closing(StableDiffusionProcessingImg2Img(**job)) as p:
            processed = self._run(p, runner, args, selected)
        if not request.include_init_images:
            request.init_images = request.mask = None
        return _answer(request, processed)

    def _prepare(self, request: Any, runner: ScriptRunner, tab: str) -> tuple[dict[str, Any], list[Any], Any]:
        """-> (the job's fields, all script arguments, the selected script)."""
        args = self.defaults[runner].copy()
        self._apply_infotext(request, runner, args, tab)
        selected = None
        if request.script_name:
            selected = script_args.select_script(runner, args, request.script_name, request.script_args)
        wanted = request.sampler_name or request.sampler_index
        sampler, scheduler = sd_samplers.get_sampler_and_scheduler(wanted, request.scheduler)
        script_args.fill_alwayson(runner, args, request.alwayson_scripts or {})

        job = {name: value for name, value in _fields(request).items() if name not in _FOR_THE_API}
        job["sampler_name"] = sampler
        if not job["scheduler"] and scheduler != "Automatic":
            job["scheduler"] = scheduler
        job["do_not_save_samples"] = job["do_not_save_grid"] = not request.save_images
        for kind in ("samples", "grids"):
            job[f"outpath_{kind}"] = getattr(shared.opts, f"outdir_{tab}_{kind}")
        return job, args, selected

    def _run(self, p: Any, runner: ScriptRunner, args: list[Any], selected: Any) -> Processed:
        p.is_api = True
        p.scripts = runner
        try:
            shared.state.begin(job=f"scripts_{'img2img' if runner is scripts.scripts_img2img else 'txt2img'}")
            if selected is not None:
                p.script_args = args
                return runner.run(p, *args)
            p.script_args = tuple(args)
            return process_images(p)
        finally:
            shared.state.end()
            shared.total_tqdm.clear()

    def _apply_infotext(self, request: Any, runner: ScriptRunner, args: list[Any], tab: str) -> None:
        """The request's `infotext` fills what the request leaves open, and the scripts' arguments."""
        if not request.infotext:
            return
        params = infotext_utils.parse_generation_parameters(request.infotext)
        given = getattr(request, "model_fields_set", None) or request.__fields_set__
        positions = {id(component): i for i, component in enumerate(runner.inputs)}
        for field in infotext_utils.paste_fields[tab]["fields"]:
            update = infotext_utils.field_update(field.component, field.function or field.label, params)
            if "value" not in update:
                continue
            value = update["value"]
            if field.api and field.api not in given and hasattr(request, field.api):
                setattr(request, field.api, _like(getattr(request, field.api), value))
            if id(field.component) in positions:
                args[positions[id(field.component)]] = value
        overrides = {setting: value for _, setting, value in infotext_utils.get_override_settings(params)}
        request.override_settings = {**overrides, **(request.override_settings or {})}

    # --- telling

    def png_info(self, request: models.PNGInfoRequest) -> models.PNGInfoResponse:
        """Read a picture's infotext."""
        info, items = images.read_info_from_image(images.from_base64(request.image))
        params = infotext_utils.parse_generation_parameters(info or "")
        script_callbacks.infotext_pasted_callback(info or "", params)
        return models.PNGInfoResponse(info=info or "", items=items, parameters=params)

    def progress(self) -> dict[str, Any]:
        """How far the running job is, 0..1."""
        state = shared.state
        done = 0.0
        if state.job_count > 0:
            within = state.sampling_step / state.sampling_steps if state.sampling_steps else 0
            done = min(1.0, 0.01 + (state.job_no + within) / state.job_count)
        current = {"current_image": None, "textinfo": state.textinfo}
        return {"progress": done, "eta_relative": 0.0, "state": state.dict(), **current}

    def get_options(self) -> dict[str, Any]:
        """The settings that are present."""
        return dict(shared.opts.data)

    def set_options(self, request: dict[str, Any]) -> None:
        """Change settings, and save all that are present."""
        name = request.get("sd_model_checkpoint")
        if name is not None and name not in sd_models.checkpoint_aliases:
            raise RuntimeError(f"model {name!r} not found")
        for key, value in request.items():
            shared.opts.set(key, value, is_api=True)
        shared.opts.save(shared.config_filename)

    def samplers(self) -> list[dict[str, Any]]:
        """The sampler table."""
        return [
            {"name": s.name, "aliases": s.aliases, "options": {key: str(value) for key, value in s.options.items()}}
            for s in sd_samplers.all_samplers
        ]

    def schedulers(self) -> list[dict[str, Any]]:
        """The schedule table."""
        shown = ("name", "label", "aliases", "default_rho", "need_inner_model")
        return [{name: getattr(scheduler, name) for name in shown} for scheduler in sd_schedulers.schedulers]

    def sd_models(self) -> list[dict[str, Any]]:
        """The checkpoints."""
        return [
            {
                "title": info.title,
                "model_name": info.model_name,
                "hash": info.shorthash,
                "sha256": info.sha256,
                "filename": info.filename,
                "config": None,
            }
            for info in sd_models.checkpoints_list.values()
        ]

    def refresh_checkpoints(self) -> None:
        """Look for checkpoints again."""
        with self.queue_lock:
            sd_models.list_models()

    def scripts(self) -> dict[str, list[str]]:
        """Names of the scripts on both tabs."""
        runners = {"txt2img": scripts.scripts_txt2img, "img2img": scripts.scripts_img2img}
        return {tab: [s.name for s in runner.scripts if s.name is not None] for tab, runner in runners.items()}

    def script_info(self) -> list[models.ScriptInfo]:
        """Arguments of the scripts on both tabs."""
        known = [*scripts.scripts_txt2img.scripts, *scripts.scripts_img2img.scripts]
        return [script.api_info for script in known if script.api_info is not None]

    def interrupt(self) -> dict[str, Any]:
        """End the running job."""
        shared.state.interrupt()
        return {}

    def skip(self) -> None:
        """End the running batch."""
        shared.state.skip()


def _fields(request: BaseModel) -> dict[str, Any]:
    kind: Any = type(request)
    return {name: getattr(request, name) for name in getattr(kind, "model_fields", None) or kind.__fields__}


def _like(example: Any, value: Any) -> Any:
    """The page's sliders hold floats where requests want whole numbers."""
    return int(value) if type(example) is int and isinstance(value, float) else value


def _answer(request: Any, processed: Processed) -> models.ImagesResponse:
    encoded = [images.to_base64(image) for image in processed.images] if request.send_images else []
    return models.ImagesResponse(images=encoded, parameters=_fields(request), info=processed.js())


def _authorised(credentials: HTTPBasicCredentials = Depends(HTTPBasic())) -> None:
    if f"{credentials.username}:{credentials.password}" not in shared.cmd_opts.api_auth.split(","):
        raise HTTPException(401, "Incorrect username or password", {"WWW-Authenticate": "Basic"})


def _add_error_answers(app: FastAPI) -> None:
    """Every error becomes {"error", "detail", "body", "errors"}; unexpected ones are 500 and are reported."""

    def answer(request: Request, error: Exception) -> JSONResponse:
        status = getattr(error, "status_code", 500)
        known = isinstance(error, HTTPException)
        if not known:
            errors.report(f"API error: {request.method} {request.url.path}: {error!r}", exc_info=True)
        content = {
            "error": type(error).__name__,
            "detail": getattr(error, "detail", ""),
            "body": getattr(error, "body", ""),
            "errors": "" if known else str(error),
        }
        return JSONResponse(jsonable_encoder(content), status)

    @app.middleware("http")
    async def catch(request: Request, call_next: Any) -> Any:
        try:
            return await call_next(request)
        except Exception as error:
            return answer(request, error)

    app.add_exception_handler(HTTPException, answer)
