"""What the Accelerator costs, as figures: `make bench`, or `python -m tests.webui.bench [host …]` for some of the linked WebUIs.

Each host is started twice, without and with the extension, and asked for the same picture: 4 steps at CFG 1 with a LoRA. By hand that
is the sampler, schedule and tag written out; with the Accelerator it is `{"method": …}`. Medians of wall times, requests in turn.
"""
from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import hosts
from .client import WebUI
from .test_generation import EULER_METHOD

RUNS = 9
MANY = 5000


def seconds(ask: Callable[[], Any]) -> float:
    started = time.perf_counter()
    ask()
    return time.perf_counter() - started


def median_ms(ask: Callable[[], Any], runs: int = RUNS) -> float:
    return 1000 * statistics.median(seconds(ask) for _ in range(runs))


def start_up(running: hosts.Running) -> str:
    """What the host's own log says that loading scripts took."""
    found = re.search(r"load scripts: ([\d.]+)s", running.log.read_text(encoding="utf-8", errors="replace"))
    return f"{found[1]} s" if found else "–"


def add_loras(running: hosts.Running, count: int) -> None:
    """Fills the LoRA folder with links to one file: what a preview costs depends on their number."""
    folder = running.data / "models" / "Lora"
    source = next(folder.rglob("*.safetensors")).resolve()
    many = folder / "many"
    many.mkdir()
    for number in range(count):
        (many / f"style-{number:05}.safetensors").symlink_to(source)


def measure(host: hosts.Host, folder: Path) -> dict[str, str]:
    family = host.families[0]
    row = {"host": host.name}
    with hosts.running(host, folder / "without", with_extension=False) as running:
        stock = WebUI(running, family)
        stock.load_checkpoint()
        without = start_up(running)
    with hosts.running(host, folder / "with") as running:
        webui = WebUI(running, family)
        webui.load_checkpoint()
        row["load scripts, without / with"] = f"{without} / {start_up(running)}"
        plan = webui.plan(method=EULER_METHOD[family])
        settings = {"steps": plan["steps"], "cfg_scale": plan["cfg"], "sampler_name": plan["sampler"], "scheduler": "Simple"}
        prompt = f"red circle {plan['tag']}"

        def by_hand() -> None:
            webui.txt2img(prompt=prompt, **settings)

        def accelerated() -> None:
            webui.txt2img({"method": EULER_METHOD[family]})

        def ordinary() -> None:
            webui.txt2img(steps=30)

        for warm_up in (by_hand, accelerated, ordinary):
            warm_up()
        pairs = [(seconds(by_hand), seconds(accelerated)) for _ in range(RUNS)]
        row["4 steps by hand, ms"] = f"{1000 * statistics.median(hand for hand, _ in pairs):.0f}"
        row["4 steps, Accelerator, ms"] = f"{1000 * statistics.median(ours for _, ours in pairs):.0f}"
        row["30 steps, CFG 7, ms"] = f"{median_ms(ordinary, 3):.0f}"
        row["plan, ms"] = f"{median_ms(webui.plan):.0f}"
        add_loras(running, MANY)
        webui.post("/sdapi/v1/refresh-loras")
        row[f"plan among {MANY} LoRAs: first, s"] = f"{seconds(webui.plan):.1f}"
        row["then, ms"] = f"{median_ms(webui.plan):.0f}"
    return row


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.webui.bench", description=__doc__)
    parser.add_argument("host", nargs="*", help="names of hosts; all that are linked, and the embedded one, by default")
    options = parser.parse_args()
    chosen = [host for host in hosts.all_hosts() if not options.host or host.name in options.host]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for host in chosen:
            rows.append(measure(host, Path(folder) / host.name))
    print("| " + " | ".join(rows[0]) + " |\n" + "|---" * len(rows[0]) + "|")
    for row in rows:
        print("| " + " | ".join(row.values()) + " |")


if __name__ == "__main__":
    main()
