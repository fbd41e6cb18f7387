"""Every distillation on an untrained tiny base: what its losses say, and which parameters they move."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from demo.judge import Judge
from demo.ldm import text_to_ldm, unet_to_ldm, vae_to_ldm
from demo.scenes import CLASS_COUNTS, sample_attributes
from demo.weights import Models
from lab.adversarial import Discriminator, adversarial_losses, look
from lab.consistency import distil_lcm, distil_tcd
from lab.diffusion import CLEAN, add_more_noise, add_noise, ddim_step, trailing_timesteps
from lab.dmd import distil_dmd, simulate
from lab.files import save_tensors
from lab.hyper import distil_hyper, distil_hyper_cfg, random_places, unsureness
from lab.lightning import distil_lightning, progressive_goal
from lab.networks import new_autoencoder, new_unet
from lab.score import match_loss, score_loss
from lab.settings import DMD, HYPER, LCM, LIGHTNING, Training
from lab.student import FAKE, PREVIOUS, Batch, Sources, Student, start_noise
from lab.text import TextEncoder
from lab.turbo import distil_turbo

SHORT = Training(2, 4, 1e-3, warmup=1, average_decay=0.9)


@pytest.fixture(scope="module")
def sources(models: Models, tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """Files of untrained networks, and random latents."""
    folder = tmp_path_factory.mktemp("sources")
    torch.manual_seed(0)
    parts = (unet_to_ldm(new_unet().state_dict()), vae_to_ldm(new_autoencoder().state_dict()))
    text = text_to_ldm(TextEncoder(models.tokenizer).full_state())
    save_tensors({**parts[0], **parts[1], **text}, folder / "checkpoint.safetensors")
    save_tensors(Judge(CLASS_COUNTS).state_dict(), folder / "reader.safetensors")
    scenes = torch.from_numpy(sample_attributes(16, np.random.default_rng(0)))
    save_tensors({"values": torch.randn(16, 4, 8, 8), "scenes": scenes}, folder / "latents.safetensors")
    checkpoint, reader, latents = (folder / f"{name}.safetensors" for name in ("checkpoint", "reader", "latents"))
    return Sources(checkpoint, reader, models.tokenizer, latents, rank=2)


@pytest.fixture(scope="module")
def lcm(sources: Sources) -> Path:
    """A LoRA to start from."""
    target = sources.checkpoint.with_name(f"{LCM}.safetensors")
    distil_lcm(sources, SHORT, target.with_suffix(".pt"), target)
    return target


@pytest.fixture(scope="module")
def student(sources: Sources, lcm: Path) -> Student:
    return Student(sources, 0, lcm, [FAKE])


@pytest.fixture
def batch(student: Student) -> Batch:
    return student.batch(4, np.random.default_rng(1))


DISTILLATIONS: dict[str, Callable[[Path], Callable[..., None]]] = {
    "tcd": lambda _: distil_tcd,
    "lightning, first": lambda _: partial(distil_lightning, 8, None),
    "lightning, later": lambda lcm: partial(distil_lightning, 1, lcm),
    "hyper, first": lambda _: partial(distil_hyper, 8, None),
    "hyper, last": lambda lcm: partial(distil_hyper, 1, lcm),
    "hyper, CFG kept": lambda _: partial(distil_hyper_cfg, 8),
    "turbo": lambda lcm: partial(distil_turbo, lcm),
    "dmd, four steps": lambda lcm: partial(distil_dmd, 4, lcm),
    "dmd, one step": lambda lcm: partial(distil_dmd, 1, lcm),
}


@pytest.mark.parametrize("name", DISTILLATIONS)
def test_a_distillation_leaves_a_lora_that_changed(name: str, sources: Sources, lcm: Path, tmp_path: Path):
    target = tmp_path / f"{LIGHTNING[4]}.safetensors"
    DISTILLATIONS[name](lcm)(sources, Training(4, 2, 1e-3, warmup=1), tmp_path / "training.pt", target)
    state = load_file(target)
    started = load_file(lcm)
    assert state.keys() == started.keys()
    assert all(torch.isfinite(tensor).all() for tensor in state.values())
    ups = [key for key in state if "lora_up" in key]
    first = lcm if "later" in name or "last" in name or "dmd" in name or name == "turbo" else None
    changed = [not torch.equal(state[key], started[key]) if first else bool(state[key].any()) for key in ups]
    assert sum(changed) > 0.9 * len(changed)


def test_the_losses_move_the_student_and_what_judges_it_alone(student: Student, batch: Batch):
    """The frozen base and the stage before get no gradient; the own score learns from its loss, the student from the other."""
    top = torch.full((4,), 999)
    drawn = student.carry(batch.noise(), top, torch.full_like(top, CLEAN), batch.text)

    def moved(loss: Tensor) -> set[str]:
        student.unet.zero_grad(set_to_none=True)
        loss.backward(retain_graph=True)
        return {name.rsplit(".", 1)[-1] for name, each in student.unet.named_parameters() if each.grad is not None}

    student.lora.layers[next(iter(student.lora.layers))].up[FAKE].data.fill_(0.1)
    assert moved(match_loss(student, drawn, batch.text, 4.0)) == {"student"}
    assert moved(score_loss(student, drawn, batch.text)) == {FAKE}
    student.lora.layers[next(iter(student.lora.layers))].up[FAKE].data.zero_()
    frozen = [each for name, each in student.unet.named_parameters() if name.endswith(PREVIOUS) or ".base." in name]
    assert frozen and not any(each.requires_grad for each in frozen)


def test_equal_scores_do_not_move_what_is_drawn(student: Student, batch: Batch):
    """An own score that equals the teacher's: nothing to do. The adapter's `up` is zero, so that it is the base model."""
    drawn = batch.clean.clone().requires_grad_()
    match_loss(student, drawn, batch.text, 1.0).backward()
    assert drawn.grad is not None and drawn.grad.abs().max() < 1e-5  # a step of 1 in the score gives 1e-3


def test_neither_side_of_a_discriminator_moves_the_other(student: Student, batch: Batch):
    discriminator = Discriminator(student.unet)
    level = torch.full((4,), 250)
    latents = batch.clean.clone().requires_grad_()
    fake, real = look(student, latents, level, batch.text), look(student, batch.clean + 1, level, batch.text)
    convince, tell = adversarial_losses(discriminator, fake, real)
    tell.backward(retain_graph=True)
    assert latents.grad is None and all(each.grad is not None for each in discriminator.parameters())
    discriminator.zero_grad(set_to_none=True)
    convince.backward()
    assert latents.grad is not None and all(each.grad is None for each in discriminator.parameters())
    assert [part.shape[1] for part in fake] == [64, 128, 128, 128, 128]


def test_more_noise_on_a_noisy_latent_is_what_that_level_has():
    """x_249 with noise added to 749 has the variance and the share of the picture of x_749; below its level it is left alone."""
    torch.manual_seed(0)
    clean, noise, more = torch.ones(20_000, 1, 1, 1), torch.randn(20_000, 1, 1, 1), torch.randn(20_000, 1, 1, 1)
    at, to = torch.full((20_000,), 249), torch.full((20_000,), 749)
    found = add_more_noise(add_noise(clean, noise, at), at, more, to)
    expected = add_noise(clean, noise, to)
    assert float(found.mean()) == pytest.approx(float(expected.mean()), abs=0.03)
    assert float(found.std()) == pytest.approx(float(expected.std()), abs=0.03)
    assert torch.equal(add_more_noise(clean, to, more, at), clean)


@pytest.mark.parametrize(("segments", "before"), [(8, 64), (4, 8), (2, 4), (1, 2)])
def test_a_teachers_step_stays_in_its_own_segment(segments: int, before: int):
    torch.manual_seed(1)
    start, lower, goal = random_places(500, segments, before)
    assert (start > lower).all() and (lower >= goal).all()
    for bounds, places in ((trailing_timesteps(segments), goal), (trailing_timesteps(before), lower)):
        segment = [max(i for i, bound in enumerate(bounds[:-1]) if bound >= each) for each in start]
        assert all(bounds[i + 1] <= place for i, place in zip(segment, places, strict=True))
    assert set(trailing_timesteps(segments)[1:].tolist()) <= set(goal.tolist())
    assert set(trailing_timesteps(segments)[:-1].tolist()) <= set(start.tolist())


def test_several_exact_steps_arrive_where_one_exact_step_arrives(batch: Batch):
    """A teacher that knows the picture goes straight to it, whatever the number of its steps."""
    def knowing(sample: Tensor, timestep: Tensor, _text: Tensor) -> Tensor:
        blank = torch.zeros_like(sample)
        scale, offset = add_noise(blank, torch.ones_like(sample), timestep), add_noise(batch.clean, blank, timestep)
        return (sample - offset) / scale

    torch.manual_seed(2)
    sample, start, end, target = progressive_goal(batch, 2, 8, knowing)
    torch.testing.assert_close(target, ddim_step(sample, knowing(sample, start, batch.text), start, end), rtol=1e-3, atol=1e-3)
    assert set(start.tolist()) <= {999, 499} and set(end.tolist()) <= {499, CLEAN}


def test_sampling_starts_from_pure_noise():
    clean = torch.full((2, 4, 8, 8), 100.0)
    sample = start_noise(clean, torch.tensor([999, 749]))
    assert sample[0].abs().max() < 10 < sample[1].mean()


def test_the_steps_before_are_drawn_as_sampling_draws_them(student: Student, batch: Batch, monkeypatch: pytest.MonkeyPatch):
    asked: list[int] = []
    monkeypatch.setattr("lab.dmd.draw", lambda _student, _sample, timestep, _text: asked.append(int(timestep)) or batch.clean)
    timesteps = trailing_timesteps(4)[:-1]
    sample = simulate(student, batch, timesteps[:2], timesteps[2])
    assert asked == [999, 749]
    share = float((sample * batch.clean).mean() / batch.clean.square().mean())
    assert share == pytest.approx(float(add_noise(torch.ones(1, 1, 1, 1), torch.zeros(1, 1, 1, 1), timesteps[2:3])), abs=0.15)


def test_the_reader_is_surest_of_what_was_asked_for(batch: Batch):
    """Cross-entropy of a reader that answers the scenes themselves is next to nothing; of another scene's answers it is not."""

    class Knowing(torch.nn.Module):
        def __init__(self, scenes: np.ndarray) -> None:
            super().__init__()
            self.answers = [
                20 * torch.nn.functional.one_hot(torch.from_numpy(scenes[:, column]).clamp(min=0), count).float()
                for column, count in enumerate(CLASS_COUNTS)
            ]

        def forward(self, _images: Tensor) -> list[Tensor]:
            return self.answers

    images = torch.zeros(4, 3, 64, 64)
    assert float(unsureness(Knowing(batch.scenes), images, batch)) < 1e-3  # pyright: ignore[reportArgumentType]
    assert float(unsureness(Knowing(np.roll(batch.scenes, 1, 0)), images, batch)) > 5  # pyright: ignore[reportArgumentType]


def test_published_names_are_recognised():
    """The product knows the tiny Hyper-SD LoRAs by their names, as it knows the published ones."""
    from lib_fewstep.core.profiles import name_key
    from lib_fewstep.core.tables import load_tables

    tables = load_tables()
    wanted = {LCM: "lcm", "TCD-SD15-LoRA": "tcd", **{name: f"hyper-sd15-{steps}" for steps, name in HYPER.items()}}
    wanted["Hyper-SD15-8steps-CFG-lora"] = "hyper-sd15-8-cfg"
    for name, method in wanted.items():
        key = name_key(name)
        found = next(file.method for file in tables.files if any(pattern.search(key) for pattern in file.names))
        assert found == method, name
    assert len({*LIGHTNING.values(), *HYPER.values(), *DMD.values()}) == 10
