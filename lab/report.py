"""`python -m lab.report` measures everything that is not measured yet and writes lab/REPORT.md."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from demo.scenes import GROUND
from demo.weights import models_in

from . import cells, hosts
from .files import save_text
from .measuring import Laboratory, Measured
from .sampling import Setting
from .settings import full_settings
from .statistics import mean, share, z_of_difference, z_of_shares
from .tasks import Img2Img, NegativePrompts, Variety

_HERE = Path(__file__).parent
_SIGNIFICANT = 2.6
"""Standard errors: one in a hundred would be so far off by chance."""


class Report:
    """The sections, each a list of lines in Markdown."""

    def __init__(self, laboratory: Laboratory) -> None:
        self.laboratory = laboratory
        self.base = laboratory.measure(cells.BASE[30])

    def text(self) -> str:
        return "\n".join(line for section in self._sections() for line in (*section(), "")).rstrip() + "\n"

    def fill_from_the_end(self) -> None:
        """Measure the last sections first: for a second process beside one that makes the text."""
        for section in reversed(self._sections()):
            if section == self.neighbours:
                for _, own in reversed(list(cells.neighbourhoods())):
                    for _, setting in cells.neighbours(own):
                        self.laboratory.measure(setting)
            list(section())

    def _sections(self) -> tuple[Callable[[], Iterator[str]], ...]:
        plain = (self.short, self.references, self.methods, self.order, self.neighbours)
        tasks = (self.negative, self.variety, self.img2img, self.stacked, self.hosts)
        return self.introduction, *plain, *tasks, self.limits

    def introduction(self) -> Iterator[str]:
        count = len(self.laboratory.prompts)
        yield "# What the settings of few-step methods are worth"
        yield ""
        yield f"Made by `python -m lab.report` with the tiny models, {count} fixed prompts and noises, the same for every row; 95 %"
        yield "confidence intervals in brackets. *Right*: the judge finds all that the prompt names. *Kernel distance*: to real pictures,"
        yield "in the judge's features, whose scale is arbitrary; less is better. *Paired distance*: mean squared difference of the"
        yield "latents from those that the teacher (50 steps, CFG 4) draws from the same noise, times 1000; for methods that keep the"
        yield "teacher's trajectory."

    def short(self) -> Iterator[str]:
        yield "## In short"
        yield ""
        yield f"Of the base's share of right pictures in 30 steps ({_right(self.base)} %), at their own settings:"
        yield ""
        for steps in reversed(cells.STEPS):
            reached = {method.name: self._of_base(method.settings[steps]) for method in cells.METHODS if steps in method.settings}
            yield f"- {_steps(steps)}: " + ", ".join(f"{name} {part}" for name, part in reached.items())
        yield ""
        yield "The same LoRAs, steps and noise with Euler and the WebUIs' *Automatic* timesteps, at CFG 1:"
        yield ""
        yield "| | own settings, right % | by hand, right % | z | own, paired distance | by hand | z |"
        yield "|---|---|---|---|---|---|---|"
        pairs = {headline.name: headline.setting for headline in hosts.headlines()}
        for name, own in pairs.items():
            if by_hand := pairs.get(f"{name}, by hand"):
                at, other = self.laboratory.measure(own), self.laboratory.measure(by_hand)
                right = z_of_difference(other.right.astype(float), at.right.astype(float))
                closer = z_of_difference(at.paired, other.paired)
                distances = f"{mean(at.paired).around(1000)} | {mean(other.paired).around(1000)}"
                yield f"| {name} | {_right(at)} | {_right(other)} | {_z(right)} | {distances} | {_z(closer)} |"
        yield ""
        yield f"z counts standard errors of the paired difference, below 0 is worse, bold is beyond {_SIGNIFICANT}. LCM and TCD renew their"
        yield "noise, so that their paired distance means little."

    def references(self) -> Iterator[str]:
        lab = self.laboratory
        yield "## What can be reached"
        yield ""
        yield "| | right % | kernel distance |"
        yield "|---|---|---|"
        rows = (
            ("real pictures (how often the judge is right)", lab.real(False)),
            ("real pictures through the autoencoder: the ceiling", lab.real(True)),
            ("the same, decoded by the small decoder for drafts", lab.drafted()),
            ("real pictures of other prompts: chance", lab.real(False, shuffled=True)),
            ("base, 30 steps of DPM++ 2M Karras at CFG 4", self.base),
        )
        for name, measured in rows:
            yield f"| {name} | {_right(measured)} | {measured.kernel.around(digits=0)} |"

    def methods(self) -> Iterator[str]:
        yield "## Every method at its own settings"
        yield ""
        yield "| method | steps | right % | of the base's | kernel distance | paired distance | seconds for all |"
        yield "|---|---|---|---|---|---|---|"
        for steps, setting in cells.BASE.items():
            yield self._row("base, CFG 4", steps, setting, keeps=True)
        for method in cells.METHODS:
            for steps, setting in method.settings.items():
                yield self._row(method.name, steps, setting, method.keeps)

    def order(self) -> Iterator[str]:
        four = {m.name: self.laboratory.measure(m.settings[4]) for m in cells.METHODS if 4 in m.settings}
        ranked = sorted(four, key=lambda name: -four[name].right.mean())
        yield "## The order at four steps"
        yield ""
        yield "By right pictures: " + ", ".join(f"{name} {100 * four[name].right.mean():.1f} %" for name in ranked) + "."
        yield "The published figures say Hyper-SD before Lightning before TCD before LCM. Neighbours in that order, here:"
        yield ""
        expected = [name for name in ("Hyper-SD", "Lightning", "TCD", "LCM-LoRA") if name in four]
        for better, worse in pairwise(expected):
            z = z_of_difference(four[better].right.astype(float), four[worse].right.astype(float))
            verdict = "confirmed" if z > _SIGNIFICANT else "contradicted" if z < -_SIGNIFICANT else "not told apart"
            yield f"- {better} before {worse}: {verdict} (z {z:.1f})"

    def neighbours(self) -> Iterator[str]:
        yield "## One thing changed at a time"
        yield ""
        yield "z counts standard errors of the paired difference to the method's own setting: below 0 is worse,"
        yield f"bold is beyond {_SIGNIFICANT}. Where a method renews its noise the paired distance means little."
        for name, own in cells.neighbourhoods():
            at = self.laboratory.measure(own)
            yield ""
            yield f"### {name}"
            yield ""
            yield "| changed | right % | z | paired distance | z |"
            yield "|---|---|---|---|---|"
            yield f"| nothing: {own.key} | {_right(at)} | | {mean(at.paired).around(1000)} | |"
            for changed, setting in cells.neighbours(own):
                other = self.laboratory.measure(setting)
                right = z_of_difference(other.right.astype(float), at.right.astype(float))
                closer = z_of_difference(at.paired, other.paired)
                yield f"| {changed} | {_right(other)} | {_z(right)} | {mean(other.paired).around(1000)} | {_z(closer)} |"

    def negative(self) -> Iterator[str]:
        task = NegativePrompts(self.laboratory)
        yield "## Negative prompts"
        yield ""
        yield 'The prompts leave the ground open ("a small cat"), the negative prompt names the one that came out without it.'
        yield "*Kept*: it is there still. *Right*: subject and size are as asked. Kept / right, in percent."
        yield ""
        methods = cells.negative_methods()
        rows: dict[str, list[str]] = {}
        for own, nag in methods.values():
            grounds = task.measure(own, None).seen[:, GROUND]
            for way, setting in cells.negative_ways(own, nag):
                measured = task.measure(setting, grounds)
                kept = task.kept_ground(measured, grounds).mean()
                rows.setdefault(way, []).append(f"{100 * kept:.0f} / {100 * measured.right.mean():.0f}")
        yield from _table(("way", *methods), ((way, *row) for way, row in rows.items()))

    def variety(self) -> Iterator[str]:
        task = Variety(self.laboratory)
        base = task.measure(cells.BASE[30])
        yield "## Variety from seed to seed"
        yield ""
        count = len(task.wanted) // task.SEEDS
        yield f"{count} prompts that leave the ground and the place open, {task.SEEDS} seeds each. *Spread*: the mean distance"
        yield "between the latents of two seeds of one prompt, in percent of the base's in 30 steps, which"
        yield f"draws {_right(base)} % right. Spread / right, in percent; four steps."
        yield ""
        methods = cells.variety_methods()
        rows: dict[str, list[str]] = {}
        for own in methods.values():
            for way, setting in cells.variety_ways(own):
                measured = task.measure(setting)
                apart = 100 * measured.paired.mean() / base.paired.mean()
                rows.setdefault(way, []).append(f"{apart:.0f} / {100 * measured.right.mean():.0f}")
        yield from _table(("", *methods), ((way, *row) for way, row in rows.items()))

    def img2img(self) -> Iterator[str]:
        task = Img2Img(self.laboratory)
        yield "## img2img: which steps?"
        yield ""
        yield "*host*: the share of four steps that the WebUIs make; *all*: all four within the noise that the strength leaves. *keep*: the"
        yield "start already shows what the prompt says; *change*: it shows the scene on another ground. Right, in percent."
        yield ""
        yield "A share of few steps is a rough one: of four steps at strength 0.5 the WebUIs make three and begin at timestep 749,"
        yield "as much noise as strength 0.75 means. That changes more and keeps less; *all* begins where the strength says, as"
        yield "diffusers does."
        yield ""
        rows = []
        for name, strength, host, every in cells.img2img_settings():
            numbers = [f"{100 * task.measure(kind, setting).right.mean():.0f}" for kind in task.TASKS for setting in (host, every)]
            rows.append((name, f"{strength:g}", *numbers))
        yield from _table(("method", "strength", "keep, host", "keep, all", "change, host", "change, all"), rows)

    def stacked(self) -> Iterator[str]:
        yield "## Two LoRAs at once"
        yield ""
        rows = [(name, _right(self.laboratory.measure(setting))) for name, setting in cells.stacked()]
        yield from _table(("on Lightning's settings, 4 steps", "right %"), rows)

    def hosts(self) -> Iterator[str]:
        yield "## Through the extension in real WebUIs"
        yield ""
        every = hosts.measured(self.laboratory.folder)
        if not every:
            yield "Not measured here. `python -m lab.hosts NAME` asks a linked WebUI."
            return
        yield "The same prompts, the WebUI's own noise. *By hand*: the same LoRA and weight in the prompt, Euler, schedule Automatic,"
        yield f"CFG 1. Right, in percent; z counts standard errors between a WebUI and the lab, bold beyond {_SIGNIFICANT}."
        yield ""
        rows = []
        for headline in hosts.headlines():
            own = self.laboratory.measure(headline.setting).right
            row = [headline.name, share(own).around(100)]
            for found in every.values():
                right = found.get(headline.name)
                row += ["", ""] if right is None else [share(right).around(100), _z(z_of_shares(right, own[: len(right)]))]
            rows.append(row)
        yield from _table(("", "lab", *(part for name in every for part in (name, "z"))), rows)
        yield ""
        yield "Negative prompts as above, kept / right, in percent:"
        yield ""
        yield from _table(("four steps", "lab", *every), self._negative_hosts(list(every)))

    def _negative_hosts(self, names: list[str]) -> Iterator[list[str]]:
        task, found = NegativePrompts(self.laboratory), hosts.measured_negative(self.laboratory.folder)
        for method, (own, nag) in cells.negative_methods().items():
            plain = task.measure(own, None)
            grounds = plain.seen[:, GROUND]
            guided = task.measure(replace(own, nag=nag), grounds)
            for way, measured in ((cells.NO_NEGATIVE, plain), (cells.AS_THE_ROW, guided)):
                row = [f"{method}, {way}", f"{100 * task.kept_ground(measured, grounds).mean():.0f} / {100 * measured.right.mean():.0f}"]
                for name in names:
                    asked = found.get(name, {}).get(method, {}).get(way)
                    row.append("" if asked is None else f"{100 * np.mean(asked['kept']):.0f} / {100 * np.mean(asked['right']):.0f}")
                yield row

    def limits(self) -> Iterator[str]:
        yield "## What this cannot tell"
        yield ""
        yield "- How the published models rank: these students train for minutes, on 24 subjects, at 64 pixels. It tells whether a setting"
        yield "  is one that a method was made for, because the arithmetic of sampling is the same at every size."
        yield "- Faces, hands, text, style and taste: the judge knows what is in a picture, not whether it is beautiful."
        yield "- SDXL, flow models and their shifts: the tiny model is of Stable Diffusion 1's kind."
        yield "- Feedback of people: the reader that stands in for it is a network of the judge's kind, though another one."

    def _row(self, name: str, steps: int, setting: Setting, keeps: bool) -> str:
        measured = self.laboratory.measure(setting)
        paired = mean(measured.paired).around(1000) if keeps else ""
        shares = f"{_right(measured)} | {self._of_base(setting)}"
        return f"| {name} | {steps} | {shares} | {measured.kernel.around(digits=0)} | {paired} | {measured.seconds:.1f} |"

    def _of_base(self, setting: Setting) -> str:
        """The share of right pictures in percent of the base's in 30 steps."""
        return f"{100 * self.laboratory.measure(setting).right.mean() / max(float(self.base.right.mean()), 1e-9):.0f} %"


def _steps(count: int) -> str:
    return f"{count} step{'s' * (count > 1)}"


def _right(measured: Measured) -> str:
    return share(measured.right).around(100)


def _z(value: float) -> str:
    return f"**{value:.1f}**" if abs(value) > _SIGNIFICANT else f"{value:.1f}"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = list(head)
    yield f"| {' | '.join(names)} |"
    yield "|---" * len(names) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def main() -> None:
    settings = full_settings(Path(), Path())
    parser = argparse.ArgumentParser(prog="python -m lab.report", description=__doc__)
    default = Path(os.environ.get("FEWSTEP_LAB") or _HERE / "work")
    parser.add_argument("--work", type=Path, default=default, help="where the stages left the models")
    parser.add_argument("--prompts", type=int, default=settings.prompts)
    parser.add_argument("--reference", type=int, default=settings.reference_pictures, help="real pictures to compare with")
    parser.add_argument("--threads", type=int, default=2, help="of torch (default: 2)")
    parser.add_argument("--target", type=Path, default=_HERE / "REPORT.md")
    parser.add_argument("--backwards", action="store_true", help="begin at the end and write nothing: for a second process")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    models = models_in(options.work / "models", list(settings.distillations))
    with torch.no_grad():
        report = Report(Laboratory(models, options.prompts, options.reference, options.work / "cells"))
        if options.backwards:
            report.fill_from_the_end()
        else:
            save_text(report.text(), options.target)


if __name__ == "__main__":
    main()
