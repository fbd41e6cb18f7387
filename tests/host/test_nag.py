"""The negative prompt at CFG 1 in a network's cross-attention: what it computes, on which rows, and that nothing of it stays."""
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from lib_fewstep.core.decide import make_plan
from lib_fewstep.core.nag import guided
from lib_fewstep.core.request import Request, request_from
from tests.core.situations import LCM, TABLES, facts

from . import fake
from .fake import Host

WIDTH, HEADS, TOKENS = 8, 2, 5


class Attention(torch.nn.Module):
    """A cross-attention as ldm, sgm and the Forges have it."""

    def __init__(self) -> None:
        super().__init__()
        self.to_q, self.to_k, self.to_v = (torch.nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(3))
        self.to_out = torch.nn.Sequential(torch.nn.Linear(WIDTH, WIDTH), torch.nn.Dropout(0.0))
        self.read: list[int] = []
        self.to_k.register_forward_hook(lambda module, args, keys: self.read.append(len(args[0])))

    def forward(self, x: Any, context: Any = None, mask: Any = None) -> Any:
        return self.to_out(attend(self.to_q(x), self.to_k(context), self.to_v(context)))


def attend(queries: Any, keys: Any, values: Any, extra: Any = None) -> Any:
    parts = [each.unflatten(-1, (HEADS, -1)).transpose(1, 2) for each in (queries, keys, values)]
    return scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2)


class Block(torch.nn.Module):
    """The part of Forge's transformer block that asks its second attention, or what was put in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.attn1, self.attn2 = Attention(), Attention()

    def forward(self, x: Any, context: Any, transformer_options: Any = None) -> Any:
        place = (transformer_options or {}).get("patches_replace", {}).get("attn2", {}).get(("middle", 0))
        if place is None:
            return x + self.attn2(x, context=context)
        keys, values = self.attn2.to_k(context), self.attn2.to_v(context)
        return x + self.attn2.to_out(place(self.attn2.to_q(x), keys, values, {"heads": HEADS}))


class Unet(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = Block()

    def forward(self, x: Any, timesteps: Any = None, context: Any = None, transformer_options: Any = None) -> Any:
        return self.block(x, context, transformer_options)


class Situation:
    """A pass of a generation with a negative prompt, whose evaluations are made by hand."""

    def __init__(self, host: Host, negatives: list[str], parts: list[int] | None = None, tokens: int = TOKENS, **settings: Any):
        torch.manual_seed(1)
        self.host, self.unet = host, Unet().requires_grad_(False)
        images, self.parts = len(negatives), parts or [1] * len(negatives)
        model = SimpleNamespace(model=SimpleNamespace(diffusion_model=self.unet))
        sampler = SimpleNamespace(model_wrap=SimpleNamespace(sigmas=torch.ones(1000)))
        self.p = fake.job(negative_prompts=negatives, sd_model=model, sampler=sampler)
        asked = request_from({"method": "lcm", **settings}, Request(negative_prompt=next(filter(None, negatives), "")))
        self.plan = make_plan(asked, facts("sd15", LCM), TABLES)
        fake.put_in_force(host, self.p, self.plan)
        self.cond, self.uncond = torch.randn(sum(self.parts), TOKENS, WIDTH), torch.randn(images, tokens, WIDTH)
        self.x = torch.randn(sum(self.parts) + images, 3, WIDTH)
        batch = SimpleNamespace(batch=[[SimpleNamespace(weight=1.0)] * count for count in self.parts])
        arguments = {"cond_scale": self.plan.cfg, "cond": batch, "s_min_uncond": 0.0}
        self.denoiser = SimpleNamespace(
            p=self.p, step=0, total_steps=4, image_cfg_scale=None, sampler=SimpleNamespace(sampler_extra_args=arguments),
        )

    def open(self) -> Any:
        return self.host.our("nag").negative_prompt(self.p, self.plan)

    def prepare(self, sigma: float = 14.6) -> Any:
        """As A1111 begins an evaluation: rows with the prompt first; returns what is left of them."""
        params = SimpleNamespace(
            x=self.x, sigma=torch.full((len(self.x),), sigma), image_cond=self.x, text_cond=self.cond, text_uncond=self.uncond,
            denoiser=self.denoiser,
        )
        self.host.our("cfg").steer_cfg(params)
        self.denoiser.step += 1
        return params

    def evaluate(self, sigma: float = 14.6) -> torch.Tensor:
        params = self.prepare(sigma)
        texts = self.cond if len(params.x) == len(self.cond) else torch.cat([self.cond, self.uncond])
        return self.unet(params.x, context=texts)

    def expected(self, row: int, image: int | None) -> torch.Tensor:
        """A row's answer by the formula; `image` None: without guidance."""
        attention, x = self.unet.block.attn2, self.x[row : row + 1]
        texts = torch.cat([self.cond, self.uncond]) if self.cond.shape[1] == self.uncond.shape[1] else self.cond
        queries, context = attention.to_q(x), texts[row : row + 1]
        output = attend(queries, attention.to_k(context), attention.to_v(context))
        if image is not None:
            negative = self.uncond[image : image + 1]
            assert self.plan.negative is not None
            output = guided(output, attend(queries, attention.to_k(negative), attention.to_v(negative)), self.plan.negative)
        return x + attention.to_out(output)

    def is_untouched(self) -> bool:
        modules = list(self.unet.modules())
        hooks = sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in modules)
        shadows = [name for module in modules for name in vars(module) if name in ("to_q", "to_k", "to_v", "to_out", "forward")]
        return hooks == 2 and not shadows and "fewstep_guidance" not in vars(self.unet)  # the two of this test's own


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.allclose(one, other, atol=1e-5)


def test_one_row_is_guided_by_the_formula_and_nothing_stays(host: Host) -> None:
    at = Situation(host, ["blurry"])
    plain = at.unet(at.x[:1], context=at.cond)
    with at.open():
        guided_ = at.evaluate()
    assert len(guided_) == 1 and same(guided_, at.expected(0, 0)) and not same(guided_, plain)
    assert at.is_untouched() and torch.equal(at.unet(at.x[:1], context=at.cond), plain)


def test_below_the_end_the_answer_is_the_networks_own_to_the_last_bit(host: Host) -> None:
    at = Situation(host, ["blurry"])
    plain = at.unet(at.x[:1], context=at.cond)
    with at.open():
        assert not torch.equal(at.evaluate(14.6), plain) and not torch.equal(at.evaluate(4.1), plain)
        assert torch.equal(at.evaluate(3.9), plain) and at.is_untouched()


def test_a_pass_that_begins_below_the_end_is_guided_in_its_first_half(host: Host) -> None:
    at = Situation(host, ["blurry"])
    plain = at.unet(at.x[:1], context=at.cond)
    with at.open():
        assert [torch.equal(at.evaluate(sigma), plain) for sigma in (1.6, 1.0, 0.6, 0.3)] == [False, False, True, True]


def test_keys_and_values_of_the_negative_prompt_are_worked_out_once(host: Host) -> None:
    at = Situation(host, ["blurry"])
    with at.open():
        for _ in range(4):
            at.evaluate()
        assert len(at.unet.block.attn2.read) == 5  # four times the prompt, once the negative prompt
        at.uncond = at.uncond + 1  # as prompt editing changes it
        answer, read = at.evaluate(), len(at.unet.block.attn2.read)
        assert read == 5 + 2 and same(answer, at.expected(0, 0))
    assert at.unet.block.attn1.read == []


def test_a_batch_has_a_negative_prompt_an_image_and_an_empty_one_does_nothing(host: Host) -> None:
    at = Situation(host, ["blurry", "", "green"])
    with at.open():
        answer = at.evaluate()
    assert [same(answer[row], at.expected(row, image)[0]) for row, image in ((0, 0), (1, None), (2, 2))] == [True] * 3


def test_parts_joined_with_and_are_guided_by_their_images_and_rows_without_the_prompt_are_not(host: Host) -> None:
    at = Situation(host, ["blurry", "green"], parts=[2, 1])
    with at.open():
        answer = at.evaluate()
    assert len(answer) == 5, "AND needs the rows without the prompt"
    assert [same(answer[row], at.expected(row, image)[0]) for row, image in ((0, 0), (1, 0), (2, 1), (3, None), (4, None))] == [True] * 5


def test_rows_may_come_in_several_calls(host: Host) -> None:
    """A1111 without "batch cond/uncond", and the embedded host, which evaluates rows one by one."""
    at = Situation(host, ["blurry", "green"], parts=[2, 1])
    with at.open():
        for _ in range(2):
            params = at.prepare()
            texts = torch.cat([at.cond, at.uncond])
            answer = torch.cat([at.unet(row, context=text) for row, text in zip(params.x.split(1), texts.split(1), strict=True)])
            assert [same(answer[row], at.expected(row, image)[0]) for row, image in ((0, 0), (2, 1), (4, None))] == [True] * 3


def test_the_lengths_of_the_prompts_may_differ(host: Host) -> None:
    for tokens in (2, 3 * TOKENS):
        at = Situation(host, ["blurry"], tokens=tokens)
        with at.open():
            assert same(at.evaluate(), at.expected(0, 0))


@pytest.mark.parametrize("settings", [{"cfg": 2}, {"nag": 0}])
def test_where_the_plan_has_none_no_change_is_opened(host: Host, settings: dict[str, Any]) -> None:
    at, network = Situation(host, ["blurry"], **settings), host.our("network")
    assert at.plan.negative is None
    at.p.sample = sample = lambda: "made"
    network.change_for_passes(at.p)
    assert at.p.sample is sample


def test_with_cfg_in_the_first_step_it_begins_in_the_second(host: Host) -> None:
    at = Situation(host, ["blurry"], cfg=2, cfg_steps=1)
    with at.open():
        assert same(at.evaluate()[:1], at.expected(0, None)), "CFG does it in this step"
        at.denoiser.sampler.sampler_extra_args["cond_scale"] = 1.0
        assert same(at.evaluate(), at.expected(0, 0))


def test_another_network_takes_over(host: Host) -> None:
    """The refiner, or the same modules with other weights."""
    at = Situation(host, ["blurry"])
    first = at.unet
    with at.open():
        at.evaluate()
        at.unet = Unet().requires_grad_(False)
        at.p.sd_model = SimpleNamespace(model=SimpleNamespace(diffusion_model=at.unet), sd_checkpoint_info="refiner")
        assert same(at.evaluate(), at.expected(0, 0))
        for parameter in at.unet.parameters():
            parameter.mul_(0.5)
        at.p.sd_model.sd_checkpoint_info = "another"
        assert same(at.evaluate(), at.expected(0, 0))
    at.unet, second = first, at.unet
    assert at.is_untouched()
    at.unet = second
    assert at.is_untouched()


@pytest.mark.parametrize("inner", ["without-us", "with-its-own"])
def test_a_generation_within_a_pass_is_its_own(host: Host, inner: str) -> None:
    """Detailers run one of their own on the same network, some while the picture is sampled."""
    outer, within = Situation(host, ["blurry"]), Situation(host, ["green"])
    within.unet = within.p.sd_model.model.diffusion_model = outer.unet
    with outer.open():
        assert same(outer.evaluate(), outer.expected(0, 0))
        if inner == "without-us":
            host.our("state").note(within.p, plan=None)
            assert same(within.evaluate()[:1], within.expected(0, None))
        else:
            with within.open():
                assert same(within.evaluate(), within.expected(0, 0))
        assert same(outer.evaluate(), outer.expected(0, 0))
    assert outer.is_untouched()


# ------------------------------------------------------------------------------------------------------- errors, interruptions


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, "interrupted"])
def test_nothing_stays_after_an_error_or_an_interruption(host: Host, error: Any) -> None:
    at = Situation(host, ["blurry"])
    error = host.sd_samplers_common.InterruptedException if error == "interrupted" else error

    def sample() -> None:
        at.evaluate()
        raise error

    at.p.sample = sample
    host.our("network").change_for_passes(at.p)
    with pytest.raises(error):
        at.p.sample()
    assert at.is_untouched() and host.our("nag").guidance_of(at.p) is None and at.p.sample is sample


def test_nothing_stays_in_a_layer_that_fails_for_the_negative_prompt(host: Host) -> None:
    at = Situation(host, ["blurry"])
    at.uncond = torch.randn(1, TOKENS, WIDTH + 1)  # of another text encoder
    with pytest.raises(RuntimeError), at.open():
        at.evaluate()
    assert at.is_untouched()


# -------------------------------------------------------------------------------------------------------- other extensions


def test_what_stands_in_the_layers_place_is_asked_for_both_sides(host: Host) -> None:
    """A1111: a forward put onto one attention, which adds something of its own (IP-Adapter)."""
    at = Situation(host, ["blurry"])
    attention, more = at.unet.block.attn2, torch.randn(1, 3, WIDTH)

    def forward(x: Any, context: Any = None, **kwargs: Any) -> Any:
        queries = attention.to_q(x)
        return attention.to_out(attend(queries, attention.to_k(context), attention.to_v(context)) + more)

    vars(attention)["forward"] = forward
    with at.open():
        answer = at.evaluate()
    queries = attention.to_q(at.x[:1])
    z, negative = (attend(queries, attention.to_k(context), attention.to_v(context)) + more for context in (at.cond, at.uncond))
    assert at.plan.negative is not None
    assert same(answer, at.x[:1] + attention.to_out(guided(z, negative, at.plan.negative)))
    assert vars(attention).pop("forward") is forward and at.is_untouched()


def test_one_that_takes_the_picture_apart_is_left_alone(host: Host) -> None:
    """Regional prompters ask the queries, and the output, once a region."""
    at = Situation(host, ["blurry"])
    attention = at.unet.block.attn2

    def forward(x: Any, context: Any = None, **kwargs: Any) -> Any:
        keys, values = attention.to_k(context), attention.to_v(context)
        return torch.cat([attention.to_out(attend(attention.to_q(part), keys, values)) for part in x.split([1, 2], dim=1)], 1)

    vars(attention)["forward"] = forward
    plain = at.unet(at.x[:1], context=at.cond)
    with at.open():
        assert torch.equal(at.evaluate(), plain)
    vars(attention).pop("forward")
    assert at.is_untouched()


@pytest.mark.parametrize("marks", [[0], [1, 0], [0, 0]])
def test_forges_replacements_are_asked_for_both_sides_and_its_options_stay_as_they_were(host: Host, marks: list[int]) -> None:
    at = Situation(host, ["blurry", ""])
    more, seen = torch.randn(1, 3, WIDTH), []

    def replacement(queries: Any, keys: Any, values: Any, extra: Any) -> Any:
        seen.append(extra)
        return attend(queries, keys, values) + more

    places = {("middle", 0): replacement}
    options = {"cond_or_uncond": marks, "patches_replace": {"attn2": places}}
    x, texts = torch.randn(2 * len(marks), 3, WIDTH), torch.randn(2 * len(marks), TOKENS, WIDTH)
    with at.open():
        at.prepare()
        answer = at.unet(x, context=texts, transformer_options=options)
    attention = at.unet.block.attn2
    by = at.plan.negative
    assert by is not None
    for row, mark in enumerate(mark for mark in marks for _ in range(2)):
        queries, negative = attention.to_q(x[row : row + 1]), at.uncond[:1]
        output = attend(queries, attention.to_k(texts[row : row + 1]), attention.to_v(texts[row : row + 1])) + more
        if mark == 0 and row % 2 == 0:  # the second image has no negative prompt
            output = guided(output, attend(queries, attention.to_k(negative), attention.to_v(negative)) + more, by)
        assert same(answer[row], (x[row : row + 1] + attention.to_out(output))[0])
    assert seen == [{"heads": HEADS}] * 2, "the same extra options for both"
    assert options == {"cond_or_uncond": marks, "patches_replace": {"attn2": places}} and places[("middle", 0)] is replacement
    assert at.is_untouched()


# ------------------------------------------------------------------------------------------------------- Forge's own encoding


def test_where_the_host_leaves_the_negative_prompt_unread_it_is_read_once_before_the_sampler_starts(host: Host) -> None:
    """Forge and Neo at CFG 1: `p.uc` is None, and so is what an evaluation is handed."""
    at, encoded = Situation(host, ["blurry"]), []
    schedule = [[host.prompt_parser.ScheduledPromptConditioning(4, at.uncond[0])]]

    def get_conds_with_caching(function: Any, prompts: Any, steps: int, caches: Any, networks: Any, hires_steps: Any = None) -> Any:
        encoded.append((list(prompts), prompts.is_negative_prompt, steps, caches, networks, hires_steps))
        return schedule

    at.p.uc, at.p.cached_uc, at.p.width, at.p.height = None, ["the host's"], 64, 64
    at.p.firstpass_steps, at.p.extra_network_data, at.p.get_conds_with_caching = 4, "networks", get_conds_with_caching
    expected = at.expected(0, 0)
    at.uncond = None  # type: ignore[assignment]
    with at.open():
        host.our("generation").steer_pass(at.p)
        assert encoded == [(["blurry"], True, 4, [["the host's"]], "networks", None)]
        params = SimpleNamespace(
            x=at.x[:1], sigma=torch.full((1,), 14.6), image_cond=at.x[:1], text_cond=at.cond, text_uncond=None, denoiser=at.denoiser,
        )
        host.our("cfg").steer_cfg(params)
        answer = at.unet(at.x[:1], context=at.cond)
        assert same(answer, expected) and len(encoded) == 1
        at.p.sd_model = SimpleNamespace(model=at.p.sd_model.model)  # a refiner, with a text encoder of its own
        host.our("cfg").steer_cfg(params)
        assert len(encoded) == 2
