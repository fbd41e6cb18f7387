"""`python -m lab.timing`: how long a full run takes on this machine, from a few steps of every training at full size."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import torch

from demo.weights import models_in

from .devices import use_device
from .pipeline import Pipeline
from .settings import Training, full_settings, timing_settings

_NOT_TIMED = ("data", "pack")


def trainings() -> dict[str, Training]:
    """Every training of a full run, by the name of the file that it leaves."""
    full = full_settings(Path(), Path())
    return {
        "reader": full.reader,
        "autoencoder": full.autoencoder,
        "judge": full.judge,
        "base": full.base,
        **full.distillations,
        models_in(Path()).decoder.stem: full.decoder,
    }


def table(folder: Path) -> list[str]:
    """The lines of the table, from the summaries that the trainings left in `folder`."""
    lines = ["| training | steps x batch | seconds a step | of a processor | minutes |", "|---|---|---|---|---|"]
    total = 0.0
    for name, training in trainings().items():
        summary = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        wall, processor = (summary[key] / summary["steps"] for key in ("seconds", "processor_seconds"))
        total += wall * training.steps / 60
        size = f"{training.steps} x {training.batch}"
        lines.append(f"| {name} | {size} | {wall:.2f} | {processor:.2f} | {wall * training.steps / 60:.0f} |")
    return [*lines, f"| all | | | | {total:.0f} |"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lab.timing", description=__doc__)
    parser.add_argument("--threads", type=int, default=2, help="of torch (default: 2)")
    parser.add_argument("--device", help="cpu or cuda (default: a GPU where there is one)")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    device = use_device(options.device)
    with tempfile.TemporaryDirectory() as folder:
        pipeline = Pipeline(timing_settings(Path(folder)))
        for name, stage in pipeline.stages.items():
            if name not in _NOT_TIMED:
                stage()
        print(f"{device}, {options.threads} threads")
        print("\n".join(table(Path(folder) / "training")))


if __name__ == "__main__":
    main()
