"""Variety in whole generations: which evaluations are asked with other texts, whose seed makes them, and that nothing of it stays."""
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lib_fewstep.core.variety import MOST

from . import fake
from .fake import Host
from .generator import HIRES, Generator

VARIED = {"method": "lcm", "variety": 1}


class Shaped(dict[str, Any]):
    """SDXL's texts in the hosts: a dictionary that has a shape."""


@pytest.fixture
def generator(host: Host) -> Generator:
    """With a text encoder that answers something, and a network that notes the texts."""
    generator = Generator(host)
    generator.model.get_learned_conditioning = lambda prompts: torch.stack([_encoded(prompt) for prompt in prompts])
    return generator


def _encoded(prompt: str) -> torch.Tensor:
    return torch.randn(77, 64, generator=torch.Generator().manual_seed(len(prompt)))


def texts(generator: Generator, p: Any, settings: dict[str, Any]) -> list[torch.Tensor]:
    """The texts that each call of the network is given, [rows, tokens, channels]."""
    found: list[torch.Tensor] = []

    def note(module: Any, args: Any, kwargs: dict[str, Any]) -> None:
        context = kwargs["context"]
        found.append((context[0] if isinstance(context, list) else context).clone())

    hook = generator.model.network.register_forward_pre_hook(note, with_kwargs=True)
    try:
        generator.make(p, settings)
    finally:
        hook.remove()
    return found


def equal(one: list[torch.Tensor], other: list[torch.Tensor]) -> list[bool]:
    return [torch.equal(a, b) for a, b in zip(one, other, strict=True)]


def test_the_first_of_four_steps_sees_another_text(generator: Generator) -> None:
    plain = texts(generator, generator.txt2img(), {"method": "lcm"})
    assert equal(texts(generator, generator.txt2img(), {"method": "lcm", "variety": 0}), plain) == [True] * 4
    assert equal(texts(generator, generator.txt2img(), VARIED), plain) == [False, True, True, True]
    assert equal(texts(generator, generator.txt2img(), {"method": "lcm"}), plain) == [True] * 4, "what the host keeps is as it was"


def test_of_eight_steps_the_first_two(generator: Generator) -> None:
    plain, found = (texts(generator, generator.txt2img(), {**VARIED, "steps": 8, "variety": variety}) for variety in (0, 1))
    assert equal(found, plain) == [False, False] + [True] * 6


def test_every_picture_has_the_text_of_its_own_seed(generator: Generator) -> None:
    pair = texts(generator, generator.txt2img(batch_size=2), VARIED)
    alone = [texts(generator, generator.txt2img(seed=seed), VARIED) for seed in (1, 2)]
    assert equal(pair, [torch.cat(each) for each in zip(*alone, strict=True)]) == [True] * 4
    assert not torch.equal(pair[0][0], pair[0][1])
    following = texts(generator, generator.txt2img(n_iter=2), VARIED)
    assert equal(following, [*alone[0], *alone[1]]) == [True] * 8


def test_its_noise_is_not_what_the_picture_begins_with(generator: Generator) -> None:
    """Both come from the seed: noise that is the picture's own would tie the two together."""
    plain, found = (texts(generator, generator.txt2img(), {**VARIED, "variety": variety})[0] for variety in (0, 1))
    own = torch.randn(4 * 8 * 8, generator=torch.Generator().manual_seed(1))
    noise = (found - plain).flatten()[: len(own)]
    assert abs(float(torch.corrcoef(torch.stack([noise, own]))[0, 1])) < 0.3


def test_img2img_has_it_and_the_hires_pass_has_not(generator: Generator) -> None:
    plain, found = (texts(generator, generator.img2img(), {**VARIED, "variety": variety}) for variety in (0, 1))
    assert equal(found, plain) == [False] + [True] * (len(plain) - 1)
    plain, found = (texts(generator, generator.txt2img(**HIRES), {**VARIED, "variety": variety}) for variety in (0, 1))
    assert equal(found, plain) == [False] + [True] * (len(plain) - 1) and len(plain) > 4


def test_the_empty_prompt_is_read_before_the_sampler_starts(generator: Generator) -> None:
    """Forge moves the text encoder away when it starts."""
    read, own = list[tuple[str, int]](), generator.model.get_learned_conditioning

    def reading(prompts: list[str]) -> torch.Tensor:
        read.extend((prompt, len(generator.asked)) for prompt in prompts)
        return own(prompts)

    generator.model.get_learned_conditioning = reading
    generator.make(generator.txt2img(batch_size=2), {**VARIED, "cfg": 2})
    assert ("", 0) in read and {calls for _, calls in read} == {0} and [prompt for prompt, _ in read].count("") == 1


def test_with_cfg_the_negative_prompt_stays(generator: Generator) -> None:
    plain, found = (texts(generator, generator.txt2img(), {**VARIED, "cfg": 2, "variety": variety}) for variety in (0, 1))
    assert not torch.equal(found[0][0], plain[0][0]) and torch.equal(found[0][1], plain[0][1])


def test_a_generation_that_is_broken_off_leaves_nothing(generator: Generator) -> None:
    plain, own = texts(generator, generator.txt2img(), {"method": "lcm"}), generator.model.network.answer

    def broken(x: Any, timesteps: Any) -> Any:
        raise RuntimeError("out of memory")

    generator.model.network.answer = broken
    p = generator.txt2img()
    with pytest.raises(RuntimeError, match="out of memory"):
        generator.make(p, VARIED)
    assert generator.host.our("variety").variety_of(p) is None
    generator.model.network.answer = own
    assert equal(texts(generator, generator.txt2img(), {"method": "lcm"}), plain) == [True] * 4


# ------------------------------------------------------------------------------------------------- what the embedded host lacks


def asked(host: Host, cond: Any, seeds: list[int], parts: list[int], empty: Any) -> Any:
    """The texts of an evaluation, for pictures of these seeds, of so many parts joined with AND each."""
    host.prompt_parser.reconstruct_cond_batch = lambda schedules, step: schedules
    arguments = {"cond": SimpleNamespace(batch=[[None] * count for count in parts])}
    denoiser = SimpleNamespace(step=0, total_steps=4, sampler=SimpleNamespace(sampler_extra_args=arguments))
    params = SimpleNamespace(text_cond=cond, denoiser=denoiser)
    host.prompt_parser.get_learned_conditioning = lambda model, prompts, steps: empty
    host.our("variety").Variety(fake.job(seeds=seeds, width=64, height=64, steps=4, sd_model=None), 1.0).vary(params)
    return params.text_cond


def test_of_sdxl_the_tokens_and_what_sums_them_up(host: Host) -> None:
    text, vector = torch.randn(1, 77, 64), torch.randn(1, 16)
    cond, empty = Shaped(crossattn=text, vector=vector), Shaped(crossattn=torch.zeros(1, 77, 64), vector=torch.zeros(1, 16))
    found = asked(host, cond, [1], [1], empty)
    assert isinstance(found, Shaped) and cond["crossattn"] is text and cond["vector"] is vector
    assert torch.allclose(found["vector"], (1 - MOST) * vector)
    assert torch.equal(found["crossattn"], asked(host, text, [1], [1], empty["crossattn"])) and not torch.equal(found["crossattn"], text)


def test_parts_joined_with_and_have_their_pictures_noise(host: Host) -> None:
    text = torch.randn(1, 77, 64).expand(3, -1, -1)
    found = asked(host, text, [1, 2], [2, 1], torch.zeros(1, 77, 64))
    assert torch.equal(found[0], found[1]) and not torch.equal(found[1], found[2])


def test_longer_prompts_of_a_batch_change_nothing_for_shorter_ones(host: Host) -> None:
    short = torch.randn(1, 77, 64)
    long, empty = torch.cat([short, short], 1), torch.zeros(1, 77, 64)
    one, other = (asked(host, text, [1], [1], empty)[:, :77] for text in (short, long))
    assert torch.equal(one, other)


def test_rows_that_are_not_the_pictures_stay(host: Host) -> None:
    text = torch.randn(4, 77, 64)
    assert asked(host, text, [1, 2], [1, 1], torch.zeros(1, 77, 64)) is text
