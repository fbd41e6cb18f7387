"""Flow models on a real Forge Neo: the authors' noise levels, one evaluation a step, the LoRA in force, and nothing left changed.

Their checkpoints have gigabytes even with random weights and few blocks. Where they lie, the variable FEWSTEP_FLOW_MODELS says: a folder
with `Stable-diffusion/random-<family>.safetensors` (or .gguf), `text_encoder`, `VAE` and `Lora/random-<family>-lora.safetensors`.
"""
from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lib_fewstep.core.flow import flow_levels, shift_for

from . import hosts
from .client import Result, WebUI
from .conftest import Pool

FOLDER = Path(os.environ.get("FEWSTEP_FLOW_MODELS", "/nowhere"))
FLAGS = ("--force-fp32", "--fp32-text-enc", "--fp32-vae")
PRESET: dict[str, Any] = {"steps": 2, "cfg_scale": 7.0, "sampler_name": "Euler", "scheduler": "Beta"}
"""What a page or an API request may bring along, and no author has."""


@dataclass(frozen=True)
class Case:
    """A method on a model. `checkpoint` and `lora` are what a user's files are called; `beside` the text encoder and the VAE."""

    method: str
    model: str
    beside: tuple[str, str]
    lora: str = ""
    checkpoint: str = ""
    steps: int = 4
    shift: float = 3.0
    rule: str = "flow"
    weight: float = 1.0
    calls: int = 1
    dial: bool = True
    """Whether the host's own Shift acts on it."""

    @property
    def file(self) -> Path:
        folder = FOLDER / "Stable-diffusion"
        return next((path for path in folder.glob(f"random-{self.model}.*")), folder / f"random-{self.model}.safetensors")

    @property
    def name(self) -> str:
        return f"{self.checkpoint or self.file.stem}{self.file.suffix}"

    def levels(self, strength: float = 1.0, size: int = 64) -> list[float]:
        shift = shift_for(self.rule, self.shift, self.steps, size, size)
        return flow_levels(self.steps, strength, shift)


QWEN, FLUX, FLUX2 = "random-qwen2d-vae.safetensors", "random-flux-vae.safetensors", "random-flux2-vae.safetensors"
QWEN25, QWEN3 = "random-qwen25_7b.gguf", "random-qwen3_4b.gguf"
CASES = [
    Case("qwen-lightning-4", "qwen", (QWEN25, QWEN), "Qwen-Image-Lightning-4steps-V2.0", dial=False),
    Case("qwen-lightning-8", "qwen", (QWEN25, QWEN), "Qwen-Image-Edit-2511-Lightning-8steps-V1.0-bf16", steps=8, dial=False),
    Case("qwen-wuli-2", "qwen", (QWEN25, QWEN), "Wuli-Qwen-Image-2512-Turbo-LoRA-2steps-V1.0-bf16", steps=2, dial=False),
    Case("zimage-turbo", "z-image", (QWEN3, FLUX), checkpoint="z_image_turbo_bf16", steps=8),
    Case("zimage-distill-4", "z-image", (QWEN3, FLUX), "Z-Image-Fun-Lora-Distill-4-Steps-2603-ComfyUI"),
    Case("zimage-distill-8", "z-image", (QWEN3, FLUX), "Z-Image-Fun-Lora-Distill-8-Steps-2603-ComfyUI", steps=8, weight=0.8),
    Case("flux2-klein", "klein", (QWEN3, FLUX2), checkpoint="flux-2-klein-4b", rule="flux2", dial=False),
    Case("anima-turbo", "anima", ("random-qwen3_06b.gguf", QWEN), "anima-turbo-lora-v0.2", steps=8),
    Case("chroma-flash", "chroma", ("random-chroma-te.gguf", ""), "chroma-flash-heun_r80-fp32-pruned", steps=16, shift=1.0, calls=2,
         dial=False),
    Case("wan22-lightning-4", "wan", ("random-wan-te.gguf", ""), "Wan2.2-Lightning-4steps-Seko-V1.1-high_noise_model", shift=5.0),
]


def neo() -> hosts.Host | None:
    return next((host for host in hosts.all_hosts() if host.kind == "neo"), None)


def files() -> dict[str, Path]:
    """What is linked into the host's folder of models, under the names that users' files have."""
    found = {f"{folder}/{path.name}": path for folder in ("text_encoder", "VAE") for path in (FOLDER / folder).glob("*")}
    for case in CASES:
        if case.file.exists():
            found[f"Stable-diffusion/{case.name}"] = case.file
        lora = FOLDER / "Lora" / f"random-{case.model}-lora.safetensors"
        if case.lora and lora.exists():
            found[f"Lora/{case.lora}.safetensors"] = lora
    return found


@pytest.fixture(scope="module")
def there(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebUI]:
    host = neo()
    if host is None or not FOLDER.is_dir():
        pytest.skip("needs a linked Forge Neo, and FEWSTEP_FLOW_MODELS")
    pool.stop()
    data = tmp_path_factory.mktemp("flow") / "data"
    with hosts.running(host, data, flags=FLAGS, models=files()) as running:
        yield WebUI(running, "flow")


@pytest.fixture(params=CASES, ids=lambda case: case.method)
def case(request: pytest.FixtureRequest, there: WebUI) -> Iterator[Case]:
    """The case, with its model chosen."""
    found: Case = request.param
    if not found.file.exists():
        pytest.skip(f"there is no {found.file.name}")
    there.post("/sdapi/v1/options", {"sd_model_checkpoint": found.name, "forge_additional_modules": modules(there, found)})
    there.txt2img(steps=1, cfg_scale=1.0)  # the first generation loads it, and sets options of the host's own
    yield found


def modules(webui: WebUI, case: Case) -> list[str]:
    places = zip(("text_encoder", "VAE"), case.beside, strict=True)
    return [str(webui.running.data / "models" / folder / name) for folder, name in places if name]


def levels(result: Result, number: int = 0) -> list[float]:
    """What the model was asked, pass by pass: hosts hand a flow model its noise level, times 1000 to some."""
    seen = result.timesteps(number)
    return [each / 1000 for each in seen] if max(seen) > 1 else seen


def test_a_method_runs_as_its_authors_say_and_leaves_nothing_changed(there: WebUI, case: Case) -> None:
    before = there.options()
    plain = there.txt2img(**PRESET)
    made = there.txt2img({"method": case.method}, **PRESET)
    assert f"Accelerator: {case.method}" in made.infotext, made.comments
    as_its_authors_say(there, case, made)
    assert there.options() == before
    again = there.txt2img(**PRESET)
    assert again.files == plain.files and again.infotext == plain.infotext
    assert made.files != plain.files


def as_its_authors_say(there: WebUI, case: Case, made: Result) -> None:
    seen, calls = levels(made), case.steps * case.calls - (case.calls - 1)
    assert seen == pytest.approx(case.levels(), abs=1e-3)
    assert made.evaluations == calls == there.plan(method=case.method)["evaluations"]
    assert [lora["unet"] for lora in made.loras] == ([case.weight] if case.lora else [])
    fields = made.passes[0]["fields"]
    assert fields["cfg_scale"] == 1 and (not case.dial or fields["distilled_cfg_scale"] == case.shift)
    assert not case.dial or f"Shift: {case.shift:g}" in made.infotext


def test_img2img_makes_all_steps_in_the_noise_that_is_left_and_tells_how(there: WebUI, case: Case) -> None:
    """And another shift than the row's, where it is the user's to choose, is in force and in the picture's parameters."""
    asked = {"shift": case.shift + 1} if case.dial else {}
    picture = there.txt2img(**{**PRESET, "steps": 1, "cfg_scale": 1.0}).files[0]
    made = there.img2img(picture, {"method": case.method, **asked}, **{**PRESET, "denoising_strength": 0.5})
    assert levels(made) == pytest.approx(replace(case, **asked).levels(0.5), abs=1e-3)
    again = there.restored(made.files[0])
    assert again["Accelerator"] == case.method
    assert not case.dial or again["Accelerator shift"] == f"{case.shift + 1:g}"
    assert not case.dial or made.passes[0]["fields"]["distilled_cfg_scale"] == case.shift + 1


def test_hires_does_too_at_its_own_size_and_with_the_same_shift(there: WebUI, case: Case) -> None:
    hires = {"enable_hr": True, "denoising_strength": 0.5, "hr_upscaler": "None", "hr_scale": 2}
    made = there.txt2img({"method": case.method}, **PRESET, **hires, hr_additional_modules=["Use same choices"])
    assert levels(made) == pytest.approx(case.levels(), abs=1e-3)
    assert levels(made, 1) == pytest.approx(case.levels(0.5, 128), abs=1e-3)
    assert not case.dial or made.passes[1]["fields"]["hr_distilled_cfg"] == case.shift
