"""Flow models on a real Forge and Forge Neo: the authors' noise levels, one evaluation a step, the LoRA in force, and nothing left changed.

Their checkpoints have gigabytes even with random weights and few blocks. Where they lie, the variable FEWSTEP_FLOW_MODELS says: a folder
with `Stable-diffusion/random-<family>.safetensors` (or .gguf), `text_encoder`, `VAE` and `Lora/random-<family>-lora.safetensors`.
"""
from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lib_fewstep.core.flow import flow_levels, shift_for

from . import hosts
from .client import PROMPT, Result, WebUI
from .conftest import Pool
from .test_generation import same

FOLDER = Path(os.environ.get("FEWSTEP_FLOW_MODELS", "/nowhere"))
FLAGS: dict[str, tuple[str, ...]] = {"neo": ("--force-fp32", "--fp32-text-enc", "--fp32-vae"), "forge": ()}
PRESET: dict[str, Any] = {"steps": 2, "cfg_scale": 7.0, "sampler_name": "Euler", "scheduler": "Beta", "distilled_cfg_scale": 6.5}
"""What a page or an API request may bring along, and no author has."""
HOST = "host"


@dataclass(frozen=True)
class Case:
    """A method on a model. `checkpoint` and `lora` are what a user's files are called; `beside` the text encoders and the VAE.

    `rule` and `shift`: the authors' schedule, or with `HOST` the WebUI's. `dial`: what the WebUI's field of the distilled CFG, or of the
    shift, must hold; None where it does not act. `asked`: what the Accelerator is asked for beside the method.
    """

    method: str
    model: str
    beside: tuple[str, ...]
    lora: str = ""
    checkpoint: str = ""
    steps: int = 4
    shift: float = 3.0
    rule: str = "flow"
    weight: float = 1.0
    calls: int = 1
    dial: float | None = 3.0
    kind: str = "neo"
    asked: tuple[tuple[str, Any], ...] = ()

    @property
    def file(self) -> Path:
        folder = FOLDER / "Stable-diffusion"
        return next((path for path in folder.glob(f"random-{self.model}.*")), folder / f"random-{self.model}.safetensors")

    @property
    def name(self) -> str:
        return f"{self.checkpoint or self.file.stem}{self.file.suffix}"

    @property
    def wish(self) -> dict[str, Any]:
        return {"method": self.method, **dict(self.asked)}

    def levels(self, strength: float = 1.0, size: int = 64) -> list[float]:
        return flow_levels(self.steps, strength, shift_for(self.rule, self.shift, self.steps, size, size))


QWEN, FLUX, FLUX2 = (f"VAE/random-{name}-vae.safetensors" for name in ("qwen2d", "flux", "flux2"))
QWEN25, QWEN3, QWEN3_SMALL = (f"text_encoder/random-{name}.gguf" for name in ("qwen25_7b", "qwen3_4b", "qwen3_06b"))
FLUX1 = ("text_encoder/random-clip_l.safetensors", "text_encoder/random-t5.gguf", FLUX)
DEV: dict[str, Any] = {"steps": 8, "shift": math.exp(1.15), "rule": HOST, "dial": 3.5, "kind": "forge"}
"""FLUX.1-dev's methods on Forge's schedule, whose shift at every size is that of 1024 x 1024."""
BY_SIZE: dict[str, Any] = {**DEV, "rule": "flux", "asked": (("by_size", True),)}
CASES = [
    Case("qwen-lightning-4", "qwen", (QWEN25, QWEN), "Qwen-Image-Lightning-4steps-V2.0", dial=None),
    Case("qwen-lightning-8", "qwen", (QWEN25, QWEN), "Qwen-Image-Edit-2511-Lightning-8steps-V1.0-bf16", steps=8, dial=None),
    Case("qwen-wuli-2", "qwen", (QWEN25, QWEN), "Wuli-Qwen-Image-2512-Turbo-LoRA-2steps-V1.0-bf16", steps=2, dial=None),
    Case("zimage-turbo", "z-image", (QWEN3, FLUX), checkpoint="z_image_turbo_bf16", steps=8),
    Case("zimage-distill-4", "z-image", (QWEN3, FLUX), "Z-Image-Fun-Lora-Distill-4-Steps-2603-ComfyUI"),
    Case("zimage-distill-8", "z-image", (QWEN3, FLUX), "Z-Image-Fun-Lora-Distill-8-Steps-2603-ComfyUI", steps=8, weight=0.8),
    Case("flux2-klein", "klein", (QWEN3, FLUX2), checkpoint="flux-2-klein-4b", rule="flux2", dial=None),
    Case("anima-turbo", "anima", (QWEN3_SMALL, QWEN), "anima-turbo-lora-v0.2", steps=8),
    Case("chroma-flash", "chroma", ("text_encoder/random-chroma-te.gguf",), "chroma-flash-heun_r80-fp32-pruned", steps=16, shift=1.0,
         calls=2, dial=None),
    Case("wan22-lightning-4", "wan", ("text_encoder/random-wan-te.gguf",), "Wan2.2-Lightning-4steps-Seko-V1.1-high_noise_model",
         shift=5.0, dial=5.0),
    Case("hyper-flux-8", "flux-dev", FLUX1, "Hyper-FLUX.1-dev-8steps-lora", weight=0.125, **DEV),
    Case("hyper-flux-8", "flux-dev", FLUX1, "Hyper-FLUX.1-dev-8steps-lora", weight=0.125, **BY_SIZE),
    Case("flux-turbo-alpha", "flux-gguf", FLUX1, "FLUX.1-Turbo-Alpha", **DEV),
    Case("flux-turbo-alpha", "flux-gguf", FLUX1, "FLUX.1-Turbo-Alpha", **BY_SIZE),
    Case("tdd-flux", "flux-dev", FLUX1, "FLUX.1-dev_tdd_lora_weights", weight=0.125, **{**DEV, "dial": 2.0}),
    Case("flux-schnell", "flux-schnell", FLUX1, checkpoint="flux1-schnell", shift=1.0, dial=None, kind="forge"),
]


def files() -> dict[str, Path]:
    """What is linked into the host's folder of models, under the names that users' files have; of models without a method, their own."""
    found = {f"{folder}/{path.name}": path for folder in ("text_encoder", "VAE") for path in (FOLDER / folder).glob("*")}
    found |= {f"{path.parent.name}/{path.name}": path for path in FOLDER.glob("*/random-lumina*")}
    for case in CASES:
        if case.file.exists():
            found[f"Stable-diffusion/{case.name}"] = case.file
        lora = FOLDER / "Lora" / f"random-{case.model}-lora.safetensors"
        if case.lora and lora.exists():
            found[f"Lora/{case.lora}.safetensors"] = lora
    return found


@pytest.fixture(scope="module", params=sorted(FLAGS))
def there(request: pytest.FixtureRequest, pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebUI]:
    host = next((host for host in hosts.all_hosts() if host.kind == request.param), None)
    if host is None or not FOLDER.is_dir():
        pytest.skip(f"needs a linked {request.param}, and FEWSTEP_FLOW_MODELS")
    pool.stop()
    data = tmp_path_factory.mktemp("flow") / "data"
    if host.kind == "forge":
        host = replace(host, extensions=(*host.extensions, hosts.HERE / "few_blocks"))
    with hosts.running(host, data, flags=FLAGS[host.kind], models=files()) as running:
        yield WebUI(running, "flow")


@pytest.fixture(params=CASES, ids=lambda case: case.method + "-by-size" * bool(case.asked))
def case(request: pytest.FixtureRequest, there: WebUI) -> Iterator[Case]:
    """The case, with its model chosen."""
    found: Case = request.param
    if found.kind != there.running.host.kind:
        pytest.skip(f"runs on {found.kind}")
    if not found.file.exists():
        pytest.skip(f"there is no {found.file.name}")
    choose(there, found.name, found.beside)
    yield found


def choose(there: WebUI, checkpoint: str, beside: tuple[str, ...]) -> None:
    places = [str(there.running.data / "models" / place) for place in beside]
    there.post("/sdapi/v1/options", {"sd_model_checkpoint": checkpoint, "forge_additional_modules": places})
    there.txt2img(steps=1, cfg_scale=1.0)  # the first generation loads it, and sets options of the host's own


def levels(result: Result, number: int = 0) -> list[float]:
    """What the model was asked, pass by pass: hosts hand a flow model its noise level, times 1000 to some."""
    seen = result.timesteps(number)
    return [each / 1000 for each in seen] if max(seen) > 1 else seen


def test_a_method_runs_as_its_authors_say_and_leaves_nothing_changed(there: WebUI, case: Case) -> None:
    before = there.options()
    plain = there.txt2img(**PRESET)
    made = there.txt2img(case.wish, **PRESET)
    assert f"Accelerator: {case.method}" in made.infotext, made.comments
    as_its_authors_say(there, case, made)
    assert there.options() == before
    again = there.txt2img(**PRESET)
    assert again.files == plain.files and again.infotext == plain.infotext
    assert made.files != plain.files


def as_its_authors_say(there: WebUI, case: Case, made: Result) -> None:
    seen, calls = levels(made), case.steps * case.calls - (case.calls - 1)
    assert seen == pytest.approx(case.levels(), abs=1e-3)
    assert made.evaluations == calls == there.plan(**case.wish)["evaluations"]
    assert [lora["unet"] for lora in made.loras] == ([case.weight] if case.lora else [])
    fields = made.passes[0]["fields"]
    assert fields["cfg_scale"] == 1 and (not case.dial or fields["distilled_cfg_scale"] == case.dial)
    assert not case.dial or f"{'Distilled CFG Scale' if case.kind == 'forge' else 'Shift'}: {case.dial:g}" in made.infotext


def test_img2img_makes_all_steps_in_the_noise_that_is_left_and_tells_how(there: WebUI, case: Case) -> None:
    """And another shift than the row's, where it is the user's to choose, is in force and in the picture's parameters."""
    asked = {"shift": case.shift + 1} if case.dial == case.shift else {}
    picture = there.txt2img(**{**PRESET, "steps": 1, "cfg_scale": 1.0}).files[0]
    made = there.img2img(picture, {**case.wish, **asked}, **{**PRESET, "denoising_strength": 0.5})
    assert levels(made) == pytest.approx(replace(case, **asked).levels(0.5), abs=1e-3)
    again = there.restored(made.files[0])
    assert again["Accelerator"] == case.method and (again.get("Accelerator shift by size") is not None) == (case.rule == "flux")
    assert not asked or again["Accelerator shift"] == f"{case.shift + 1:g}"
    assert not case.dial or made.passes[0]["fields"]["distilled_cfg_scale"] == asked.get("shift", case.dial)


def test_hires_does_too_at_its_own_size_and_with_the_same_shift(there: WebUI, case: Case) -> None:
    hires = {"enable_hr": True, "denoising_strength": 0.5, "hr_upscaler": "None", "hr_scale": 2, "hr_distilled_cfg": 6.5}
    made = there.txt2img(case.wish, **PRESET, **hires, hr_additional_modules=["Use same choices"])
    assert levels(made) == pytest.approx(case.levels(), abs=1e-3)
    assert levels(made, 1) == pytest.approx(case.levels(0.5, 128), abs=1e-3)
    assert not case.dial or made.passes[1]["fields"]["hr_distilled_cfg"] == case.dial


def test_it_is_the_picture_that_the_same_settings_make_by_hand(there: WebUI, case: Case) -> None:
    """So the LoRA is merged as the WebUI merges it. Where the schedule is ours, it is that of *Simple* but for the last digits."""
    if case.rule != HOST and case.dial != case.shift:
        pytest.skip("the WebUI has no such schedule")
    tag, made = there.plan(**case.wish)["tag"], there.txt2img(case.wish, **PRESET)
    settings = {"steps": case.steps, "sampler_name": "Euler", "scheduler": "Simple", "cfg_scale": 1.0, "distilled_cfg_scale": case.dial}
    by_hand = there.txt2img(prompt=f"{PROMPT} {tag or ''}".strip(), **settings)
    assert [lora["unet"] for lora in by_hand.loras] == ([case.weight] if case.lora else [])
    assert np.array_equal(by_hand.image, made.image) if case.rule == HOST else same(by_hand.image, made.image)


def test_a_model_without_a_method_runs_as_the_user_has_it(there: WebUI) -> None:
    """Lumina 2. Its LoRA is not taken for one of a model that has its names, and Auto finds nothing."""
    if there.running.host.kind != "neo" or not (FOLDER / "Stable-diffusion" / "random-lumina.safetensors").exists():
        pytest.skip("needs Neo and random-lumina.safetensors")
    choose(there, "random-lumina.safetensors", ("text_encoder/random-lumina-te.gguf",))
    plain = there.txt2img(**PRESET)
    for wish in ({}, {"method": "zimage-distill-4"}, {"lora": "random-lumina-lora"}):
        made = there.txt2img(wish, **PRESET)
        assert np.array_equal(made.image, plain.image) and levels(made) == levels(plain) and made.evaluations == plain.evaluations
        assert "Accelerator" not in made.infotext and "Lumina 2" in made.comments, (wish, made.comments)
