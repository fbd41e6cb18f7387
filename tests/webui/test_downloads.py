"""A LoRA that is not installed is fetched from the page, in Chromium, from a local stand-in for huggingface.co."""
from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from filelock import FileLock

from ..downloads import server
from . import hosts, lora_files
from .client import PROMPT, WebUI
from .conftest import Pool
from .test_page import SECONDS, Tab, wait_until

SECONDS_LONG = 8
"""How long a download takes that is not held up."""
METHOD = "Own few-step"
TABLE = """
methods:
  own:
    label: {label}
    families: [{family}]
    steps: 4
    cfg: 1
    weight: 1
    sampler: LCM Few-Step
    timesteps: lcm
    scheduler: Automatic
    negative_prompt: "no"
    noncommercial: true
files:
  - file: weights.safetensors
    method: own
    family: {family}
    repo: {repo}
    path: {path}
    names: ['^some-lora$']
    size: {size}
    sha256: "{sha256}"
    licence: cc-by-nc-4.0
    loads_in: all
"""
ALL = hosts.all_hosts()


class Visit:
    """A host that may download, the stand-in that it downloads from, and the file."""

    def __init__(self, running: hosts.Running, hub: server.Hub):
        self.running, self.hub = running, hub
        self.file = running.data / "models" / "Lora" / "some-lora.safetensors"


def lora_bytes(host: hosts.Host, folder: Path) -> bytes:
    return lora_files.write_lora(host.checkpoint(host.families[0]), folder / "x.safetensors", seed=99).read_bytes()


def table(host: hosts.Host, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    return TABLE.format(label=METHOD, family=host.families[0], repo=server.REPO, path=server.PATH, size=len(content), sha256=digest)


@pytest.fixture
def visit(request: pytest.FixtureRequest, pool: Pool, tmp_path: Path) -> Iterator[Visit]:
    host, flags = request.param
    pool.stop()  # one WebUI at a time
    content = lora_bytes(host, tmp_path)
    with server.hub(content) as hub:
        online = {"HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "1", "HF_ENDPOINT": hub.url, "HF_HUB_DOWNLOAD_TIMEOUT": "120"}
        data = pool.new_folder(host)
        with hosts.running(host, data, flags=flags, user_table=table(host, content), environment=online) as running:
            yield Visit(running, hub)


@pytest.fixture
def tab(visit: Visit, browser: Any) -> Iterator[Tab]:
    context = browser.new_context(viewport={"width": 1280, "height": 1600})
    page = context.new_page()
    page.set_default_timeout(SECONDS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    open_page(page, visit)
    yield Tab(page, "txt2img")
    context.close()
    assert not [error for error in errors if "fewstep" in error.lower() or "accelerator" in error.lower()]


def open_page(page: Any, visit: Visit) -> None:
    page.goto(visit.running.url)
    page.locator("#fewstep_txt2img_accordion input.input-accordion-checkbox").wait_for(state="visible")
    wait_until(lambda: page.locator("#txt2img_prompt[data-fewstep-followed]").count() == 1)


def button(tab: Tab) -> Any:
    """The one that fetches the file, in the list of methods."""
    return tab.own("more_list").locator('button[data-act="download:own"]').first


def share(tab: Tab) -> float:
    bar = tab.own("status").locator("progress")
    return float(bar.get_attribute("value", timeout=1000) or 0) if bar.count() else -1.0


def shown(tab: Tab) -> None:
    """Switches on, and opens the list of methods as far as it goes."""
    tab.switch(on=True)
    tab.unfold("more")
    wait_until(lambda: tab.own("more_list").locator(".fewstep-row").count() > 0)
    tab.page.evaluate("document.querySelectorAll('#fewstep_txt2img_more_list details').forEach((each) => each.open = true)")


def set_option(visit: Visit, name: str, value: Any) -> None:
    requests.post(f"{visit.running.url}/sdapi/v1/options", json={name: value}, timeout=60).raise_for_status()


@pytest.mark.parametrize("visit", [(host, ()) for host in ALL], ids=[host.name for host in ALL], indirect=True)
def test_a_missing_lora_is_one_button_away(visit: Visit, tab: Tab, screenshots: Path) -> None:
    name = visit.running.host.name
    content = visit.hub.content
    gate = threading.Event()
    visit.hub.behaviours = [server.slowly(len(content) // SECONDS_LONG), server.held_at(len(content) * 6 // 10, gate)]
    shown(tab)
    wait_until(lambda: "UNet evaluations instead of" in tab.plan)  # Auto has others
    assert button(tab).is_visible() and button(tab).get_attribute("aria-label") == f"Download {METHOD}, 4 steps"
    assert "cc-by-nc-4.0" in tab.own("more_list").inner_text() and "non-commercial" in tab.own("more_list").inner_text()
    set_option(visit, "fewstep_downloads", False)
    tab.own("reset").click()
    wait_until(lambda: button(tab).count() == 0 and tab.own("more_list").locator(f'a[href$="{server.REPO}"]').count() == 1)
    set_option(visit, "fewstep_downloads", True)
    tab.own("reset").click()
    wait_until(lambda: button(tab).count() == 1)
    shown(tab)
    tab.own("accordion").screenshot(path=screenshots / f"{name}-download-offer.png")

    button(tab).click()
    wait_until(lambda: share(tab) > 0.1)
    assert tab.data()["state"] == "downloading" and not visit.file.exists()
    tab.own("accordion").screenshot(path=screenshots / f"{name}-download-running.png")
    tab.own("status").locator('button[data-act="cancel"]').click()
    wait_until(lambda: "Cancelled" in tab.own("more_list").text_content())
    assert not visit.file.exists() and tab.data()["state"] == "on"

    shown(tab)
    button(tab).click()
    wait_until(lambda: share(tab) > 0.3)
    open_page(tab.page, visit)  # the page is loaded anew: the download goes on
    tab.switch(on=True)
    wait_until(lambda: 0.3 < share(tab) < 0.7)
    tab.unfold("more")
    gate.set()
    wait_until(lambda: "own" in tab.data()["keys"] or tab.own("more_list").locator('button[data-act="use:own"]').count() == 1)
    tab.choose("own")
    wait_until(lambda: tab.plan.startswith(f"{METHOD}: 4 steps, CFG 1, LCM Few-Step, <lora:some-lora:1>"))
    tab.own("accordion").screenshot(path=screenshots / f"{name}-download-done.png")
    assert visit.file.read_bytes() == content and not list(visit.file.parent.glob("*.part"))
    assert [headers.get("range", "").split("=")[0] for path, headers in visit.hub.asked if path == server.ADDRESS] == ["", "bytes"]

    for side in ("width", "height"):
        tab.type_number(tab.host(side), 64)
    tab.prompt(PROMPT)
    info = tab.generate()
    assert "Accelerator: own" in info and "some-lora" in info
    saved = visit.running.data / "ui-config.json"
    keys = json.loads(saved.read_text(encoding="utf-8")) if saved.exists() else {}
    assert not [key for key in keys if "Download" in key or "fewstep" in key.lower()]


@pytest.mark.parametrize(
    "visit", [(host, ("--listen",)) for host in ALL if host.kind != hosts.EMBEDDED],
    ids=[host.name for host in ALL if host.kind != hosts.EMBEDDED], indirect=True,
)  # fmt: skip
def test_where_others_come_in_nobody_downloads(visit: Visit, tab: Tab, screenshots: Path) -> None:
    """By the host's own rule for installing extensions."""
    shown(tab)
    wait_until(lambda: tab.own("more_list").locator(f'a[href$="{server.REPO}"]').count() == 1)
    assert button(tab).count() == 0
    tab.own("accordion").screenshot(path=screenshots / f"{visit.running.host.name}-download-forbidden.png")
    tab.act("download:own")
    wait_until(lambda: "own" not in tab.data()["keys"])
    assert not visit.file.exists() and visit.hub.asked == []


@pytest.mark.slow
@pytest.mark.parametrize("visit", [(host, ()) for host in ALL], ids=[host.name for host in ALL], indirect=True)
def test_reload_ui_ends_a_download_and_the_next_one_goes_on(visit: Visit, tab: Tab) -> None:
    """The reloaded script is a new library, which knows nothing of the old one's thread."""
    visit.hub.behaviours = [server.slowly(len(visit.hub.content) // 60)]
    shown(tab)
    button(tab).click()
    wait_until(lambda: share(tab) > 0.1)
    WebUI(visit.running, visit.running.host.families[0]).reload_ui()
    wait_until(lambda: list(visit.file.parent.glob("*.part")) != [])
    open_page(tab.page, visit)
    shown(tab)
    with FileLock(visit.file.parent / ".fewstep-download.lock", timeout=60):
        pass  # what was cut off has let the folder go: until then it waited for the server's next bytes
    button(tab).click()
    wait_until(lambda: "own" in tab.data()["keys"] or tab.own("more_list").locator('button[data-act="use:own"]').count() == 1)
    assert visit.file.read_bytes() == visit.hub.content
    assert "range" in visit.hub.asked[-1][1]
