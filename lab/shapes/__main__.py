"""`python -m lab.shapes`: what the settings of the shipped models are worth. `--nag`: negative prompts at CFG 1. `--variety`: seeds."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from demo.weights import unpack

from .evaluation import HEADLINE, Evaluation, full_matrix
from .negative_host import measure_host
from .negative_report import measure_negative_prompts
from .report import evaluate
from .variety_report import measure_variety

_REFERENCE_PICTURES, _ALL_PROMPTS = 6000, 500


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lab.shapes", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path(__file__).parents[1] / "work" / "shipped", help="where files go")
    parser.add_argument("--threads", type=int, default=2, help="of torch (default: 2)")
    parser.add_argument("--prompts", type=int, default=500, help="how many of the 500 (default: all)")
    parser.add_argument("--headline", action="store_true", help="only the settings of the README's table")
    parser.add_argument("--nag", action="store_true", help="negative prompts instead")
    parser.add_argument("--variety", action="store_true", help="how much different seeds differ instead; 100 prompts will do")
    parser.add_argument("--host", metavar="URL", help="with --nag: ask a running WebUI, and compare with what nag.json holds of the lab's")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    models = unpack(options.work / "models")
    if options.nag:
        # The tables lie beside the models' folder, where they always did.
        if options.host:
            measure_host(options.host, models, options.prompts, options.work.parent, _ALL_PROMPTS)
        else:
            measure_negative_prompts(models, options.prompts, options.work.parent)
        return
    if options.variety:
        measure_variety(models, options.prompts, options.work.parent)
        return
    evaluation = Evaluation(models, options.prompts, _REFERENCE_PICTURES)
    evaluate(evaluation, HEADLINE if options.headline else full_matrix(), options.work, options.prompts)


if __name__ == "__main__":
    main()
