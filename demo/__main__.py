"""`python -m demo`: every method on the tiny models, as a table and as a picture."""

from __future__ import annotations

import argparse

from demo import compare, judge, scenes, weights
from demo.host.session import Session
from demo.places import OUT, REPOSITORY, prepare_data


def main(arguments: list[str] | None = None) -> None:
    """Unpack the models, run everything, print the table and write demo/out/compare.png."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--pictures", type=int, default=32, help="prompts per method (default 32, at most 500)")
    parser.add_argument("--methods", nargs="*", default=compare.METHODS, help="keys of methods")
    options = parser.parse_args(arguments)

    models = weights.unpack(OUT / "models")
    session = Session(models.folder, prepare_data(), [REPOSITORY])
    referee = judge.load_judge(models.judge)
    prompts = scenes.demo_prompts(options.pictures)
    doubt = 50 / len(prompts) ** 0.5  # standard error of a share near one half, in points
    print(f"{len(prompts)} pictures per method. Right: everything the prompt names is there, +-{doubt:.0f} points.\n")
    print(compare.heading(), flush=True)
    rows = []
    for method in (None, *options.methods):
        rows.append(compare.run_method(session, referee, prompts, method))
        print(compare.line(rows[-1]), flush=True)
    compare.draw(rows, OUT / "compare.png")
    print(f"\npictures: {OUT / 'compare.png'}")


if __name__ == "__main__":
    main()
