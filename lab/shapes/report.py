"""results.json and report.md: measured cells are kept, so an interrupted evaluation continues."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..files import save_text
from .evaluation import Cell, Evaluation


def evaluate(evaluation: Evaluation, cells: Iterable[Cell], folder: Path, prompts: int) -> None:
    """Measure what `folder`/results.json does not hold yet, then write `folder`/report.md."""
    path = folder / "results.json"
    results = _read(path, prompts)
    if not results["references"]:
        results["references"] = {name: asdict(score) for name, score in evaluation.references().items()}
        save_text(json.dumps(results, indent=1), path)
    for cell in cells:
        if cell.key not in results["cells"]:
            score = evaluation.run(cell)
            results["cells"][cell.key] = {**asdict(cell), **asdict(score)}
            save_text(json.dumps(results, indent=1), path)
            print(f"{cell.key}: exact {score.exact:.1%}, distance {score.distance:.0f}", flush=True)
    save_text(report(results), folder / "report.md")


def report(results: dict[str, Any]) -> str:
    """The tables, in Markdown."""
    prompts = results["prompts"]
    lines = [
        "# What the judge found",
        "",
        f"{prompts} fixed prompts and noises. *Exact*: pictures with everything that their prompt names; its standard",
        f"error is up to {50 / prompts**0.5:.1f} points. *Attributes*: of all named attributes, those found. *Distance*:",
        "Frechet distance to real pictures in the judge's features, lower is better.",
        "",
        "| reference | exact % | attributes % | distance |",
        "|---|---|---|---|",
        *(f"| {name} | {_numbers(score)} |" for name, score in results["references"].items()),
    ]
    cells = results["cells"].values()
    for lora in dict.fromkeys(cell["lora"] for cell in cells):
        lines += [
            "",
            f"## {lora or 'The base model, no LoRA'}",
            "",
            "| sampler | steps | CFG | weight | gamma | exact % | attributes % | distance |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for cell in cells:
            if cell["lora"] == lora:
                gamma = "" if cell["gamma"] is None else f"{cell['gamma']:g}"
                setting = f"{cell['sampler']} | {cell['steps']} | {cell['guidance']:g} | {cell['weight']:g} | {gamma}"
                lines.append(f"| {setting} | {_numbers(cell)} |")
    return "\n".join(lines) + "\n"


def _numbers(score: dict[str, Any]) -> str:
    return f"{100 * score['exact']:.1f} | {100 * score['attributes']:.1f} | {score['distance']:.0f}"


def _read(path: Path, prompts: int) -> dict[str, Any]:
    """Earlier results, if they are of as many prompts."""
    if path.exists():
        results = json.loads(path.read_text(encoding="utf-8"))
        if results["prompts"] == prompts:
            return results
    return {"prompts": prompts, "references": {}, "cells": {}}
