"""`python -m lab.hosts NAME`: the report's headline, asked of a real WebUI with the extension, over HTTP.

Do the extension's samplers and plans do in a WebUI what they do here? NAME is a WebUI that is linked for the tests (CONTRIBUTING.md); it is
started with the lab's models. Its noise is another; the prompts are the same. The report has a section of what this leaves in the folder
of cells.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from demo.judge import Judge, is_right, load_judge, recognise, which_are_right
from demo.places import METHODS, REPOSITORY, USER_TABLE
from demo.scenes import GROUND, Prompt, fixed_prompts
from demo.weights import Models, models_in
from tests.webui.hosts import all_hosts
from tests.webui.hosts import started as running_on

from . import cells
from .files import save_text
from .sampling import EULER, Setting
from .settings import full_settings
from .tasks import against, open_prompts

_SECONDS = 300
_HERE = Path(__file__).parent
TINY_FORGE = REPOSITORY / "tests" / "webui" / "tiny_forge"


@dataclass(frozen=True)
class Headline:
    """The same way of sampling, as the lab does it and as a WebUI is asked for it. `tag`: what is added to each prompt."""

    name: str
    setting: Setting
    fields: tuple[tuple[str, Any], ...] = ()
    tag: str = ""
    method: str | None = None
    nag: float | None = None


def headlines() -> Iterator[Headline]:
    """The base; each method as the extension runs it; and the same LoRA by hand: Euler, "Automatic", CFG 1."""
    usual = (("steps", 30), ("cfg_scale", 4.0), ("sampler_name", "DPM++ 2M"), ("scheduler", "Karras"))
    yield Headline("base, 30 steps, CFG 4", cells.BASE[30], usual)
    for name, steps, row in _METHODS:
        own = cells.OWN[name][steps]
        counted = f"{steps} step{'s' * (steps > 1)}"
        yield Headline(f"{name}, {counted}", own, (("steps", steps),), method=row)
        (lora, weight), *_ = own.loras
        automatic = replace(own, sampler=EULER, schedule="Automatic", gamma=None)
        if not torch.equal(automatic.sigmas(), own.sigmas()):  # a single step from 999 is the same either way
            by_hand = (("steps", steps), ("cfg_scale", 1.0), ("sampler_name", "Euler"), ("scheduler", "Automatic"))
            yield Headline(f"{name}, {counted}, by hand", automatic, by_hand, f" <lora:{lora}:{weight:g}>")


_METHODS = (
    ("LCM-LoRA", 4, "lcm"),
    ("LCM-LoRA", 2, "lcm"),
    ("TCD", 4, "tcd"),
    ("TCD", 2, "tcd"),
    ("Lightning", 4, "tiny-lightning-4"),
    ("Lightning", 2, "tiny-lightning-2"),
    ("Hyper-SD", 4, "hyper-sd15-4"),
    ("Hyper-SD", 2, "hyper-sd15-2"),
    ("Hyper-SD", 1, "hyper-sd15-1"),
    ("DMD2", 1, "tiny-dmd2-1"),
)
"""Name in the report, steps, and the row of the extension's tables."""


def negative_headlines(method: str) -> tuple[Headline, Headline]:
    """A method at four steps, without a negative prompt's effect and with it."""
    own, nag = cells.negative_methods()[method]
    row = cells.NEGATIVE_ROWS[method]
    plain = Headline(cells.NO_NEGATIVE, own, (("steps", 4),), method=row, nag=0)
    return plain, replace(plain, name=cells.AS_THE_ROW, setting=replace(own, nag=nag), nag=None)


@contextmanager
def started(name: str, models: Models) -> Iterator[WebUI]:
    """A linked WebUI `name` with the extension, these models, and the tiny methods as the user's own. Raises KeyError where it is not."""
    host = {host.name: host for host in all_hosts()}[name]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        links = {
            data / "extensions" / "few-step-accelerator": REPOSITORY,
            data / USER_TABLE: METHODS,
            **{data / "models" / path.relative_to(models.folder): path for path in models.loras.values() if path.exists()},
            **{data / "models" / "Stable-diffusion" / path.name: path for path in models.checkpoint.parent.iterdir()},
        }
        if host.kind == "forge":
            links[data / "extensions" / "tiny-forge"] = TINY_FORGE
        for place, source in links.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(source.resolve())
        (data / "config.json").write_text(json.dumps({"sd_model_checkpoint": models.checkpoint.name}), encoding="utf-8")
        with running_on(host, data) as running:
            yield WebUI(running.url)


class WebUI:
    """A running WebUI, asked over HTTP."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def draw(self, headline: Headline, prompt: str, seed: int, negative: str = "") -> NDArray[np.uint8]:
        """One picture, uint8 [64, 64, 3]. Raises OSError where the WebUI does not answer, ValueError where the extension did not act."""
        body: dict[str, Any] = {"prompt": prompt + headline.tag, "negative_prompt": negative, "seed": seed}
        fields = {"width": 64, "height": 64, "save_images": False, **dict(headline.fields)}
        if headline.method:
            accelerator = {"method": headline.method, "steps": fields.pop("steps")}
            accelerator |= {} if headline.nag is None else {"nag": headline.nag}
            body["alwayson_scripts"] = {"Accelerator": {"args": [accelerator]}}
        request = urllib.request.Request(
            f"{self._url}/sdapi/v1/txt2img", json.dumps({**body, **fields}).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            result = json.load(answer)
        infotext = json.loads(result["info"])["infotexts"][0]
        if bool(headline.method) != ("Accelerator: " in infotext):
            raise ValueError(f"{headline.name}: the extension {'did not act' if headline.method else 'acted'}. The WebUI says: {infotext}")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(result["images"][0]))).convert("RGB"))


def measure(webui: WebUI, judge: Judge, prompts: list[Prompt], target: Path) -> None:
    """Per headline, which pictures are right; `target` (JSON) keeps what is finished, so that this continues where it was stopped."""
    known: dict[str, list[bool]] = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    for headline in headlines():
        if len(known.get(headline.name, ())) == len(prompts):
            continue
        pictures = np.stack([webui.draw(headline, prompt.text, number) for number, prompt in enumerate(prompts)])
        known[headline.name] = which_are_right(judge, pictures, prompts).tolist()
        save_text(json.dumps(known), target)
        print(f"{headline.name}: {100 * np.mean(known[headline.name]):.1f} % right", flush=True)


def measure_negative(webui: WebUI, judge: Judge, prompts: list[Prompt], target: Path) -> None:
    """The same for negative prompts: per method and way, which grounds are still there, and which pictures are right."""
    known: dict[str, Any] = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    wanted, sentences = open_prompts(np.array([prompt.attributes for prompt in prompts]))
    for method in cells.NEGATIVE_ROWS:
        if method in known:
            continue
        plain, guided = negative_headlines(method)
        seen = recognise(judge, np.stack([webui.draw(plain, sentence, number) for number, sentence in enumerate(sentences)]))
        grounds = seen[:, GROUND]
        asked = enumerate(zip(sentences, against(sentences, grounds), strict=True))
        seen_against = recognise(judge, np.stack([webui.draw(guided, prompt, number, negative) for number, (prompt, negative) in asked]))
        known[method] = {
            headline.name: {"kept": (each[:, GROUND] == grounds).tolist(), "right": is_right(each, wanted).all(1).tolist()}
            for headline, each in ((plain, seen), (guided, seen_against))
        }
        save_text(json.dumps(known), target)
        kept, right = (100 * np.mean(known[method][guided.name][part]) for part in ("kept", "right"))
        print(f"{method}, negative prompt: {kept:.0f} % kept, {right:.0f} % right", flush=True)


def measured_negative(folder: Path) -> dict[str, dict[str, dict[str, dict[str, list[bool]]]]]:
    """{WebUI: {method: {way: {kept, right: per picture}}}} of what was measured so far."""
    return {path.stem.removeprefix("negative-"): json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("negative-*.json")}


def measured(folder: Path) -> dict[str, dict[str, NDArray[np.bool_]]]:
    """{WebUI: {headline: which pictures are right}} of what was measured so far."""
    files = sorted(folder.glob("host-*.json"))
    return {
        path.stem.removeprefix("host-"): {name: np.array(right) for name, right in json.loads(path.read_text(encoding="utf-8")).items()}
        for path in files
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lab.hosts", description=__doc__)
    parser.add_argument("name", help="a linked WebUI, for instance a1111")
    parser.add_argument("--work", type=Path, default=Path(os.environ.get("FEWSTEP_LAB") or _HERE / "work"))
    parser.add_argument("--prompts", type=int, default=200)
    options = parser.parse_args()
    models = models_in(options.work / "models", list(full_settings(Path(), Path()).distillations))
    with started(options.name, models) as webui:
        judge, prompts, folder = load_judge(models.judge), fixed_prompts(options.prompts), options.work / "cells"
        measure(webui, judge, prompts, folder / f"host-{options.name}.json")
        measure_negative(webui, judge, prompts, folder / f"negative-{options.name}.json")


if __name__ == "__main__":
    main()
