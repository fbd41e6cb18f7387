"""Our samplers in the host's list: run by a plan and chosen by hand, with the host's noise."""
from __future__ import annotations

from typing import Any

import pytest
import torch

from .generator import HIRES, Generator

BY_HAND = {"steps": 4, "cfg_scale": 1.0, "scheduler": "Automatic"}


def arguments(generator: Generator, settings: dict[str, Any] | None, sampler: str, hires: bool = False) -> dict[str, Any]:
    """What the sampling function would be called with."""
    p = generator.txt2img(sampler_name=sampler, **(HIRES if hires else {}))
    p.setup_prompts()
    generator.host.our("generation").begin(p, (settings or {"enabled": False},), generator.facts)
    p.is_hr_pass = hires
    p.sampler, p.rng = generator.host.sd_samplers.create_sampler(p.sampler_name, p.sd_model), generator.host.rng.ImageRNG((4, 8, 8), [1])
    return p.sampler.initialize(p)


@pytest.mark.parametrize("settings, gamma", [(None, 0.3), ({"method": "tcd"}, 0.3), ({"method": "tcd", "gamma": 0.8}, 0.8)])
def test_gamma_is_the_plans_or_the_published_one(generator: Generator, settings: dict[str, Any] | None, gamma: float) -> None:
    assert arguments(generator, settings, "TCD Few-Step")["gamma"] == gamma


@pytest.mark.parametrize("settings, prediction", [(None, "ddim_eps"), ({"method": "perflow-sd15", "lora": "none"}, "diff_eps")])
def test_what_perflows_eps_means_is_the_plans(generator: Generator, settings: dict[str, Any] | None, prediction: str) -> None:
    """The authors' SDXL model means one thing, their model for Stable Diffusion 1.5 another."""
    assert arguments(generator, settings, "PeRFlow Few-Step")["prediction"] == prediction


def test_a_model_that_was_distilled_with_a_shift_is_noised_for_other_timesteps_than_it_is_asked_at(generator: Generator) -> None:
    """NitroFusion: asked at floor(t * shift / 1000) for the noise of t, in either pass."""
    rows = """methods: {own-nitro: {label: Own, families: [sd15], weights: checkpoint, steps: 4, cfg: 1, sampler: LCM Few-Step,
        timesteps: trailing, scheduler: Simple, negative_prompt: "no", shift: 250}}"""
    (generator.host.data / "fewstep.yaml").write_text(rows, encoding="utf-8")
    generator.module.facts = facts = generator.host.our("facts").HostFacts()
    assert not facts.tables.problems
    sigmas = generator.host.sd_model.training_alphas_cumprod()
    sigmas = ((1 - sigmas) / sigmas).sqrt()
    for hires, timesteps in ((False, [999, 749, 499, 249]), (True, [499, 374, 249, 124])):
        noise = arguments(generator, {"method": "own-nitro", "lora": "none"}, "Euler", hires)["noise_sigmas"]
        assert torch.allclose(noise, torch.cat([sigmas[timesteps], torch.zeros(1)])), hires
    assert "noise_sigmas" not in arguments(generator, {"method": "lcm"}, "Euler")
    assert generator.timesteps(generator.txt2img(), {"method": "own-nitro", "lora": "none"}) == [249, 187, 124, 62]


# ------------------------------------------------------------------------------------------------------------------ by hand


@pytest.mark.parametrize("sampler, steps, asked", [
    ("LCM Few-Step", 4, [999, 759, 499, 259]), ("TCD Few-Step", 2, [999, 499]), ("PeRFlow Few-Step", 6, [999, 875, 750, 625, 500, 250]),
])
def test_with_the_schedule_automatic_it_visits_what_its_methods_were_trained_for(
    generator: Generator, sampler: str, steps: int, asked: list[int]
) -> None:
    assert generator.timesteps(generator.txt2img(**{**BY_HAND, "steps": steps}, sampler_name=sampler)) == asked


def test_more_steps_than_the_grid_has_points_are_evenly_spaced(generator: Generator) -> None:
    asked = generator.timesteps(generator.txt2img(**{**BY_HAND, "steps": 100}, sampler_name="LCM Few-Step"))
    assert asked == list(range(999, 0, -10))


def test_a_schedule_that_the_user_chose_holds_in_its_pass(generator: Generator) -> None:
    fields = {**BY_HAND, **HIRES, "sampler_name": "LCM Few-Step"}
    simple = generator.timesteps(generator.txt2img(**{**fields, "scheduler": "Simple"}))
    assert simple[:4] == [999, 749, 499, 249]
    second = generator.timesteps(generator.txt2img(**fields, hr_scheduler="Simple"))
    assert second[:4] == [999, 759, 499, 259] and second[4:] == simple[4:]
    ends = generator.timesteps(generator.txt2img(**fields))[4:]
    assert ends == [499, 379, 259, 139], "the host asks for eight steps, of which it makes the last four"


@pytest.mark.parametrize("option", [False, True])
def test_txt2img_starts_at_the_variance_of_the_methods_own_pipelines(generator: Generator, option: bool) -> None:
    """The network's input is the noise itself, as in diffusers; for the host's samplers a little less unless an option says so."""
    generator.host.shared.opts.data["sgm_noise_multiplier"] = option
    noise = generator.host.rng.ImageRNG((4, 8, 8), [1]).next()
    seen: list[torch.Tensor] = []
    generator.model.network.answer = lambda x, timesteps: (seen.append(x), torch.zeros_like(x))[1]
    for sampler, is_noise in (("LCM Few-Step", True), ("Euler", option)):
        seen.clear()
        generator.make(generator.txt2img(**{**BY_HAND, "scheduler": "Simple"}, sampler_name=sampler))
        assert torch.allclose(seen[0][:1], noise, atol=1e-6) == is_noise, sampler


@pytest.mark.parametrize("method", ["lcm", "tcd"])
def test_a_batch_is_its_images_made_alone(generator: Generator, method: str) -> None:
    """Noise is drawn at each step, from generators of the images' own."""
    batch = generator.make(generator.txt2img(batch_size=2, do_not_save_grid=True), {"method": method}).images[-2:]
    alone = [generator.make(generator.txt2img(seed=seed), {"method": method}).images[0] for seed in (1, 2)]
    assert [each.tobytes() for each in batch] == [each.tobytes() for each in alone] and batch[0].tobytes() != batch[1].tobytes()
