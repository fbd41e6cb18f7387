"""Live over HTTP: reads what a page wants, has its pictures drawn one after another as the core's policy says, and answers.

Everything but the drawing itself runs in the server's event loop, so that a request that waits costs no thread, and nothing is locked.
"""
from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fastapi import Request, Response
from modules import processing, sd_samplers, shared
from modules.api import models

from ..core import live as policy
from ..words.say import say
from .canvas import Unreadable, canvas_from, compose, image_from
from .live_picture import Order, Picture, draw
from .openapi import open_object

HEADER = "X-Fewstep"
_MOST_NUMBER, _OURS = 2**53, ("page", "number", "accelerator", "draft", "canvas")
_CHECK_SECONDS, _CELL = 0.05, 8

WISH = open_object(
    "The fields of /sdapi/v1/txt2img, or with init_images those of /sdapi/v1/img2img, beside ours. One picture is drawn, no script runs "
    "but the Accelerator, and nothing is saved.",
    page="who asks: of one page, what is newer replaces what waits", number="a whole number; a page counts up with every request",
    accelerator="the Accelerator's settings, as in /sdapi/v1/txt2img its first argument or, in a list, all of them; left out: it is off",
    draft="true: decode with TAESD, where its file is installed",
    canvas="in place of init_images and mask, what stands on the page's canvas: kind (image, sketch, inpaint, inpaint_sketch or upload), "
    "picture, and painting, mask or original where the canvas has them, as data URLs; scale for a size relative to the picture's, "
    "mask_transparency in percent",
)  # fmt: skip


class LiveRunner:
    """The pictures of all pages, one at a time. `draw` is called in one thread of its own."""

    def __init__(self, draw: Callable[[Order], Picture] = draw) -> None:
        self._draw, self._thread = draw, ThreadPoolExecutor(1, "fewstep-live")
        self._live = policy.Live()
        self._asked: dict[tuple[str, int], tuple[Order, asyncio.Future[Picture | str]]] = {}
        self._task: asyncio.Task[None] | None = None

    def end(self) -> None:
        """The thread ends with the picture in flight. Forge keeps what has stood behind a route: by itself it would never."""
        self._thread.shutdown(wait=False)

    async def ask(self, page: str, number: int, content: str, order: Order) -> Picture | str:
        """The picture, or "superseded" or "unchanged". Raises what the host raised."""
        self._live, outcome = policy.offer(self._live, page, number, content, time.monotonic())
        self._answer_superseded()
        if outcome != "waits":
            return outcome
        answer: asyncio.Future[Picture | str] = asyncio.get_running_loop().create_future()
        self._asked[page, number] = order, answer
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        try:
            return await answer
        finally:
            if self._asked.pop((page, number), None) is not None:  # cancelled: who asked has gone
                self._live = policy.withdraw(self._live, page, number)

    def _answer_superseded(self) -> None:
        """Whoever asked for what is neither waiting nor in flight any more."""
        wanted = {(wish.page, wish.number) for wish in (*self._live.waiting, self._live.drawing) if wish is not None}
        for key in [key for key in self._asked if key not in wanted]:
            _, answer = self._asked.pop(key)
            if not answer.done():
                answer.set_result("superseded")

    async def _work(self) -> None:
        """Draws until nothing is wanted."""
        while (at := policy.due(self._live)) is not None:
            if (rest := at - time.monotonic()) > 0:
                await asyncio.sleep(min(rest, _CHECK_SECONDS))
                continue
            self._live, wish = policy.begin(self._live, time.monotonic())
            if wish is not None:
                await self._fulfil(*self._asked[wish.page, wish.number])
                self._asked.pop((wish.page, wish.number), None)

    async def _fulfil(self, order: Order, answer: asyncio.Future[Picture | str]) -> None:
        seconds = None
        try:
            picture = await asyncio.get_running_loop().run_in_executor(self._thread, self._draw, order)
            seconds = picture.seconds
            if not answer.done():
                answer.set_result(picture)
        except Exception as error:
            if not answer.done():
                answer.set_exception(error)
        finally:
            self._live = policy.finish(self._live, seconds)


def route(runner: LiveRunner) -> Callable[..., Any]:
    """The endpoint of POST /fewstep/v1/live."""

    async def live(request: Request) -> Response:
        try:
            page, number, content, order = read(await request.body())
        except Unreadable as error:
            return _json(422, detail=str(error))
        try:
            answer = await runner.ask(page, number, content, order)
        except Exception as error:
            return _json(500, number=number, detail=say("live.failed", reason=f"{type(error).__name__}: {error}"))
        if isinstance(answer, str):
            return _json(200, number=number, outcome=answer)
        about = {"number": number, "seconds": round(answer.seconds, 4), "seed": answer.seed, "evaluations": answer.evaluations,
                 "notes": answer.notes}  # fmt: skip
        return Response(answer.jpeg, media_type="image/jpeg", headers={HEADER: json.dumps(about), "Cache-Control": "no-store"})

    return live


def read(body: bytes) -> tuple[str, int, str, Order]:
    """-> page, number, what makes the picture what it is, and the order. Raises Unreadable."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable(say("live.no_json", reason=error)) from error
    if not isinstance(given, dict):
        raise Unreadable(say("live.no_object", kind=type(given).__name__))
    page, number, settings, draft, canvas = (given.pop(name, None) for name in _OURS)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < _MOST_NUMBER:
        raise Unreadable(say("live.no_number", value=repr(number)[:80], most=_MOST_NUMBER - 1))
    if not isinstance(settings, (dict, list, type(None))):
        raise Unreadable(say("live.no_settings", value=repr(settings)[:80]))
    whole = json.dumps([given, settings, draft, canvas, dict(shared.opts.data)], sort_keys=True, default=str)
    content = hashlib.sha256(whole.encode()).hexdigest()
    return str(page)[:80], number, content, Order(_fields(given, canvas), _arguments(settings), draft is True)


def _arguments(settings: dict[str, Any] | list[Any] | None) -> list[Any]:
    return settings if isinstance(settings, list) else [] if settings is None else [settings]


def _fields(given: Mapping[str, Any], canvas: Any) -> dict[str, Any]:
    """What the host's API would hand to its processing class, checked by the API's own description."""
    img2img = bool(given.get("init_images") or canvas)
    checker: Any = models.StableDiffusionImg2ImgProcessingAPI if img2img else models.StableDiffusionTxt2ImgProcessingAPI
    try:
        request = checker(**given)
    except (ValueError, TypeError) as error:
        raise Unreadable(say("live.bad_field", reason=" ".join(str(error).split()))) from error
    kind: Any = processing.StableDiffusionProcessingImg2Img if img2img else processing.StableDiffusionProcessingTxt2Img
    takes = {field.name for field in dataclasses.fields(kind) if field.init}
    takes -= {"batch_size", "n_iter", "do_not_save_samples", "do_not_save_grid", "sd_model", "sampler_index", "override_settings"}
    fields = {name: value for name, value in dict(request).items() if name in takes}
    sampler, scheduler = sd_samplers.get_sampler_and_scheduler(request.sampler_name or request.sampler_index, request.scheduler)
    fields["sampler_name"] = sampler
    if not fields.get("scheduler") and scheduler != "Automatic":
        fields["scheduler"] = scheduler
    if canvas:
        fields |= _from_canvas(canvas, fields)
    elif img2img:
        fields["init_images"] = [image_from(each) for each in given["init_images"]]
        fields["mask"] = image_from(given["mask"]) if given.get("mask") else None
    return fields


def _from_canvas(given: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The picture, the mask, and a size that is relative to the picture's, where the page has one."""
    canvas = canvas_from(given)
    picture, mask = compose(canvas, float(fields.get("mask_blur") or 0), _number(given, "mask_transparency", 0))
    found: dict[str, Any] = {"init_images": [picture], "mask": mask}
    scale = _number(given, "scale", 0)
    if scale > 0:
        unit = 1 if canvas.painting is None else _CELL  # Forge rounds down
        found |= {"width": int(picture.width * scale) // unit * unit, "height": int(picture.height * scale) // unit * unit}
    return found


def _number(given: Mapping[str, Any], name: str, default: float) -> float:
    value = given.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Unreadable(say("live.no_canvas_number", name=name, value=repr(value)[:80]))
    return value


def _json(status: int, **content: Any) -> Response:
    return Response(json.dumps(content), status, media_type="application/json")
