"""Our part of the HTTP API: /fewstep/v1/methods, /loras, /plan, /progress and /live. Behind the host's own login, as `access` says."""
from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypedDict

from fastapi import APIRouter, Body, FastAPI, HTTPException, Response
from modules import shared

from ..core.choose import fitting
from ..core.decide import make_plan
from ..core.facts import InstalledLora
from ..core.nag import NagRow
from ..core.offers import Progress
from ..core.plan import Plan
from ..core.profiles import Profile, Range, Tables
from ..core.request import ROWS, Request, request_from
from ..page.status import downloading, looking
from ..words.say import in_language, say
from .access import guards
from .facts import HostFacts
from .live import HEADER, WISH, LiveRunner, route
from .openapi import answered, array_of, json_content, open_object, or_null, schema_of, with_fields

PREFIX = "/fewstep/v1"

_SETTINGS = open_object(
    "What cannot be used is ignored and named in the plan's notes; what is left out is as recommended.",
    method="auto, or a key of /fewstep/v1/methods",
    lora="auto, or the name of an installed LoRA",
    **{name: number.described for name, number in ROWS.items()},
    sampler="one of the WebUI's", scheduler="one of the WebUI's, or flux: FLUX.1's authors', by the size",
    by_size="true: the schedule of the model's authors, by the picture's size, where the WebUI has one for every size",
    prompt="where LoRA tags are looked for", negative_prompt="said to have no effect where it has none",
)
_REFUSALS = {status: answered(text, open_object(text, detail="why")) for status, text in (
    (400, "The body cannot be read"), (422, "The body is no JSON object"),
)}

_DRAWN = answered(f"A JPEG, with number, seconds, seed, evaluations and notes as JSON in {HEADER}; or why there is none", open_object(
    "", number="as it was sent", outcome="superseded: a newer request of the page is known; unchanged: the page has this picture",
))
_DRAWN["content"]["image/jpeg"] = {"schema": {"type": "string", "format": "binary"}}
_UNDRAWN = {status: answered(text, open_object("", detail="why")) for status, text in (
    (422, "The request cannot be used"), (500, "The picture failed"),
)}

_PLAN = with_fields(  # as Plan.as_dict has it: the two passes laid flat
    schema_of(Plan), without=("first", "hires", "negative"), summary=str, evaluations=int | None, sampler=str,
    timesteps=Sequence[float] | None, noise_timesteps=Sequence[float] | None, hires_sampler=str, hires_steps=int,
    hires_timesteps=Sequence[float] | None, hires_noise_timesteps=Sequence[float] | None,
    nag_tau=float | None, nag_alpha=float | None, nag_until=float | None,
)


class _Lora(TypedDict):
    name: str
    method: str | None
    family: str | None
    label: str
    reason: str
    readable: bool
    fits: bool


class _Progress(TypedDict):
    state: str
    headline: str
    sentence: str
    chip: str
    share: float
    busy: bool
    picture: int
    pictures: int


def register(app: FastAPI, facts: HostFacts, download: Callable[[], Progress | None], live: LiveRunner) -> None:
    """Adds the routes to `app`. `download` tells how the running download goes, `live` draws."""

    def methods() -> Response:
        return _json([_shown(profile) for profile in facts.tables.profiles.values()])

    def loras() -> Response:
        now = facts.of_page()
        usable = {lora.name for lora in fitting(now, facts.tables)}
        return _json([_described(lora, usable, facts.tables) for lora in now.loras if lora.detection.method or not lora.detection.readable])

    def progress() -> Response:
        return _json(_how_far(facts, download()))

    def plan(settings: Any = Body(default={})) -> Response:
        if not isinstance(settings, dict):
            raise HTTPException(422, f'the body is a {type(settings).__name__}; expected an object such as {{"method": "auto"}}')
        prompts = {key: settings.pop(key) for key in ("prompt", "negative_prompt") if isinstance(settings.get(key), str)}
        request = request_from(settings, replace(Request(), **prompts))
        return _json(make_plan(request, facts.of_page(lora=request.lora), facts.tables).as_dict())

    guarded = guards(app)
    refused = {401: answered("No such account, or not logged in", open_object("", detail="why"))} if guarded else {}

    def answers(schema: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
        return {200: answered("Successful Response", schema), **refused}

    router = APIRouter(prefix=PREFIX, dependencies=guarded)
    router.add_api_route("/methods", methods, methods=["GET"], responses=answers(array_of(schema_of(Profile))), response_model=None)
    router.add_api_route("/loras", loras, methods=["GET"], responses=answers(array_of(schema_of(_Lora))), response_model=None)
    router.add_api_route("/progress", progress, methods=["GET"], responses=answers(schema_of(_Progress)), response_model=None)
    router.add_api_route(
        "/plan", plan, methods=["POST"], responses={**answers(_PLAN), **_REFUSALS},
        openapi_extra={"requestBody": json_content(or_null(_SETTINGS))}, response_model=None,
    )
    router.add_api_route(
        "/live", route(live), methods=["POST"], responses={200: _DRAWN, **refused, **_UNDRAWN},
        openapi_extra={"requestBody": json_content(WISH)}, response_model=None,
    )
    app.include_router(router)


def _json(content: Any) -> Response:
    """In ASCII: half a surrogate pair, of a request or of a file's name that is no UTF-8, cannot be sent otherwise."""
    return Response(json.dumps(content, allow_nan=False), media_type="application/json")


def _shown(profile: Profile) -> dict[str, Any]:
    plain = {name: getattr(profile, name) for name in profile.__dataclass_fields__}
    return {name: vars(value) if isinstance(value, (Range, NagRow)) else value for name, value in plain.items()}


def _described(lora: InstalledLora, usable: set[str], tables: Tables) -> _Lora:
    found = lora.detection
    profile = tables.profiles.get(found.method or "")
    label = profile.label if profile is not None else ""
    return _Lora(
        name=lora.name, method=found.method, family=found.family, label=label, reason=found.reason, readable=found.readable,
        fits=lora.name in usable,
    )


def _how_far(facts: HostFacts, download: Progress | None) -> _Progress:
    """What takes a while now, in the page's language: a first look at the LoRA folder, a download; and whether pictures are made."""
    now, language = facts.of_page(whole=False), facts.language()
    if now.unseen:
        what = looking(len(now.loras), now.unseen)
    else:
        what = downloading(download, facts.tables) if download is not None and download.running else None
    texts = {name: in_language(getattr(what, name, ""), language) for name in ("state", "headline", "sentence", "chip")}
    state = shared.state
    picture, pictures = state.job_no + 1, max(state.job_count, 0)
    if what is None and pictures > 1:
        texts["chip"] = in_language(say("page.compare.chip", picture=min(picture, pictures), pictures=pictures), language)
    share = (what.share or 0.0) if what is not None else 0.0
    return _Progress(
        **texts, share=share, busy=bool(state.job) or pictures > 0, picture=picture, pictures=pictures
    )
