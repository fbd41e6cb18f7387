"""CFG in the first steps only, and the rows without the prompt left out at CFG 1: one evaluation after another, with a host's numbers."""
from __future__ import annotations

import math
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from lib_fewstep.core.decide import make_plan
from lib_fewstep.core.request import Request, request_from
from tests.core.situations import LCM, TABLES, facts

from . import fake
from .fake import Host


class Pass:
    """One sampling pass: evaluations as the hosts' CFGDenoiser makes them, each handed the scale that stands when it begins."""

    def __init__(self, host: Host, p: Any, cfg: float, steps: int, sampler: str = "Euler", images: int = 1, parts: int = 1, **more: Any):
        self.steer, self.images, self.parts = host.our("cfg").steer_cfg, images, parts
        weighted = [[SimpleNamespace(weight=1.0)] * parts] * images
        arguments = {"cond_scale": cfg, "cond": SimpleNamespace(batch=weighted), "s_min_uncond": 0.0, **more.pop("arguments", {})}
        self.sampler = SimpleNamespace(config=SimpleNamespace(name=sampler, options={}), sampler_extra_args=arguments)
        self.denoiser = SimpleNamespace(p=p, sampler=self.sampler, step=0, total_steps=steps, image_cfg_scale=None, **more)

    def evaluate(self, sigma: float = 1.0) -> tuple[float, Any]:
        """The scale of this evaluation, and what the network is asked."""
        handed = self.sampler.sampler_extra_args["cond_scale"]
        rows, cond, uncond = self.images * (self.parts + 1), torch.ones(self.images * self.parts, 77, 8), torch.zeros(self.images, 77, 8)
        params = SimpleNamespace(
            x=torch.arange(rows).float().reshape(-1, 1, 1, 1), sigma=torch.full((rows,), sigma), image_cond=torch.arange(rows).float(),
            text_cond=cond, text_uncond=uncond, denoiser=self.denoiser,
        )
        self.steer(params)
        self.denoiser.step += 1
        return handed, params


def planned(host: Host, p: Any, **settings: Any) -> Any:
    plan = make_plan(request_from({"method": "lcm", **settings}, Request()), facts("sd15", LCM), TABLES)
    assert plan.active, plan.notes
    fake.put_in_force(host, p, plan)
    return plan


@pytest.mark.parametrize(("sampler", "cfg_steps", "scales"), [
    ("Euler", 1, [2, 1, 1, 1, 1, 1]), ("Euler", 2, [2, 2, 1, 1, 1, 1]), ("Euler", 3, [2, 2, 2, 1, 1, 1]), ("Euler", 0, [2] * 6),
    ("Heun", 1, [2, 2] + [1] * 9), ("Heun", 2, [2] * 4 + [1] * 7), ("Heun", 0, [2] * 11),
])  # fmt: skip
def test_cfg_acts_in_the_first_steps_alone(host: Host, sampler: str, cfg_steps: int, scales: list[float]) -> None:
    """Heun evaluates twice a step, but once in the last."""
    p = fake.job()
    planned(host, p, cfg=2, cfg_steps=cfg_steps, steps=6, sampler=sampler)
    running = Pass(host, p, 2.0, 6, sampler)
    assert [running.evaluate()[0] for _ in scales] == scales


def test_the_rows_without_the_prompt_go_with_the_guidance(host: Host) -> None:
    p = fake.job()
    planned(host, p, cfg=2, cfg_steps=2, steps=4, sampler="Euler")
    running = Pass(host, p, 2.0, 4)
    assert [len(running.evaluate()[1].x) for _ in range(4)] == [2, 2, 1, 1]


@pytest.mark.parametrize("images", [1, 2, 3])
def test_at_cfg_1_what_is_left_is_the_prompts(host: Host, images: int) -> None:
    p = fake.job()
    planned(host, p)
    _, asked = Pass(host, p, 1.0, 4, images=images).evaluate()
    assert asked.x.flatten().tolist() == asked.image_cond.tolist() == list(range(images)) and len(asked.sigma) == images
    assert asked.text_uncond.shape == (0, 77, 8) and asked.text_cond.shape == (images, 77, 8)


def test_a_dictionary_of_rows_stays_what_it_is(host: Host) -> None:
    """SDXL's: its class has a shape."""

    class Shaped(dict):  # type: ignore[type-arg]
        @property
        def shape(self) -> Any:
            return self["crossattn"].shape

    cond = Shaped(crossattn=torch.ones(2, 77, 8), vector=torch.ones(2, 5))
    empty = host.our("cfg")._no_rows(cond)
    assert type(empty) is Shaped and empty.shape == (0, 77, 8) and empty["vector"].shape == (0, 5) and cond.shape == (2, 77, 8)


@pytest.mark.parametrize("kept_by", [
    {"parts": 2}, {"arguments": {"cond_scale": 1.5}}, {"arguments": {"s_min_uncond": 2.0}, "step": 1}, {"cond_scale_miltiplier": 2.0},
    {"image_cfg": 1.5},
], ids=str)  # fmt: skip
def test_whoever_needs_the_rows_keeps_them(host: Host, kept_by: dict[str, Any]) -> None:
    """Parts joined with AND, another scale, the host's own skipping (it cuts rows off itself), and InstructPix2Pix."""
    p = fake.job()
    planned(host, p)
    step, image_cfg = kept_by.get("step", 0), kept_by.get("image_cfg")
    running = Pass(host, p, 1.0, 4, **{name: value for name, value in kept_by.items() if name not in ("step", "image_cfg")})
    running.denoiser.step, running.denoiser.image_cfg_scale = step, image_cfg
    assert len(running.evaluate()[1].x) == running.parts + 1


def test_skip_early_cond_of_the_user_cuts_first(host: Host) -> None:
    p = fake.job()
    planned(host, p)
    host.shared.opts.data["skip_early_cond"] = 0.5
    running = Pass(host, p, 1.0, 4)
    assert [len(running.evaluate()[1].x) for _ in range(4)] == [2, 2, 2, 1]


def test_the_option_keeps_them_all(host: Host) -> None:
    p = fake.job()
    planned(host, p)
    host.shared.opts.data["fewstep_leave_out_negative"] = False
    assert len(Pass(host, p, 1.0, 4).evaluate()[1].x) == 2


def test_a_host_that_skips_them_itself_keeps_them_for_what_asks_for_them(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """CFG++ and SAG have Forge and its kin evaluate them at CFG 1 too: none at all ended in a ZeroDivisionError of theirs."""
    monkeypatch.setitem(sys.modules, "modules_forge", ModuleType("modules_forge"))
    p = fake.job()
    planned(host, p)
    asked = Pass(host, p, 1.0, 4).evaluate()[1]
    assert len(asked.text_uncond) == 1 and len(asked.x) == 2


def test_without_a_plan_nothing_is_touched(host: Host) -> None:
    handed, asked = Pass(host, fake.job(), 1.0, 4).evaluate()
    assert handed == 1.0 and len(asked.x) == 2


def test_the_callback_goes_after_those_of_others(host: Host) -> None:
    callbacks, cfg = host.script_callbacks, host.our("cfg")
    seen: list[int] = []
    callbacks.on_cfg_denoiser(lambda params: seen.append(len(params.x)))
    callbacks.on_cfg_denoiser(cfg.steer_cfg)
    callbacks.on_cfg_denoiser(lambda params: seen.append(len(params.x)))
    callbacks.ordered_callbacks_map = {"cfg_denoiser": ["an older order"], "cfg_denoised": ["another"]}  # as A1111 keeps them
    cfg.stay_last()
    p = fake.job()
    planned(host, p)
    running = Pass(host, p, 1.0, 4)
    running.steer = callbacks.cfg_denoiser_callback
    assert len(running.evaluate()[1].x) == 1 and seen == [2, 2]
    assert callbacks.ordered_callbacks_map == {"cfg_denoised": ["another"]}
    assert math.isclose(running.sampler.sampler_extra_args["cond_scale"], 1.0)
