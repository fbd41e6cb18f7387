"""What the plan says a picture costs is what the host asks of its UNet, with every sampler that it has."""
from __future__ import annotations

from dataclasses import replace

import pytest

from lib_fewstep.core.decide import make_plan
from lib_fewstep.core.facts import Facts
from lib_fewstep.core.request import NO_LORA, Request

from .client import WebUI
from .hosts import TABLES
from .test_generation import hires_fields

HOST = Facts(self_timed={"DDIM": 1, "PLMS": 0, "UniPC": 0}, calls_per_step={"Heun": 2, "DPM++ SDE": 2})
NEO = replace(HOST, self_timed={"DDIM": 1, "PLMS": 0})  # its UniPC samples over the WebUI's sigmas
UNCOUNTED = {
    "DPM adaptive", "Kohaku LoNyu Yog", "Kohaku_LoNyu_Yog", "Euler Dy", "Euler SMEA Dy", "Euler Negative Dy", "Euler DY CFG++",
    "Euler SMEA DY CFG++", "SEEDS 3 DP", "DPM++ 2S Ancestral CFG++ Intern", "ODE (Bosh3)", "ODE (Fehlberg2)", "ODE (Adaptive Heun)",
    "ODE (Dopri5)", "ODE Custom", "Custom Sampler",
}  # fmt: skip
"""They decide by themselves how often they ask."""
SETTINGS = {"method": "lcm", "steps": 5, "cfg": 2}


def samplers(webui: WebUI) -> list[str]:
    return [each["name"] for each in webui.get("/sdapi/v1/samplers")]


@pytest.mark.parametrize("cfg_steps", [0, 2])
def test_the_plan_counts_what_each_sampler_asks(webui: WebUI, cfg_steps: int) -> None:
    wrong, uncounted = {}, []
    for sampler in samplers(webui):
        asked = {**SETTINGS, "sampler": sampler, "cfg_steps": cfg_steps}
        planned = webui.plan(**asked)
        assert planned["active"], planned["summary"]
        made = webui.txt2img(asked, negative_prompt="blue square").evaluations
        if planned["evaluations"] is None:
            uncounted.append(sampler)
        elif planned["evaluations"] != made:
            wrong[sampler] = (planned["evaluations"], made)
    assert not wrong, f"planned and made: {wrong}"
    assert set(uncounted) <= UNCOUNTED, uncounted


@pytest.mark.parametrize("sampler", ["DDIM", "PLMS", "UniPC", "Heun", "DPM++ SDE"])
@pytest.mark.parametrize("way", ["6 steps", "img2img", "hires"])
def test_what_a_pass_below_full_noise_asks_is_counted(webui: WebUI, sampler: str, way: str) -> None:
    if sampler not in samplers(webui):
        pytest.skip(f"{webui.name} has no sampler {sampler}")
    by_hand = {"sampler_name": sampler, "steps": 6, "cfg_scale": 7}
    request = Request(method="lcm", lora=NO_LORA, host_sampler=sampler, host_steps=6, host_cfg=by_hand["cfg_scale"])
    if way == "img2img":
        made = webui.img2img(webui.txt2img(steps=1).files[0], denoising_strength=0.5, **by_hand)
        request = replace(request, denoise=0.5)
    elif way == "hires":
        made = webui.txt2img(**by_hand, **{"hr_cfg": 7, **hires_fields(webui)})  # 1 by itself in Forge
        request = replace(request, hires_denoise=hires_fields(webui)["denoising_strength"])
    else:
        made = webui.txt2img(**by_hand)
    assert make_plan(request, NEO if webui.running.host.name == "neo" else HOST, TABLES).evaluations_without == made.evaluations
