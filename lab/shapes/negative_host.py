"""The headline of the table, asked of a running WebUI with the extension, over HTTP: does a negative prompt do there what it does here?

The WebUI (`--api`) needs the files of `demo/models` as `lab/work/shipped/models` has them, and `demo/methods.yaml` as its `fewstep.yaml`.
"""

from __future__ import annotations

import base64
import io
import json
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demo.judge import Judge, load_judge, recognise
from demo.weights import Models

from ..files import save_text
from .negative import METHODS, WAYS, Way, against, kept_and_right, scenes
from .negative_report import key, read

_SECONDS = 300
_ROWS = {"LCM, 4 steps": ("lcm", 0.375), "TCD, 4 steps": ("tcd", 0.375), "Lightning, 4 steps": ("tiny-lightning-4", 0.5)}
"""Key and alpha of the rows that a WebUI takes for these methods."""


class Host:
    """A WebUI at `url`, whose pictures `judge` looks at."""

    def __init__(self, url: str, judge: Judge):
        self._url, self._judge = url.rstrip("/"), judge

    def seen(self, prompts: Sequence[str], negatives: Sequence[str], **accelerator: Any) -> NDArray[np.int64]:
        """What a picture of each prompt shows, each drawn from a seed of its own. Raises OSError where the WebUI does not answer."""
        pairs = enumerate(zip(prompts, negatives, strict=True))
        return recognise(self._judge, np.stack([self._draw(seed, *texts, accelerator) for seed, texts in pairs]))

    def _draw(self, seed: int, prompt: str, negative: str, accelerator: dict[str, Any]) -> NDArray[np.uint8]:
        asked = {"prompt": prompt, "negative_prompt": negative, "seed": seed, "width": 64, "height": 64, "save_images": False}
        body = json.dumps({**asked, "alwayson_scripts": {"Accelerator": {"args": [accelerator]}}}).encode()
        request = urllib.request.Request(f"{self._url}/sdapi/v1/txt2img", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            picture = json.load(answer)["images"][0]
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture))).convert("RGB"))


def measure_host(url: str, models: Models, prompts: int, folder: Path, lab_prompts: int) -> None:
    """Writes `folder`/nag-host.md: the WebUI's shares beside the lab's, of which `folder`/nag.json holds those of `lab_prompts` prompts."""
    host, (wanted, sentences) = Host(url, load_judge(models.judge)), scenes(prompts)
    measured: dict[str, tuple[float, float]] = {}
    for method in METHODS:
        if method.name not in _ROWS:
            continue
        row, alpha = _ROWS[method.name]
        plain = host.seen(sentences, [""] * len(sentences), method=row, nag=0)
        guided = host.seen(sentences, against(sentences, plain), method=row)
        for way, seen in ((WAYS[0], plain), (_way(alpha), guided)):
            measured[key(method, way)] = kept_and_right(seen, plain, wanted)
            print(f"{key(method, way)}: kept, right {measured[key(method, way)]}", flush=True)
    save_text(compared(measured, prompts, read(folder / "nag.json", lab_prompts)), folder / "nag-host.md")


def _way(alpha: float) -> Way:
    return next(way for way in WAYS if way.nag is not None and way.nag.alpha == alpha and way.nag.until)


def compared(measured: dict[str, tuple[float, float]], prompts: int, lab: dict[str, Any]) -> str:
    """A row a cell, in Markdown: kept / right in percent, in the WebUI and in the lab, and by how many standard errors they differ most."""
    lines = [f"{prompts} prompts in the WebUI, {lab['prompts']} in the lab; kept / right, in percent.", ""]
    lines += ["| | WebUI | lab | standard errors apart |", "|---|---|---|---|"]
    for name, shares in measured.items():
        known = lab["cells"].get(name)
        told = "–" if known is None else f"{100 * known[0]:.0f} / {100 * known[1]:.0f}"
        apart = "–" if known is None else f"{max(errors(a, prompts, b, lab['prompts']) for a, b in zip(shares, known, strict=True)):.1f}"
        lines.append(f"| {name.replace(' | ', ', ')} | {100 * shares[0]:.0f} / {100 * shares[1]:.0f} | {told} | {apart} |")
    return "\n".join(lines) + "\n"


def errors(share: float, count: int, other: float, other_count: int) -> float:
    """By how many standard errors of their difference two shares differ, of `count` and `other_count` pictures."""
    together = (share * count + other * other_count) / (count + other_count)
    error = (together * (1 - together) * (1 / count + 1 / other_count)) ** 0.5
    return abs(share - other) / error if error else 0.0
