"""Live where the page asks for a login, in Chromium: who has logged in sees pictures, nobody else does, and who is logged out is told."""
from __future__ import annotations

from typing import Any

import pytest
import requests

from lib_fewstep.words.say import SENTENCES

from . import hosts
from .client import PROMPT, SMALL, WebUI
from .conftest import Pool
from .test_access import ANN, PAGE
from .test_live import LIVE
from .test_live_page import begin, number, said
from .test_page import Tab, load, wait_until

pytestmark = pytest.mark.slow


def test_live_is_for_who_has_logged_in(webui: WebUI, pool: Pool, browser: Any) -> None:
    host = webui.running.host
    if webui.family != host.families[0]:
        pytest.skip("asked once a host: it does not depend on the checkpoint")
    with hosts.running(host, pool.new_folder(host), flags=[PAGE]) as running, browser.new_context() as context:
        wish = {"prompt": PROMPT, **SMALL, "page": "nobody's", "number": 1}
        assert requests.post(f"{running.url}{LIVE}", json=wish, timeout=60).status_code == 401

        def log_in() -> None:
            assert context.request.post(f"{running.url}/login", form=dict(zip(("username", "password"), ANN, strict=True))).ok

        log_in()
        tab = Tab(load(context.new_page(), running.url), "txt2img")
        begin(tab, PROMPT)
        assert "a second" in said(tab)

        before, switch = number(tab), tab.own("live").locator("input")
        context.clear_cookies()
        tab.prompt("blue square")
        wait_until(lambda: not switch.is_checked())
        assert said(tab) == SENTENCES["en"]["live.page.login"] and number(tab) == before
        log_in()
        switch.check()
        wait_until(lambda: number(tab) > before)
