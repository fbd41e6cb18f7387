"""Who may use our routes: whoever may use the host's page or its API."""
from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from modules import shared


def guards(app: FastAPI) -> list[Any]:
    """Dependencies for a router: they ask for the page's login (`--gradio-auth`) or an account of `--api-auth`, for either where the host
    has both, and for nothing where it has neither.
    """
    page_asks = any(getattr(app, name, None) is not None for name in ("auth", "auth_dependency"))
    told: str = getattr(shared.cmd_opts, "api_auth", None) or ""
    if told:
        return [Depends(_page_or_account(_page_user(app) if page_asks else _nobody, told.split(",")))]
    return [Depends(_page_alone(_page_user(app)))] if page_asks else []


def _page_user(app: FastAPI) -> Callable[[Request], Any]:
    """gradio's own answer to who is logged in (None: nobody), because its versions keep that differently."""
    return next((route.endpoint for route in app.routes if getattr(route, "path", "") == "/user"), _nobody)  # type: ignore[attr-defined]


def _nobody(request: Request) -> None:
    return None


def _page_alone(user_of: Callable[[Request], Any]) -> Callable[..., None]:
    def check(request: Request) -> None:
        if user_of(request) is None:
            raise HTTPException(401, "Not logged in: log in on the WebUI's page")

    return check


def _page_or_account(user_of: Callable[[Request], Any], accounts: list[str]) -> Callable[..., None]:
    def check(request: Request, given: HTTPBasicCredentials | None = Depends(HTTPBasic(auto_error=False))) -> None:
        if user_of(request) is None and (given is None or not _is_among(f"{given.username}:{given.password}", accounts)):
            raise HTTPException(401, "Incorrect username or password", headers={"WWW-Authenticate": "Basic"})

    return check


def _is_among(account: str, accounts: list[str]) -> bool:
    """In the same time whichever it is."""
    return sum(secrets.compare_digest(account.encode(), each.encode()) for each in accounts) > 0
