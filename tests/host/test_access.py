"""Who may use our routes: whoever may use the host's page or its API, with gradio's own login, whichever gradio is installed."""
from __future__ import annotations

from typing import Any

import gradio as gr
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from gradio.routes import App

from .fake import Host

ANN, BOB = ("ann", "secret"), ("bob", "pass:word")


def app_of(host: Host, page: bool, logins: list[tuple[str, str]] | None, api_auth: str | None) -> FastAPI:
    """A host's app with one route that is guarded as all of ours are."""
    host.shared.cmd_opts.api_auth = api_auth
    app: Any = FastAPI()
    if page:
        with gr.Blocks() as blocks:
            gr.HTML("page")
        blocks.auth, blocks.auth_message, blocks.config = logins, None, blocks.get_config_file()
        app = App.create_app(blocks)
    router = APIRouter(dependencies=host.our("access").guards(app))
    router.add_api_route("/ours", lambda: {"names": "private"})
    app.include_router(router)
    return app


def status(app: FastAPI, login: tuple[str, str] | None = None, basic: tuple[str, str] | None = None) -> int:
    client = TestClient(app)
    if login is not None:
        client.post("/login", data=dict(zip(("username", "password"), login, strict=True)))
    page = client.get("/config").status_code
    found = (client.get("/ours", auth=basic) if basic else client.get("/ours")).status_code
    assert basic or page in (404, found), "with a login alone, we ask for what the page asks for"
    return found


@pytest.mark.parametrize("page", [True, False], ids=["page", "nowebui"])
def test_where_the_host_asks_nobody_we_ask_nobody(host: Host, page: bool) -> None:
    app = app_of(host, page, None, None)
    assert status(app) == status(app, basic=ANN) == 200


def test_the_pages_login(host: Host) -> None:
    app = app_of(host, True, [ANN, BOB], None)
    assert status(app) == status(app, login=("ann", "wrong")) == status(app, login=("eve", "secret")) == 401
    assert status(app, login=ANN) == status(app, login=BOB) == 200
    assert status(app, basic=ANN) == 401, "the page knows no such login"


@pytest.mark.parametrize("page", [False, True], ids=["nowebui", "page"])
def test_the_apis_account(host: Host, page: bool) -> None:
    app = app_of(host, page, None, "ann:secret,bob:pass:word")
    client = TestClient(app)
    assert client.get("/ours").status_code == client.get("/ours", auth=("ann", "wrong")).status_code == 401
    assert client.get("/ours", auth=("eve", "secret")).status_code == 401
    assert client.get("/ours").headers["WWW-Authenticate"] == "Basic"
    assert status(app, basic=ANN) == status(app, basic=BOB) == 200


def test_with_both_either_will_do(host: Host) -> None:
    app = app_of(host, True, [ANN], "bob:pass:word")
    assert status(app) == status(app, login=BOB) == status(app, basic=ANN) == 401
    assert status(app, login=ANN) == status(app, basic=BOB) == 200


def test_a_page_whose_login_cannot_be_asked_lets_nobody_in(host: Host) -> None:
    """A gradio that keeps its logins elsewhere: better closed than open."""
    host.shared.cmd_opts.api_auth = None
    app: Any = FastAPI()
    app.auth = {"ann": "secret"}
    router = APIRouter(dependencies=host.our("access").guards(app))
    router.add_api_route("/ours", lambda: {})
    app.include_router(router)
    assert TestClient(app).get("/ours").status_code == 401
