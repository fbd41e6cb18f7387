"""variety.json and variety.md: spread over seeds against share right. Measured cells are kept, so that an interrupted run continues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from demo.weights import Models

from ..files import save_text
from .negative_report import read
from .variety import BASE, METHODS, PLAIN, SEEDS, WAYS, Method, Variety, Way

_CELLS = [(method, PLAIN) for method in METHODS] + [(BASE, PLAIN)] + [(method, way) for way in WAYS[1:] for method in METHODS]


def measure_variety(models: Models, prompts: int, folder: Path) -> None:
    """Measures what `folder`/variety.json does not hold yet, then writes the table of all methods and ways to `folder`/variety.md."""
    path = folder / "variety.json"
    results = read(path, prompts)
    missing = [(method, way) for method, way in _CELLS if key(method, way) not in results["cells"]]
    experiment = Variety(models, prompts) if missing else None
    for method, way in missing:
        assert experiment is not None
        spread, right = results["cells"][key(method, way)] = list(experiment.measure(method, way))
        save_text(json.dumps(results, indent=1), path)
        print(f"{key(method, way)}: spread {spread:.2f}, right {right:.1%}", flush=True)
    save_text(table(results), folder / "variety.md")


def key(method: Method, way: Way) -> str:
    return f"{method.name} | {way.name}"


def table(results: dict[str, Any]) -> str:
    """Spread / right in percent, a row a way and a column a method, in Markdown."""
    prompts, cells = results["prompts"], results["cells"]
    whole, right = cells[key(BASE, PLAIN)]
    pictures = prompts * SEEDS
    lines = [
        f"{prompts} prompts with {SEEDS} seeds each; spread / right, in percent, spread of the undistilled model's (30 steps at CFG 4, "
        f"{100 * right:.0f} right). The standard error of the latter is up to {50 / pictures**0.5:.1f} points.", "",
        "| | " + " | ".join(method.name for method in METHODS) + " |", "|---" * (len(METHODS) + 1) + "|",
    ]  # fmt: skip
    for way in WAYS:
        found = [cells.get(key(method, way)) for method in METHODS]
        shown = ["–" if cell is None else f"{100 * cell[0] / whole:.0f} / {100 * cell[1]:.0f}" for cell in found]
        lines.append(f"| {way.name} | " + " | ".join(shown) + " |")
    return "\n".join(lines) + "\n"
