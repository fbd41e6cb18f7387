"""`python -m demo`: every method on the tiny models, as a table and as a picture."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from demo import compare, judge, scenes, sheet
from demo.host.session import Session
from demo.places import OUT, REPOSITORY, prepare_data, prepare_models
from demo.printing import LiveLine


def main(arguments: list[str] | None = None) -> None:
    """Unpack the models, run everything, print the table and write demo/out/compare.png."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--pictures", type=int, default=24, help="prompts per method (default 24, at most 500)")
    parser.add_argument("--methods", nargs="*", default=compare.METHODS, help="keys of methods")
    parser.add_argument("--sheet", type=Path, default=OUT / "compare.png", help="where the picture goes")
    options = parser.parse_args(arguments)

    prompts = scenes.fixed_prompts(options.pictures)
    models = prepare_models()
    session = Session(models.folder, prepare_data(), [REPOSITORY])
    referee = judge.load_judge(models.judge)
    doubt = 50 / len(prompts) ** 0.5  # standard error of a share near one half, in points
    total = len(prompts) * (1 + 3 * len(options.methods))
    print(f"Making {total} pictures: {len(prompts)} for each row, and as many again with the same LoRA set by hand:")
    print('Euler with the WebUI\'s "Automatic" timesteps, once at CFG 1 and once at the CFG that the page opens with, 7.')
    print(f"Right: everything the prompt names is there, +-{doubt:.0f} points.\n")
    print(compare.heading(), flush=True)
    line, rows = LiveLine(sys.stdout), []
    for method in (None, *options.methods):
        rows.append(compare.run_method(session, referee, prompts, method, line.show))
        line.finish(compare.line(rows[-1]))
    sheet.draw(rows, [prompt.text for prompt in prompts], options.sheet)
    print(f"\npictures: {options.sheet}")


if __name__ == "__main__":
    main()
