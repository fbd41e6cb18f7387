"""`python -m lab all` makes everything anew; `python -m lab <stage>` one part. Finished stages are skipped."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from demo.weights import LORAS, SHIPPED, Models, models_in, unpack, write_configuration

from .autoencoder import train_autoencoder
from .base import make_latents, train_base
from .distillation import Sources, distil_consistency, distil_lightning
from .evaluation import HEADLINE, Evaluation, full_matrix
from .export import export_checkpoint
from .judge import train_judge
from .negative_host import measure_host
from .negative_report import measure_negative_prompts
from .pack import BEST, pack_models
from .pictures import sample_pictures, save_sheet
from .report import evaluate
from .settings import Settings, full_settings, quick_settings
from .tiny_decoder import train_tiny_decoder

_HERE = Path(__file__).parent


class Pipeline:
    """The stages, in order. Each leaves one or more files and has nothing to do where they exist.

    Delete a file, and everything that was made from it, to have it made again.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.models = models_in(settings.work / "models")
        self.autoencoder = settings.work / "autoencoder.safetensors"
        self.latents = settings.work / "latents.safetensors"
        self.base = settings.work / "base.safetensors"
        self.sources = Sources(self.base, self.models.tokenizer, self.latents, settings.lora_rank)
        self.stages: dict[str, Callable[[], None]] = {
            "data": self.draw_sheet,
            "vae": self.train_autoencoder,
            "latents": self.make_latents,
            "base": self.train_base,
            "judge": self.train_judge,
            "lcm": self.distil_lcm,
            "tcd": self.distil_tcd,
            "lightning": self.distil_lightning,
            "export": self.export,
            "decoder": self.train_tiny_decoder,
            "evaluate": self.evaluate,
            "pack": self.pack,
        }

    def draw_sheet(self) -> None:
        """Some training pictures, to look at."""
        target = self.settings.work / "data.png"
        if _missing(target):
            _, pictures = sample_pictures(64, np.random.default_rng(0))
            save_sheet(pictures, 8, target)

    def train_autoencoder(self) -> None:
        self._train(self.autoencoder, train_autoencoder, self.settings.autoencoder)

    def make_latents(self) -> None:
        if _missing(self.latents):
            make_latents(self.settings.latents, self.autoencoder, self.latents)

    def train_base(self) -> None:
        write_configuration(self.models)
        self._train(self.base, train_base, self.settings.base, self.latents, self.models.tokenizer)

    def train_judge(self) -> None:
        self._train(self.models.judge, train_judge, self.settings.judge)

    def distil_lcm(self) -> None:
        self._train(self.models.loras[LORAS[0]], distil_consistency, "lcm", self.sources, self.settings.lcm)

    def distil_tcd(self) -> None:
        self._train(self.models.loras[LORAS[1]], distil_consistency, "tcd", self.sources, self.settings.tcd)

    def distil_lightning(self) -> None:
        previous = None
        for steps, training in self.settings.lightning:
            target = self.models.loras[f"tiny-lightning-{steps}step-lora"]
            self._train(target, distil_lightning, steps, previous, self.sources, training)
            previous = target

    def export(self) -> None:
        if _missing(self.models.checkpoint):
            export_checkpoint(self.base, self.autoencoder, self.models)

    def train_tiny_decoder(self) -> None:
        self._train(self.models.decoder, train_tiny_decoder, self.settings.decoder, self.models.checkpoint, self.settings.decoder_pictures)

    def evaluate(self) -> None:
        self.evaluate_models(self.models, self.settings.work, self.settings.prompts, headline=self.settings.quick)

    def evaluate_models(self, models: Models, folder: Path, prompts: int, headline: bool) -> None:
        """Measure any models, the shipped ones say; results.json and report.md go to `folder`."""
        evaluation = Evaluation(models, prompts, self.settings.reference_pictures)
        evaluate(evaluation, HEADLINE if headline else full_matrix(), folder, prompts)

    def pack(self) -> None:
        pack_models(self.models, self.settings.packed, effort=0 if self.settings.quick else BEST)

    def _train(self, target: Path, train: Callable[..., None], *arguments: object) -> None:
        """Call `train(*arguments, checkpoint, target)`, unless its target exists."""
        if _missing(target):
            checkpoint = self.settings.work / "training" / f"{target.stem}.pt"
            train(*arguments, checkpoint, target)
            checkpoint.unlink(missing_ok=True)


def _missing(target: Path) -> bool:
    if target.exists():
        print(f"{target.name}: done before")
        return False
    print(f"{target.name}: making it", flush=True)
    return True


def main() -> None:
    options = _parser().parse_args()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)  # the optimiser's moments would otherwise decay into the slow range
    default = _HERE / ("work-quick" if options.quick else "work")
    work = (options.work or default).resolve()
    settings = quick_settings(work, work / "packed") if options.quick else full_settings(work, SHIPPED)
    if options.stage == "nag":
        models, prompts = unpack(work / "shipped" / "models"), options.prompts or settings.prompts
        if options.host:
            measure_host(options.host, models, prompts, work, settings.prompts)
        else:
            measure_negative_prompts(models, prompts, work)
        return
    pipeline = Pipeline(settings)
    if options.shipped:
        folder = work / "shipped"
        prompts = options.prompts or settings.prompts
        pipeline.evaluate_models(unpack(folder / "models"), folder, prompts, options.headline)
        return
    for stage in pipeline.stages if options.stage == "all" else [options.stage]:
        print(f"== {stage}", flush=True)
        pipeline.stages[stage]()


def _parser() -> argparse.ArgumentParser:
    stages = list(Pipeline(full_settings(Path(), Path())).stages)
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    parser.add_argument("stage", choices=["all", *stages, "nag"], help="nag: negative prompts at CFG 1, with the models of demo/models")
    parser.add_argument("--quick", action="store_true", help="a few steps of everything; proves the pipeline only")
    parser.add_argument("--work", type=Path, help="where files go (default: lab/work, or lab/work-quick)")
    parser.add_argument("--threads", type=int, default=2, help="of torch (default: 2)")
    parser.add_argument("--host", metavar="URL", help="nag only: ask a running WebUI, and compare with what nag.json holds of the lab's")
    shipped = parser.add_argument_group("evaluate only")
    shipped.add_argument("--shipped", action="store_true", help="measure the models of demo/models")
    shipped.add_argument("--prompts", type=int, help="how many of the 500 (default: all)")
    shipped.add_argument("--headline", action="store_true", help="only the settings of the README's table")
    return parser


if __name__ == "__main__":
    main()
