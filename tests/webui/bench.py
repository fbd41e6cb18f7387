"""What the Accelerator costs, as figures: `make bench`, or `python -m tests.webui.bench [host …]` for some of the linked WebUIs.

The same picture is asked for with the sampler, schedule and LoRA tag written out by hand and the Accelerator off, and with `{"method": …}`
alone: in turn, so that what else the machine does meets both alike. The probe times a generation and the work in it that nobody can
save: UNet, text encoder, VAE. The rest is overhead, and how much more of it there is with the Accelerator is what the Accelerator costs.
Figures are medians; "CPU" is the time that the generation's own thread has worked.
"""
from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench_detect import make_folder

from . import hosts
from .bench_live import SERVE, MakeServe, live_figures, serve_figures
from .client import PROMPT, Result, WebUI
from .test_generation import EULER_METHOD, has_simple, hires_fields

RUNS = 15
MANY = 5000
KINDS = 50
"""Different files among them; the others are links to these."""
WALL, CPU = 0, 1
_LOAD = "load of the machine, 1 and 5 min"
Ask = Callable[[], Result]


# ---------------------------------------------------------------------------------------------------------- one generation


def took(result: Result, clock: int = WALL) -> float:
    """Milliseconds of a generation."""
    return 1000 * result.probe["spent"]["all"][clock]


def work(result: Result, clock: int = WALL) -> float:
    """Milliseconds of its UNet, text encoder and VAE."""
    return 1000 * sum(result.probe["spent"][kind][clock] for kind in ("unet", "text", "vae"))


def overhead(result: Result, clock: int) -> float:
    return took(result, clock) - work(result, clock)


def in_turn(one: Ask, other: Ask, runs: int = RUNS) -> list[tuple[Result, Result]]:
    """Pairs of generations, every second one begun with the other."""
    for warm_up in (one, other):
        warm_up()
    pairs = []
    for number in range(runs):
        first, second = (one, other) if number % 2 else (other, one)
        made = first(), second()
        pairs.append(made if number % 2 else made[::-1])
    return pairs


def cost(pairs: list[tuple[Result, Result]], clock: int) -> str:
    """How much more overhead the second of each pair has: the median, and the quartiles around it."""
    low, middle, high = statistics.quantiles([overhead(other, clock) - overhead(one, clock) for one, other in pairs], n=4)
    return f"{middle:+.1f} ({low:+.1f} … {high:+.1f})"


def rewritten(one: Ask, other: Ask) -> str:
    """How many weights of the UNet are written between two pictures with the same LoRA: by hand, and with the Accelerator."""
    counts = []
    for ask in (one, other):
        ask()
        counts.append(ask().probe["rewritten"])
    return " / ".join(map(str, counts))


# ------------------------------------------------------------------------------------------------------------- one WebUI


def requests_of(webui: WebUI) -> tuple[Callable[..., Result], Callable[..., Result]]:
    """The same picture by hand, with the Accelerator off, and with the Accelerator."""
    method = EULER_METHOD[webui.family]
    plan = webui.plan(method=method)
    settings: dict[str, Any] = {"steps": plan["steps"], "cfg_scale": plan["cfg"], "sampler_name": plan["sampler"]}
    settings["scheduler"] = "Simple" if has_simple(webui) else "SGM Uniform"

    def by_hand(**fields: Any) -> Result:
        return webui.txt2img(prompt=f"{PROMPT} {plan['tag']}", **settings, **fields)

    def accelerated(**fields: Any) -> Result:
        return webui.txt2img({"method": method}, **fields)

    return by_hand, accelerated


def add_loras(running: hosts.Running, count: int) -> None:
    """Fills the LoRA folder as collectors have it: headers of real size with a trainer's metadata, one in fifty a published name."""
    real, many = running.data / "loras", running.data / "models" / "Lora" / "many"
    for folder in (real, many):
        folder.mkdir()
    kinds = make_folder(real, KINDS)
    for number in range(count):
        source = kinds[number % KINDS]
        (many / f"{source.stem} {number}.safetensors").symlink_to(source)


def start_up(webui: WebUI) -> dict[str, str]:
    """What our script took at the host's start, as the host's own record and the probe tell. A host looks through the stack and all loaded
    modules for a callback that an extension registers while it is loaded.
    """
    probe = webui.get("/probe/startup")
    figures = {"start-up: drawing the controls, ms": f"{1000 * probe['drawn'].get('accelerator.py', 0):.0f}"}
    answer = webui.request("GET", "/internal/profile-startup")
    records: dict[str, float] = answer.json()["records"] if answer.status_code == 200 else {}
    loaded = next((took for name, took in records.items() if name.startswith("load scripts") and name.endswith("accelerator.py")), None)
    hooks = records.get("scripts before_ui_callback")
    if loaded is not None and hooks is not None:
        figures["start-up: loading the script, ms; of that registering a callback"] = f"{1000 * loaded:.0f}; {1000 * probe['callback']:.0f}"
        figures["start-up: what all extensions do before the page is made, ms"] = f"{1000 * hooks:.0f}"
    return figures


def seconds(ask: Callable[[], Any]) -> float:
    started = time.perf_counter()
    ask()
    return time.perf_counter() - started


def measure(host: hosts.Host, folder: Path, runs: int, many: int) -> dict[str, str]:
    figures: dict[str, str] = {}
    with hosts.running(host, folder) as running:
        webui = WebUI(running, host.families[0])
        figures.update(start_up(webui))
        webui.load_checkpoint()
        by_hand, accelerated = requests_of(webui)
        pairs = in_turn(by_hand, accelerated, runs)
        ordinary = [webui.txt2img(steps=30) for _ in range(3)]
        medians = [statistics.median(took(pair[side]) for pair in pairs) for side in (0, 1)]
        figures["4 steps by hand / with the Accelerator, ms"] = " / ".join(f"{each:.0f}" for each in medians)
        figures["30 steps at CFG 7, ms"] = f"{statistics.median(map(took, ordinary)):.0f}"
        ratios = [statistics.median(took(pair[side]) / work(pair[side]) for pair in pairs) for side in (0, 1)]
        figures["all / UNet, texts and VAE, by hand / with the Accelerator"] = " / ".join(f"{each:.2f}" for each in ratios)
        figures["overhead added, ms"] = cost(pairs, WALL)
        figures["overhead added, ms of CPU"] = cost(pairs, CPU)
        figures["weights rewritten for a second picture, by hand / with"] = rewritten(by_hand, accelerated)
        hires = hires_fields(webui)
        figures["the same with hires fix"] = rewritten(lambda: by_hand(**hires), lambda: accelerated(**hires))
        figures["plan, ms"] = f"{1000 * statistics.median(seconds(webui.plan) for _ in range(9)):.0f}"
        figures.update(live_figures(webui, runs))
        figures.update(measure_negative_prompt(webui, runs))
        figures.update(measure_many(webui, by_hand, accelerated, runs, many))
    figures[_LOAD] = "{:.1f}, {:.1f}".format(*os.getloadavg())
    return figures


def measure_alone(what: Callable[[WebUI, int], dict[str, str]], host: hosts.Host, folder: Path, runs: int) -> dict[str, str]:
    with hosts.running(host, folder) as running:
        webui = WebUI(running, host.families[0])
        webui.load_checkpoint()
        return {**what(webui, runs), _LOAD: "{:.1f}, {:.1f}".format(*os.getloadavg())}


def measure_negative_prompt(webui: WebUI, runs: int) -> dict[str, str]:
    """What the negative prompt at CFG 1 adds: to a step in which it acts, and to a whole picture of four steps, in two of which it does."""

    def with_nag(**settings: Any) -> Ask:
        return lambda: webui.txt2img({"method": EULER_METHOD[webui.family], **settings}, negative_prompt="blurry, green")

    steps = in_turn(with_nag(nag=0), with_nag(nag=2, nag_until=0), runs)
    pictures = in_turn(with_nag(nag=0), with_nag(nag=2), runs)
    ratios = [[other.probe["spent"]["unet"][clock] / one.probe["spent"]["unet"][clock] for one, other in steps] for clock in (WALL, CPU)]
    added = [took(other) / took(one) for one, other in pictures]
    return {
        "negative prompt at CFG 1: a step in which it acts / one without": quartiles(ratios[WALL]),
        "the same in CPU time": quartiles(ratios[CPU]),
        "negative prompt at CFG 1: the picture / one without": quartiles(added),
    }


def quartiles(figures: list[float]) -> str:
    low, middle, high = statistics.quantiles(figures, n=4)
    return f"{middle:.2f} ({low:.2f} … {high:.2f})"


def measure_many(webui: WebUI, by_hand: Ask, accelerated: Ask, runs: int, many: int) -> dict[str, str]:
    """The same in a folder of thousands."""
    add_loras(webui.running, many)
    listing = seconds(lambda: webui.post("/sdapi/v1/refresh-loras"))
    first = seconds(webui.plan)
    later = 1000 * statistics.median(seconds(webui.plan) for _ in range(9))
    pairs = in_turn(by_hand, accelerated, runs)
    return {
        f"{many} LoRAs: the host lists them, s": f"{listing:.1f}",
        f"{many} LoRAs: first plan, s; then, ms": f"{first:.1f}; {later:.0f}",
        f"{many} LoRAs: overhead added, ms": cost(pairs, WALL),
        f"{many} LoRAs: overhead added, ms of CPU": cost(pairs, CPU),
    }


def table(measured: dict[str, dict[str, str]]) -> str:
    """Markdown: a row a figure, a column a WebUI."""
    names = dict.fromkeys(name for figures in measured.values() for name in figures)
    rows = [[name, *(figures.get(name, "–") for figures in measured.values())] for name in names]
    head = ["", *measured]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.webui.bench", description=__doc__)
    parser.add_argument("host", nargs="*", help="names of hosts; all that are linked, and the embedded one, by default")
    parser.add_argument("--runs", type=int, default=RUNS, help="pairs of generations")
    parser.add_argument("--negative", action="store_true", help="only what the negative prompt at CFG 1 costs")
    parser.add_argument("--loras", type=int, default=MANY, help="files in the large folder")
    parser.add_argument("--live", action="store_true", help="only the figures of Live; of the embedded host with its own models too")
    options = parser.parse_args()
    measured: dict[str, dict[str, str]] = {}
    for host in hosts.all_hosts():
        if not options.host or host.name in options.host:
            print(f"{host.name} …", file=sys.stderr)
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder) / host.name
                if options.negative or options.live:
                    what = measure_negative_prompt if options.negative else live_figures
                    measured[host.name] = measure_alone(what, host, place, options.runs)
                else:
                    measured[host.name] = measure(host, place, options.runs, options.loras)
                if options.live and host.kind == hosts.EMBEDDED:
                    measured[SERVE] = measure_alone(serve_figures, MakeServe.like(host), Path(folder) / "serve", options.runs)
            print(table({host.name: measured[host.name]}), file=sys.stderr)
    print(table(measured))


if __name__ == "__main__":
    main()
