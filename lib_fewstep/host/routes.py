"""Our part of the HTTP API: /fewstep/v1/methods, /loras and /plan. Behind the host's own authentication where that is on."""
from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from fastapi import Body, Depends, FastAPI, HTTPException
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from modules import shared

from ..core.choose import fitting
from ..core.plan import make_plan
from ..core.profiles import Profile, Range
from ..core.request import Request, request_from
from .facts import HostFacts

PREFIX = "/fewstep/v1"


def register(app: FastAPI, facts: HostFacts) -> None:
    """Adds the routes to `app`."""
    guard = [Depends(_authorised)] if getattr(shared.cmd_opts, "api_auth", None) else []

    def methods() -> list[dict[str, Any]]:
        return [_shown(profile) for profile in facts.tables.profiles.values()]

    def loras() -> list[dict[str, Any]]:
        now = facts.of_page()
        usable = {lora.name for lora in fitting(now, facts.tables)}
        return [
            {
                "name": lora.name,
                "method": lora.detection.method,
                "family": lora.detection.family,
                "reason": lora.detection.reason,
                "readable": lora.detection.readable,
                "fits": lora.name in usable,
            }
            for lora in now.loras
            if lora.detection.method or not lora.detection.readable
        ]

    def plan(settings: Any = Body(default={})) -> dict[str, Any]:
        if not isinstance(settings, dict):
            raise HTTPException(422, f'the body is a {type(settings).__name__}; expected an object such as {{"method": "auto"}}')
        prompts = {key: settings.pop(key) for key in ("prompt", "negative_prompt") if isinstance(settings.get(key), str)}
        return make_plan(request_from(settings, replace(Request(), **prompts)), facts.of_page(), facts.tables).as_dict()

    app.add_api_route(f"{PREFIX}/methods", methods, methods=["GET"], dependencies=guard)
    app.add_api_route(f"{PREFIX}/loras", loras, methods=["GET"], dependencies=guard)
    app.add_api_route(f"{PREFIX}/plan", plan, methods=["POST"], dependencies=guard)


def _shown(profile: Profile) -> dict[str, Any]:
    plain = {name: getattr(profile, name) for name in profile.__dataclass_fields__}
    return {name: vars(value) if isinstance(value, Range) else value for name, value in plain.items()}


def _authorised(credentials: HTTPBasicCredentials = Depends(HTTPBasic())) -> None:
    """The accounts of `--api-auth user:password,…`."""
    for account in shared.cmd_opts.api_auth.split(","):
        user, _, password = account.partition(":")
        names_match = secrets.compare_digest(credentials.username.encode(), user.encode())
        if names_match & secrets.compare_digest(credentials.password.encode(), password.encode()):
            return
    raise HTTPException(401, "Incorrect username or password", headers={"WWW-Authenticate": "Basic"})
