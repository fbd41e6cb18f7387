"""The plan's timesteps as noise levels, whatever the host's wrapper around the model knows, and for passes that the plan does not know."""
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lib_fewstep.core.schedules import training_sigmas
from tests.core.situations import TABLES

from .fake import Host
from .generator import Generator

SIGMAS = training_sigmas()


def test_each_wrapper_gives_the_noise_level_of_every_timestep(host: Host) -> None:
    """k-diffusion's table; the hosts' sampler LCM, with every twentieth and the rest worked out; DDIM's and UniPC's, with the alphas."""
    noise_levels = host.our("timesteps").noise_levels
    assert noise_levels(SimpleNamespace(sigmas=SIGMAS)) is SIGMAS
    every_twentieth = SimpleNamespace(sigmas=SIGMAS[19::20], t_to_sigma=lambda t: SIGMAS[t])
    assert torch.equal(noise_levels(every_twentieth), SIGMAS)
    alphas = SimpleNamespace(inner_model=SimpleNamespace(alphas_cumprod=1 / (1 + SIGMAS**2)))
    assert torch.allclose(noise_levels(alphas), SIGMAS, rtol=1e-3)
    flow = torch.linspace(0, 1, 10000)
    assert noise_levels(SimpleNamespace(sigmas=flow)) is flow


def test_a_plan_runs_on_the_hosts_own_sampler_lcm(generator: Generator) -> None:
    assert generator.timesteps(generator.txt2img(), {"method": "lcm", "sampler": "LCM"}) == [999, 759, 499, 259]


@pytest.mark.parametrize("method, asked_for, visited", [
    ("lcm", 4, [999, 759, 499, 259]), ("lcm", 6, [999, 759, 499, 259]), ("lcm", 2, [999, 499]), ("lcm", 1, [999]),
    ("hyper-sd15-8", 2, [999, 499]), ("turbo-like", 2, [999, 749]),
])  # fmt: skip
def test_fewer_steps_than_planned_come_from_the_same_rule_and_more_are_the_end_of_a_longer_pass(
    host: Host, method: str, asked_for: int, visited: list[int]
) -> None:
    """An extension's inner pass on the same job. A host that asks for more makes the last of them."""
    plan: Any = SimpleNamespace(rule=[999, 749, 499, 249] if method == "turbo-like" else TABLES.profiles[method].timesteps, hires=None)
    steps = 8 if method.startswith("hyper") else 4
    plan.first = SimpleNamespace(timesteps=(999, 759, 499, 259) if method == "lcm" else tuple(range(steps)), shift=1.0)
    config = SimpleNamespace(config=SimpleNamespace(options={}), model_wrap=SimpleNamespace(sigmas=SIGMAS))
    sigmas = host.our("timesteps").Timesteps(plan, SimpleNamespace(sampler=config))(asked_for)
    assert len(sigmas) == asked_for + 1 and sigmas[-1] == 0
    assert torch.equal(sigmas[-len(visited) - 1 : -1], SIGMAS[visited])


def test_more_steps_than_a_rule_has_room_for_are_evenly_spaced(host: Host) -> None:
    """A pass whose timesteps the plan leaves to the sampler, of more steps than LCM's grid has points."""
    plan = SimpleNamespace(rule="lcm", hires=None, first=SimpleNamespace(timesteps=None, shift=1.0))
    config = SimpleNamespace(config=SimpleNamespace(options={}), model_wrap=SimpleNamespace(sigmas=SIGMAS))
    sigmas = host.our("timesteps").Timesteps(plan, SimpleNamespace(sampler=config))(100)
    assert torch.equal(sigmas[:-1], SIGMAS[list(range(999, 0, -10))])
