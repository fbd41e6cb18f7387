"""What a generation would do without us, read from its processing object."""
from __future__ import annotations

from typing import Any

import pytest

from .generator import HIRES, Generator


def request_of(generator: Generator, p: Any) -> Any:
    return generator.host.our("request").request_of(p, "a dog", "snow")


def test_a_batch_has_its_own_prompts_and_the_jobs_settings(generator: Generator) -> None:
    request = request_of(generator, generator.txt2img())
    assert (request.prompt, request.negative_prompt) == ("a dog", "snow")
    assert (request.host_steps, request.host_cfg, request.host_sampler, request.width, request.height) == (9, 6.0, "Euler", 64, 64)
    assert (request.denoise, request.hires_denoise) == (1.0, None)


def test_a_picture_to_start_from_and_a_hires_pass_have_their_strength(generator: Generator) -> None:
    assert request_of(generator, generator.img2img(denoising_strength=0.3)).denoise == 0.3
    hires = request_of(generator, generator.txt2img(**HIRES, refiner_checkpoint="another", hr_sampler_name="Heun"))
    assert (hires.denoise, hires.hires_denoise, hires.hires_sampler, hires.second_checkpoint) == (1.0, 0.5, "Heun", "another")


def test_the_schedule_of_the_hires_pass_is_the_users_also_after_the_host_wrote_its_own(generator: Generator) -> None:
    """The host puts the first pass' schedule there when it begins; the next batch must not take that for a wish."""
    p = generator.txt2img(**HIRES)
    assert request_of(generator, p).hires_scheduler == ""
    p.hr_scheduler = p.scheduler
    assert request_of(generator, p).hires_scheduler == ""
    assert request_of(generator, generator.txt2img(**HIRES, hr_scheduler="Beta")).hires_scheduler == "Beta"


@pytest.mark.parametrize("is_api, hires_steps", [(False, 0), (True, 20)])
def test_what_a_preset_fills_in_is_no_wish_unless_it_comes_from_the_api(generator: Generator, is_api: bool, hires_steps: int) -> None:
    opts, option = generator.host.shared.opts, generator.host.shared.OptionInfo
    opts.add_option("forge_preset", option("xl"))
    opts.add_option("xl_t2i_hr_step", option(20))
    p = generator.txt2img(**{**HIRES, "hr_second_pass_steps": 20})
    p.is_api = is_api
    assert request_of(generator, p).hires_steps == hires_steps
