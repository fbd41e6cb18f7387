"""The routes ask for what the host's page asks for: its login, an account of the API, either of both, or nothing; without a page too."""
from __future__ import annotations

import pytest
import requests

from . import hosts
from .client import WebUI
from .conftest import Pool
from .test_routes import ROUTES

ANN, BOB = ("ann", "secret"), ("bob", "pass")
PAGE, API = "--gradio-auth=eve:word,ann:secret", "--api-auth=eve:word,bob:pass"
WRONG = [("page", ("ann", "pass")), ("page", BOB), ("api", ("bob", "secret")), ("api", ANN), ("nobody", None)]
NOBODY = ("nobody", None)


def visitor(running: hosts.Running, way: str, account: tuple[str, str] | None) -> requests.Session:
    """Somebody who has logged in on the page, or who sends the account as the API takes it; or nobody."""
    session = requests.Session()
    session.headers["Connection"] = "close"
    if way == "page" and account:
        session.post(f"{running.url}/login", data=dict(zip(("username", "password"), account, strict=True)), timeout=60)
    session.auth = account if way == "api" else None
    return session


@pytest.mark.parametrize(("flags", "welcome", "page"), [
    pytest.param([], [NOBODY], 200, id="nothing", marks=pytest.mark.slow),
    pytest.param([PAGE], [("page", ANN)], 401, id="gradio-auth", marks=pytest.mark.slow),
    pytest.param([API], [("api", BOB)], 200, id="api-auth", marks=pytest.mark.slow),
    pytest.param([PAGE, API], [("page", ANN), ("api", BOB)], 401, id="both"),
    pytest.param(["--nowebui"], [NOBODY], 404, id="nowebui", marks=pytest.mark.slow),
    pytest.param(["--nowebui", PAGE, API], [("api", BOB)], 404, id="nowebui-both", marks=pytest.mark.slow),
])
def test_who_may_ask(
    webui: WebUI, pool: Pool, flags: list[str], welcome: list[tuple[str, tuple[str, str] | None]], page: int
) -> None:
    host = webui.running.host
    if webui.family != host.families[0]:
        pytest.skip("asked once a host: it does not depend on the checkpoint")
    with hosts.running(host, pool.new_folder(host), flags=flags) as running:
        assert visitor(running, *NOBODY).get(f"{running.url}/config", timeout=60).status_code == page, "not the host that was meant"
        for who in [*WRONG, *welcome]:
            let_in = who in welcome or NOBODY in welcome
            for verb, path in ROUTES:
                expected = 401 if not let_in else 422 if path == "live" else 200  # which is told what to send
                found = visitor(running, *who).request(verb, f"{running.url}/fewstep/v1/{path}", timeout=60)
                assert found.status_code == expected, (who, path)
                assert "detail" in found.json() or expected == 200
