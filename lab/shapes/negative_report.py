"""nag.json and nag.md: what a negative prompt does at CFG 1. Measured cells are kept, so that an interrupted run continues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from demo.weights import Models

from ..files import save_text
from .negative import METHODS, WAYS, Method, NegativePrompts, Way


def measure_negative_prompts(models: Models, prompts: int, folder: Path) -> None:
    """Measures what `folder`/nag.json does not hold yet, then writes the table of all methods and ways to `folder`/nag.md."""
    path = folder / "nag.json"
    results = read(path, prompts)
    missing = {method: [way for way in WAYS if key(method, way) not in results["cells"]] for method in METHODS}
    experiment = NegativePrompts(models, prompts) if any(missing.values()) else None
    for method, ways in missing.items():
        for way, kept, right in experiment.measure(method, ways) if experiment and ways else ():
            results["cells"][key(method, way)] = [kept, right]
            save_text(json.dumps(results, indent=1), path)
            print(f"{key(method, way)}: kept {kept:.1%}, right {right:.1%}", flush=True)
    save_text(table(results), folder / "nag.md")


def key(method: Method, way: Way) -> str:
    return f"{method.name} | {way.name}"


def read(path: Path, prompts: int) -> dict[str, Any]:
    """Earlier results, if they are of as many prompts."""
    if path.exists():
        results = json.loads(path.read_text(encoding="utf-8"))
        if results["prompts"] == prompts:
            return results
    return {"prompts": prompts, "cells": {}}


def table(results: dict[str, Any]) -> str:
    """Kept / right in percent, a row a way and a column a method, in Markdown."""
    prompts = results["prompts"]
    lines = [f"{prompts} prompts; kept / right, in percent. The standard error is up to {50 / prompts**0.5:.1f} points.", ""]
    lines += ["| | " + " | ".join(method.name for method in METHODS) + " |", "|---" * (len(METHODS) + 1) + "|"]
    for way in WAYS:
        cells = [results["cells"].get(key(method, way)) for method in METHODS]
        shown = ["–" if cell is None else f"{100 * cell[0]:.0f} / {100 * cell[1]:.0f}" for cell in cells]
        lines.append(f"| {way.name} | " + " | ".join(shown) + " |")
    return "\n".join(lines) + "\n"
