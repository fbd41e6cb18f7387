"""How long the page takes from a change to the new sentence: `python -m tests.webui.bench_page [host …]`.

A browser changes a slider, the prompt and the method by turns. The clock runs in the page, from the first event of the control that was
changed to the moment at which the panel has what Python says of it.
"""
from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

from tests.chromium import launched

from . import hosts
from .bench import table
from .client import PROMPT, WebUI
from .test_page import AUTO, LCM, TCD, Tab, wait_until

RUNS = 15
_CLOCK = """(tab) => {
    window.fewstepClock = {from: 0, to: 0};
    document.addEventListener("input", () => { window.fewstepClock.from ||= performance.now(); }, true);
    const seen = new MutationObserver(() => { window.fewstepClock.to = performance.now(); });
    const all = {subtree: true, childList: true, attributes: true, characterData: true};
    for (const name of ["data", "status"]) seen.observe(document.querySelector(`#fewstep_${tab}_${name}`), all);
}"""


def milliseconds(tab: Tab, change: Any, arrived: Any) -> float:
    """From the first event of `change` to the last mutation until `arrived` is true."""
    tab.page.wait_for_timeout(700)  # what came before is over
    tab.page.evaluate("window.fewstepClock.from = 0")
    change()
    wait_until(arrived)
    clock = tab.page.evaluate("window.fewstepClock")
    return clock["to"] - clock["from"]


def measure(host: hosts.Host, folder: Path, runs: int) -> dict[str, str]:
    with hosts.running(host, folder) as running, launched() as browser:
        webui = WebUI(running, host.families[0])
        webui.load_checkpoint()
        page = browser.new_page(viewport={"width": 1280, "height": 1600})
        page.set_default_timeout(60_000)
        page.goto(f"{webui.url}/?__theme=light")
        tab = Tab(page, "txt2img")
        tab.own("accordion").wait_for(state="visible")
        tab.switch(on=True)
        tab.choose(TCD)
        page.evaluate(_CLOCK, "txt2img")
        sliders, prompts, methods = [], [], []
        for i in range(runs):
            steps, method = 5 + i % 2, (LCM, TCD)[i % 2]
            sliders.append(milliseconds(
                tab, lambda n=steps: tab.type_number(tab.own("steps"), n), lambda n=steps: f": {n} steps" in tab.plan,
            ))
            methods.append(milliseconds(
                tab, lambda key=method: tab.choose(key), lambda key=method: tab.data().get("method") == key,
            ))
        tab.choose(AUTO)
        for i in range(runs):
            weight = f"0.{7 + i % 2}"
            prompts.append(milliseconds(
                tab, lambda w=weight: tab.prompt(f"{PROMPT} <lora:TCD-SD15-LoRA:{w}>"), lambda w=weight: f":{w}>" in tab.plan,
            ))
        page.close()
    figures = {"a slider": sliders, "a card": methods, "the prompt": prompts}
    return {f"{name}, ms: median (quartiles)": _quartiles(found) for name, found in figures.items()} | {
        "load of the machine, 1 and 5 min": "{:.1f}, {:.1f}".format(*os.getloadavg())
    }


def _quartiles(found: list[float]) -> str:
    low, middle, high = statistics.quantiles(found, n=4)
    return f"{middle:.0f} ({low:.0f}, {high:.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.webui.bench_page", description=__doc__)
    parser.add_argument("host", nargs="*", help="names of hosts; all that are linked, and the embedded one, by default")
    parser.add_argument("--runs", type=int, default=RUNS, help="changes of each kind")
    options = parser.parse_args()
    measured: dict[str, dict[str, str]] = {}
    for host in hosts.all_hosts():
        if not options.host or host.name in options.host:
            with tempfile.TemporaryDirectory() as folder:
                measured[host.name] = measure(host, Path(folder) / host.name, options.runs)
    print(table(measured))


if __name__ == "__main__":
    main()
