"""`python -m lab.picture NAME`: the README's picture, drawn by a real WebUI with the extension (see `lab.hosts`)."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np

from demo.compare import Row
from demo.judge import Judge, load_judge, which_are_right
from demo.places import HERE
from demo.scenes import Prompt, fixed_prompts
from demo.sheet import draw
from demo.weights import models_in

from .hosts import Headline, WebUI, headlines, started
from .settings import full_settings

ROWS = (
    "base, 30 steps, CFG 4",
    *("TCD, 2 steps, by hand", "TCD, 2 steps"),
    *("Lightning, 2 steps, by hand", "Lightning, 2 steps"),
    *("Hyper-SD, 2 steps, by hand", "Hyper-SD, 2 steps"),
)


def draw_rows(webui: WebUI, judge: Judge, prompts: list[Prompt], target: Path) -> None:
    """Ask for every row and write the picture."""
    known = {headline.name: headline for headline in headlines()}
    draw([row_of(webui, judge, known[name], prompts) for name in ROWS], [prompt.text for prompt in prompts], target)


def row_of(webui: WebUI, judge: Judge, headline: Headline, prompts: list[Prompt]) -> Row:
    """The headline's pictures, and which of them are right."""
    pictures = [webui.draw(headline, prompt.text, number) for number, prompt in enumerate(prompts)]
    return Row(_label(headline), headline.setting.steps, verdicts=which_are_right(judge, np.stack(pictures), prompts), pictures=pictures)


def _label(headline: Headline) -> str:
    name = headline.name.partition(",")[0]
    if headline.method:
        return f"{name}, with the Accelerator"
    return f"{name} by hand: Euler, Automatic" if headline.tag else "without the Accelerator"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lab.picture", description=__doc__)
    parser.add_argument("name", help="a linked WebUI, for instance a1111")
    parser.add_argument("--work", type=Path, default=Path(os.environ.get("FEWSTEP_LAB") or Path(__file__).parent / "work"))
    parser.add_argument("--prompts", type=int, default=32, help="the share right is of so many; the first eight are shown")
    parser.add_argument("--target", type=Path, default=HERE / "readme.png")
    options = parser.parse_args()
    models = models_in(options.work / "models", list(full_settings(Path(), Path()).distillations))
    with started(options.name, models) as webui:
        draw_rows(webui, load_judge(models.judge), fixed_prompts(options.prompts), options.target)
    print(options.target)


if __name__ == "__main__":
    main()
