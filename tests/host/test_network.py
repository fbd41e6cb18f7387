"""What a plan changes in the network for a pass: in numbers, opened and closed, also on an error."""
from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tests.core.lora_files import SD15, attention_weights, write

from .fake import Host
from .generator import HIRES, Generator, Model

OWN_ROWS = """
methods:
  own-x0:
    label: "Own x0"
    families: [sd15]
    weights: checkpoint
    steps: {default: 4, min: 1, max: 4}
    cfg: 1
    sampler: LCM Few-Step
    timesteps: trailing
    scheduler: Simple
    negative_prompt: "no"
    prediction: x0
"""
X0 = {"method": "own-x0", "lora": "none"}
GREY = 0.5
"""A latent's value, and what it is in a picture."""
SHADE = round((GREY + 1) / 2 * 255)


@pytest.fixture
def generator(host: Host) -> Generator:
    """One whose network predicts the picture, all grey, and with a user's row for that."""
    (host.data / "fewstep.yaml").write_text(OWN_ROWS, encoding="utf-8")
    made = Generator(host)
    made.model.network.answer = lambda x, timesteps: torch.full_like(x, GREY)
    return made


def hooks(generator: Generator) -> int:
    network = generator.model.network
    return sum(len(each) for each in (network._forward_hooks, network._forward_pre_hooks, network.time_embed._forward_pre_hooks))


def shades(made: Any) -> list[tuple[int, int]]:
    """Darkest and lightest of each picture."""
    return [(min(low for low, _ in each.getextrema()), max(high for _, high in each.getextrema())) for each in made.images]


@pytest.mark.parametrize("fields", [{}, HIRES, {"n_iter": 2, "batch_size": 2}], ids=["one pass", "two passes", "batches"])
def test_a_predicted_picture_is_the_picture(generator: Generator, fields: dict[str, Any]) -> None:
    made = generator.make(generator.txt2img(**fields), X0)
    assert all(abs(shade - SHADE) <= 1 for extremes in shades(made) for shade in extremes), shades(made)
    assert hooks(generator) == 0
    plain = generator.make(generator.txt2img(**fields), {**X0, "method": "lcm"})
    assert any(abs(shade - SHADE) > 20 for extremes in shades(plain) for shade in extremes), "for another method it is noise"


def test_in_img2img_too(generator: Generator) -> None:
    low, high = shades(generator.make(generator.img2img(), X0))[0]
    assert abs(low - SHADE) <= 1 and abs(high - SHADE) <= 1 and hooks(generator) == 0


@pytest.mark.parametrize("fails_at", [0, 5], ids=["first pass", "hires pass"])
def test_an_error_closes_it(generator: Generator, fails_at: int) -> None:
    def failing(x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        if len(generator.asked) > fails_at:
            raise RuntimeError("out of memory")
        return torch.full_like(x, GREY)

    generator.model.network.answer = failing
    p = generator.txt2img(**HIRES)
    with pytest.raises(RuntimeError, match="out of memory"):
        generator.make(p, X0)
    assert hooks(generator) == 0 and "sample" not in vars(p) and "sample_hr_pass" not in vars(p)


def test_the_hires_pass_of_another_checkpoint_is_changed_there(generator: Generator) -> None:
    """The host has loaded it before that pass begins."""
    p, host = generator.txt2img(**HIRES), generator.host
    second = Model(host, p.sd_model.sd_checkpoint_info)
    second.network.answer = generator.model.network.answer
    began: list[tuple[int, int]] = []

    def load_second(p: Any) -> None:
        p.sd_model = second

    def look(x: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        began.append((len(generator.model.network._forward_hooks), len(second.network._forward_hooks)))
        return torch.full_like(x, GREY)

    generator.model.network.answer = second.network.answer = look
    p.script_args, p.scripts, p.prompts, p.negative_prompts = (X0,), generator.runner, ["a"], [""]
    p.setup_prompts()
    host.our("generation").begin(p, (X0,), generator.facts)
    p.sample = lambda: (generator.model.network(torch.zeros(1, 4, 8, 8), torch.tensor([5])), load_second(p), p.sample_hr_pass())
    p.sample_hr_pass = lambda: second.network(torch.zeros(1, 4, 8, 8), torch.tensor([5]))
    p.sampler = SimpleNamespace(model_wrap=SimpleNamespace(sigmas=torch.linspace(0.03, 14.6, 1000)))
    host.our("network").change_for_passes(p)
    p.sample()
    assert began == [(1, 0), (0, 1)] and hooks(generator) == 0 and len(second.network._forward_hooks) == 0


def test_others_may_wrap_the_pass_and_put_ours_back_later(generator: Generator) -> None:
    network = generator.host.our("network")
    p = generator.txt2img()
    p.setup_prompts()
    generator.host.our("generation").begin(p, (X0,), generator.facts)
    calls: list[int] = []
    theirs = p.sample = lambda: calls.append(hooks(generator))
    network.change_for_passes(p)
    ours = p.sample
    p.sample = lambda: ours()  # an extension's, from our hook to its own
    p.sample()
    assert calls == [1] and hooks(generator) == 0
    p.sample = ours
    p.sample()
    assert len(calls) == 2 and hooks(generator) == 0 and p.sample is theirs, "what stood there before is put back"


def test_a_plan_that_changes_nothing_in_the_network_leaves_the_pass_alone(generator: Generator) -> None:
    p = generator.txt2img()
    generator.host.our("network").change_for_passes(p)
    assert "sample" not in vars(p)
    p.setup_prompts()
    generator.host.our("generation").begin(p, ({"method": "lcm", "nag": 0},), generator.facts)
    generator.host.our("network").change_for_passes(p)
    assert "sample" not in vars(p)


def test_the_network_is_found_in_either_kind_of_host(host: Host) -> None:
    unet_of, network = host.our("network").unet_of, object()
    forge = SimpleNamespace(forge_objects=SimpleNamespace(unet=SimpleNamespace(model=SimpleNamespace(diffusion_model=network))))
    assert unet_of(SimpleNamespace(model=SimpleNamespace(diffusion_model=network))) is network and unet_of(forge) is network
    placeholder = SimpleNamespace(forge_objects=SimpleNamespace(unet=None))
    assert unet_of(placeholder) is None and unet_of(None) is None


# ----------------------------------------------------------------------------------------------------- guidance as an input

PROJECTION = (np.random.default_rng(3).standard_normal((8, 256)) * 0.1).astype(np.float16)


def embedding(scale: float) -> np.ndarray:
    """256 sines and cosines of 1000 * (scale - 1), by the formula of diffusers' pipeline for LCM, which computes in single precision."""
    angles = np.float32(1000 * (scale - 1)) * np.exp(np.arange(128, dtype=np.float32) * np.float32(-np.log(10000) / 127))
    return np.concatenate([np.sin(angles), np.cos(angles)])


def select_full_lcm(generator: Generator) -> None:
    """A checkpoint with the layer for guidance, which hosts drop when they load it."""
    name = "model.diffusion_model.time_embedding.cond_proj.weight"
    unet = {f"model.diffusion_model.{name}": shape for name, shape in attention_weights(SD15).items()}
    path = write(generator.host.data / "LCM_Dreamshaper_v7_4k.safetensors", {**unet, name: PROJECTION.shape})
    with open(path, "r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        start = json.loads(file.read(length))[name]["data_offsets"][0]
        file.seek(8 + length + start)
        file.write(PROJECTION.tobytes())
    generator.model.sd_checkpoint_info = generator.host.select(path)


@pytest.mark.parametrize("settings, scale", [({}, 8.0), ({"guidance": 3}, 3.0)])
def test_guidance_is_fed_into_a_full_lcm(generator: Generator, settings: dict[str, Any], scale: float) -> None:
    select_full_lcm(generator)
    text = generator.make(generator.txt2img(**HIRES), settings).infotexts[0]
    expected = PROJECTION.astype(np.float32) @ embedding(scale)
    assert torch.allclose(generator.model.network.embedded, torch.from_numpy(expected)[None], atol=1e-3)
    assert "Accelerator: lcm-full" in text and ("Accelerator guidance: 3" in text) == (scale == 3)
    assert hooks(generator) == 0
    generator.make(generator.txt2img())
    assert not generator.model.network.embedded.any()


def test_guidance_without_its_layer_is_not_fed(generator: Generator) -> None:
    made = generator.make(generator.txt2img(), {"method": "lcm-full", "lora": "none", "guidance": 5})
    assert not generator.model.network.embedded.any() and "guidance 5" in made.comments
    assert generator.host.our("network")._guidance_projection(generator.txt2img()) is None


def test_guidance_of_a_host_that_takes_it_from_the_job(generator: Generator) -> None:
    """Forge, for FLUX: fields of `p`, taken back like all others."""
    select_full_lcm(generator)
    p = generator.txt2img()
    p.distilled_cfg_scale, p.hr_distilled_cfg = 3.5, 3.5
    p.setup_prompts()
    generator.host.our("generation").begin(p, ({"guidance": 4},), generator.facts)
    assert (p.distilled_cfg_scale, p.hr_distilled_cfg) == (4, 4)
    generator.host.our("apply").restore(p)
    assert (p.distilled_cfg_scale, p.hr_distilled_cfg) == (3.5, 3.5)
