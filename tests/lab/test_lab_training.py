"""The training loop and the formulas of the distillation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_euler_discrete import EulerDiscreteScheduler
from safetensors.torch import load_file
from torch import Tensor, nn

from demo.weights import Models
from lab import training as training_module
from lab.autoencoder import decode_images, normalise_latents, posterior_mean
from lab.diffusion import CLEAN, add_noise, alphas_cumprod, ddim_step, predict_clean, trailing_timesteps
from lab.export import schedule_buffers
from lab.networks import new_autoencoder
from lab.settings import Training
from lab.text import TextEncoder
from lab.training import learning_rate, train

SHORT = Training(steps=12, batch=4, learning_rate=0.1, warmup=3, hold=0.5, average_decay=0.9, seed=1)


def make_problem() -> tuple[nn.Linear, training_module.Loss]:
    torch.manual_seed(0)
    model = nn.Linear(3, 1)

    def loss(rng: np.random.Generator, _progress: float) -> Tensor:
        values = torch.from_numpy(rng.normal(size=(SHORT.batch, 3))).float()
        return (model(values) - values.sum(1, keepdim=True) + 0.1 * torch.randn(1)).square().mean()

    return model, loss


def test_a_killed_training_continues_with_the_same_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole, loss = make_problem()
    train(whole, loss, SHORT, tmp_path / "whole.pt")

    monkeypatch.setattr(training_module, "_CHECKPOINT_SECONDS", -1)
    killed, loss = make_problem()
    calls = 0

    def dying(rng: np.random.Generator, progress: float) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == 8:
            raise KeyboardInterrupt
        return loss(rng, progress)

    with pytest.raises(KeyboardInterrupt):
        train(killed, dying, SHORT, tmp_path / "killed.pt")
    resumed, loss = make_problem()
    train(resumed, loss, SHORT, tmp_path / "killed.pt")
    assert torch.equal(resumed.weight, whole.weight) and torch.equal(resumed.bias, whole.bias)
    assert not torch.equal(killed.weight, whole.weight)


def test_the_learning_rate_warms_up_holds_and_falls():
    rates = [learning_rate(step, SHORT) for step in range(SHORT.steps)]
    assert rates[0] == pytest.approx(0.1 / 3)
    assert rates[2:7] == pytest.approx([0.1] * 5)
    assert rates[7:] == sorted(rates[7:], reverse=True)
    assert rates[-1] < 0.02


def test_the_schedule_is_diffusers_and_the_checkpoints(models: Models):
    scheduler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    torch.testing.assert_close(alphas_cumprod(), scheduler.alphas_cumprod, rtol=1e-4, atol=1e-6)
    stored = load_file(models.checkpoint)
    for name, buffer in schedule_buffers().items():
        torch.testing.assert_close(buffer, stored[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 2, 4, 8])
def test_trailing_timesteps_are_diffusers(steps: int):
    scheduler = EulerDiscreteScheduler(timestep_spacing="trailing")
    scheduler.set_timesteps(steps)
    assert trailing_timesteps(steps).tolist() == [*scheduler.timesteps.int().tolist(), CLEAN]


def test_a_step_with_the_true_noise_stays_on_the_path():
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 3, 4, 8, 8, generator=generator)
    timestep, target = torch.tensor([999, 500, 19]), torch.tensor([759, CLEAN, 0])
    sample = add_noise(clean, noise, timestep)
    torch.testing.assert_close(predict_clean(sample, noise, timestep), clean, rtol=1e-3, atol=1e-3)
    arrived = ddim_step(sample, noise, timestep, target)
    torch.testing.assert_close(arrived, add_noise(clean, noise, target), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(arrived[1], clean[1], rtol=1e-3, atol=1e-3)


def test_normalising_latents_changes_them_and_not_the_pictures():
    torch.manual_seed(0)
    autoencoder = new_autoencoder().eval()
    images = torch.rand(8, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        before = decode_images(autoencoder, posterior_mean(autoencoder, images))
        normalise_latents(autoencoder, images)
        latents = posterior_mean(autoencoder, images)
        after = decode_images(autoencoder, latents)
    torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-4)
    scaled = latents * 0.18215
    torch.testing.assert_close(scaled.mean((0, 2, 3)), torch.zeros(4), rtol=0, atol=1e-3)
    torch.testing.assert_close(scaled.std((0, 2, 3)), torch.ones(4), rtol=1e-3, atol=0)


def test_the_compact_vocabulary_is_the_full_one_with_fewer_rows(models: Models):
    from transformers import CLIPTextConfig, CLIPTextModel

    from demo.ldm import TEXT_CONFIG

    torch.manual_seed(0)
    compact = TextEncoder(models.tokenizer).eval()
    full = CLIPTextModel(CLIPTextConfig(**TEXT_CONFIG)).eval()
    full.load_state_dict(compact.full_state())
    sentences = ["a small cat on a blue background", ""]
    tokens = compact.tokenizer(sentences, padding="max_length", max_length=77, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        torch.testing.assert_close(full(input_ids=tokens).last_hidden_state, compact(sentences))
    again = TextEncoder(models.tokenizer)
    again.load_full_state(full.state_dict())
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in compact.state_dict().items())
