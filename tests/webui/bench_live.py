"""How fast Live is, beside the same pictures through the host's API; and what typing a prompt is like."""
from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from demo import places, weights
from tests.chromium import launched

from . import hosts
from .client import PROMPT, SMALL, WebUI
from .test_page import Tab

STEPS = (1, 2, 4)
TYPED = "a large red circle beside a small green square on dark blue."
KEYS_A_SECOND = 8
FOREVER_SECONDS = 20
SERVE = "make serve"
_TICKS = os.sysconf("SC_CLK_TCK")


class MakeServe(hosts.Host):
    """The embedded host as a newcomer sees it, with the models that it comes with. Its LoRAs are those, not the tests' random ones."""

    @classmethod
    def like(cls, host: hosts.Host) -> MakeServe:
        return cls(SERVE, host.kind, host.root, host.python, checkpoints={"sd15": weights.unpack(places.OUT / "models").checkpoint})

    def command(self, port: int, data: Path, flags: Sequence[str] = ()) -> list[str]:
        return [str(self.python), "-m", "demo.serve", "--no-repository", "--port", str(port), "--data-dir", str(data), *flags]


class Page:
    """Asks as the page's script does. `fields` are what all its pictures have in common."""

    def __init__(self, webui: WebUI, **fields: Any):
        self.webui, self.fields = webui, fields
        self.name, self.number = f"bench {time.time()}", 0

    def ask(self, **fields: Any) -> requests.Response:
        self.number += 1
        body = {"prompt": PROMPT, **SMALL, **self.fields, **fields, "page": self.name, "number": self.number}
        answer = self.webui.request("POST", "/fewstep/v1/live", json=body)
        assert answer.status_code == 200, answer.text
        return answer


def live_figures(webui: WebUI, runs: int) -> dict[str, str]:
    """By name. The seed changes from picture to picture, as nothing that stays is drawn again."""
    figures: dict[str, str] = {}
    source = webui.txt2img(steps=4).files[0]
    for tab, fields in (("txt2img", {}), ("img2img", {"init_images": [source], "denoising_strength": 1.0})):
        for steps in STEPS:
            settings = {"steps": steps, "cfg_scale": 1, **fields}
            page = Page(webui, **settings)
            body = {"prompt": PROMPT, **SMALL, **settings}

            def api(seed: int, tab: str = tab, body: dict[str, Any] = body) -> None:
                webui.post(f"/sdapi/v1/{tab}", {**body, "seed": seed})

            began = time.time()
            live, host = in_turn(webui, lambda seed, page=page: page.ask(seed=seed), api, runs=runs)
            name = f"{tab}, {steps} step{'s' if steps > 1 else ''}"
            figures[f"{name}: pictures a second, Live / API"] = f"{1 / live[0]:.1f} / {1 / host[0]:.1f}"
            figures[f"{name}: ms of CPU a picture, Live / API / UNet, texts and VAE"] = (
                f"{1000 * live[1]:.0f} / {1000 * host[1]:.0f} / {1000 * work(webui, began):.0f}"
            )
    draft = Page(webui, steps=4, cfg_scale=1, draft=True)
    if '"notes": []' in draft.ask().headers.get("X-Fewstep", ""):
        seconds, cpu = in_turn(webui, lambda seed: draft.ask(seed=seed), runs=runs)[0]
        figures["txt2img, 4 steps, draft: pictures a second; ms of CPU a picture"] = f"{1 / seconds:.1f}; {1000 * cpu:.0f}"
    figures["Generate forever, 4 steps: pictures a second"] = f"{forever(webui):.1f}"
    figures["typing 60 characters at 8 keys a second: pictures shown; last key to last picture, s"] = typing(webui)
    return figures


def serve_figures(webui: WebUI, runs: int) -> dict[str, str]:
    """Four steps of LCM: plain, with a negative prompt that acts, and as a draft, in turn."""
    kinds: dict[str, dict[str, Any]] = {
        "plain": {}, "with a negative prompt": {"negative_prompt": "green square"}, "draft": {"draft": True},
    }  # fmt: skip
    pages = [Page(webui, accelerator={"method": "lcm"}, **fields) for fields in kinds.values()]
    found = in_turn(webui, *(lambda seed, page=page: page.ask(seed=seed) for page in pages), runs=runs)
    return {
        f"Live, LCM, 4 steps, {kind}: pictures a second; ms of CPU a picture": f"{1 / seconds:.1f}; {1000 * cpu:.0f}"
        for kind, (seconds, cpu) in zip(kinds, found, strict=True)
    }


def forever(webui: WebUI, seconds: float = FOREVER_SECONDS) -> float:
    """Pictures a second of the hosts' own loop, which looks twice a second whether to press Generate again; 0 without a browser."""
    loop = """() => setInterval(() => {
        const interrupt = document.querySelector("#txt2img_interrupt");
        if (interrupt.style.display !== "block") document.querySelector("#txt2img_generate").click();
    }, 500)"""
    try:
        with launched() as browser:
            page = browser.new_page()
            page.goto(webui.url)
            tab = Tab(page, "txt2img")
            for name, value in (("width", 64), ("height", 64), ("steps", 4), ("cfg_scale", 1)):
                tab.type_number(tab.host(name), value)
            began = time.time()
            page.evaluate(loop)
            page.wait_for_timeout(1000 * seconds)
            return len(webui.generations(began)) / seconds
    except pytest.skip.Exception:
        return 0.0


def in_turn(webui: WebUI, *asks: Callable[[int], Any], runs: int) -> list[tuple[float, float]]:
    """Median seconds, and mean seconds of the host's whole process' CPU, of each kind of picture."""
    wall: list[list[float]] = [[] for _ in asks]
    cpu: list[list[float]] = [[] for _ in asks]
    for seed in range(runs + 1):
        for kind, ask in enumerate(asks):
            began, worked = time.perf_counter(), cpu_seconds(webui)
            ask(seed)
            if seed:  # the first warms up
                wall[kind].append(time.perf_counter() - began)
                cpu[kind].append(cpu_seconds(webui) - worked)
    return [(statistics.median(one), statistics.mean(other)) for one, other in zip(wall, cpu, strict=True)]


def cpu_seconds(webui: WebUI) -> float:
    """What the host has worked so far, in all its threads."""
    fields = Path(f"/proc/{webui.running.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def work(webui: WebUI, since: float) -> float:
    """Mean seconds of CPU in UNet, text encoder and VAE, of the API's pictures; those of Live no other script sees."""
    spent = [each["spent"] for each in webui.generations(since)]
    return statistics.mean(sum(each[kind][1] for kind in ("unet", "text", "vae")) for each in spent)


def typing(webui: WebUI) -> str:
    """A page that asks with every key, and shows what is newer than what it shows."""
    page, shown = Page(webui, accelerator={"method": "auto"}), []

    def ask(number: int) -> None:
        answer = page.ask(prompt=TYPED[:number])
        if answer.headers["content-type"] == "image/jpeg":
            shown.append((time.perf_counter(), number))

    page.ask(prompt="")
    began = time.perf_counter()
    with ThreadPoolExecutor(len(TYPED)) as pool:
        for number in range(1, len(TYPED) + 1):
            time.sleep(max(0.0, began + number / KEYS_A_SECOND - time.perf_counter()))
            pool.submit(ask, number)
        last = time.perf_counter()
    assert max(number for _, number in shown) == len(TYPED), "the whole prompt was not drawn"
    return f"{len(shown)}; {max(when for when, _ in shown) - last:.2f}"
