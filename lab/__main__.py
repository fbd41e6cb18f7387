"""`python -m lab all` makes everything anew; `python -m lab <stage> ...` parts of it. Finished stages are skipped."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import torch

from .devices import use_device
from .pipeline import Pipeline
from .settings import full_settings, quick_settings

_HERE = Path(__file__).parent
CHAINS = (("lcm", "dmd", "turbo", "hyper-cfg"), ("tcd", "lightning", "hyper"))
"""All distillations; chains need nothing of each other. Two processes of one thread make more of two cores than one of two threads."""
_FIRST_DISTILLATION = "lightning"
_WORK = "FEWSTEP_LAB"
"""The environment variable that names the folder for everything the stages leave."""


def main() -> None:
    options = _parser().parse_args()
    torch.set_num_threads(options.threads)
    device = use_device(options.device)
    print(f"training on {device}", flush=True)
    torch.set_flush_denormal(True)  # the optimiser's moments would otherwise decay into the slow range
    work = _work_folder(options)
    settings = quick_settings(work, work / "packed") if options.quick else full_settings(work, work / "packed")
    pipeline = Pipeline(settings)
    for stage in pipeline.stages if "all" in options.stage else options.stage:
        print(f"== {stage}", flush=True)
        if stage == _FIRST_DISTILLATION and "all" in options.stage and device == "cpu":
            _run_beside_each_other(options, work)
        pipeline.stages[stage]()


def _run_beside_each_other(options: argparse.Namespace, work: Path) -> None:
    """One process of one thread for each chain; ends the program where one fails, once the others are done."""
    command = [sys.executable, "-m", "lab", "--work", str(work), "--device", "cpu", "--threads", "1"]
    command += ["--quick"] if options.quick else []
    processes = [subprocess.Popen([*command, *chain]) for chain in CHAINS]
    codes = [process.wait() for process in processes]
    if failed := [" ".join(chain) for chain, code in zip(CHAINS, codes, strict=True) if code]:
        sys.exit(f"failed: {', '.join(failed)}")


def _work_folder(options: argparse.Namespace) -> Path:
    given = options.work or os.environ.get(_WORK)
    return Path(given or _HERE / ("work-quick" if options.quick else "work")).resolve()


def _parser() -> argparse.ArgumentParser:
    stages = list(Pipeline(full_settings(Path(), Path())).stages)
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    parser.add_argument("stage", nargs="+", choices=["all", *stages])
    parser.add_argument("--quick", action="store_true", help="a few steps of everything; proves the pipeline only")
    parser.add_argument("--work", type=Path, help=f"where files go (default: ${_WORK}, else lab/work, or lab/work-quick)")
    parser.add_argument("--device", help="cpu or cuda (default: a GPU where there is one)")
    parser.add_argument("--threads", type=int, default=2, help="of torch (default: 2)")
    return parser


if __name__ == "__main__":
    main()
