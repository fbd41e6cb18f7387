"""The negative prompt at CFG 1, for the length of a pass: which rows of an evaluation it guides, and where its encoding comes from."""
from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import torch
from modules import prompt_parser, sd_samplers

from ..core.nag import Nag, acts
from ..core.plan import Plan
from .attention import Layer, Replacement, layers_of, replacements
from .state import generation_of, note
from .timesteps import noise_levels, pass_of
from .unet import unet_of


@contextmanager
def negative_prompt(p: Any, plan: Plan) -> Iterator[None]:
    """Has the plan's negative prompt act in a pass; the network is as before after it."""
    assert plan.negative is not None
    guidance = Guidance(p, plan, plan.negative)
    note(p, guidance=guidance)
    try:
        yield
    finally:
        guidance.close()
        note(p, guidance=None)


def guidance_of(p: Any) -> Guidance | None:
    """That of the pass that runs now."""
    return generation_of(p).guidance


def prepare(p: Any, params: Any, uncond: Any) -> None:
    """Before every evaluation, also one without us: what another generation has opened in the network waits until its own goes on."""
    guidance, standing = guidance_of(p), vars(unet_of(getattr(p, "sd_model", None)) or _NO_NETWORK).get(_OPENED)
    if standing is not None and standing is not guidance:
        standing.close()
    if guidance is not None:
        guidance.prepare(params, uncond)


_OPENED, _NO_NETWORK = "fewstep_guidance", SimpleNamespace()


class Guidance:
    """One pass' guidance: `prepare` goes before each evaluation, and `close` takes all of it back."""

    def __init__(self, p: Any, plan: Plan, by: Nag):
        self._p, self._plan, self._by = p, plan, by
        self._first: float | None = None
        self._guided: list[bool] = []
        self._contexts: torch.Tensor | None = None
        self._network: tuple[Any, Any] | None = None
        self._layers: list[Layer] = []
        self._entering: Any = None
        self._replaced: Replacement | None = None
        self._encoded: tuple[Any, Any] | None = None

    def close(self) -> None:
        for layer in self._layers:
            layer.close()
        if self._entering is not None:
            self._entering.remove()
        if self._network is not None:
            vars(self._network[0]).pop(_OPENED, None)
        self._layers, self._entering, self._network, self._contexts = [], None, None, None

    def encode(self) -> None:
        """Before the sampler starts: Forge leaves the negative prompt unread at CFG 1, and later the text encoder may be gone."""
        if (self._p.hr_uc if self._hires else self._p.uc) is None and any(self._texts):
            self._own_encoding()

    def prepare(self, params: Any, uncond: Any) -> None:
        """Before an evaluation. `uncond` is the encoding in force of the negative prompts, a row an image; None where there is none yet."""
        self._guided = [bool(text.strip()) for text in self._texts]
        if not self._acts_in(params) or not any(self._guided):
            self.close()
            return
        if uncond is None:
            uncond = prompt_parser.reconstruct_cond_batch(self._own_encoding(), params.denoiser.step)
        self._attach()
        contexts = uncond["crossattn"] if isinstance(uncond, dict) else uncond
        if self._contexts is None or self._contexts.shape != contexts.shape or not torch.equal(self._contexts, contexts):
            self._contexts = contexts
            for layer in self._layers:
                layer.read(contexts)
        parts = [len(parts) for parts in params.denoiser.sampler.sampler_extra_args["cond"].batch]
        rows = [image if self._guided[image] else None for image, count in enumerate(parts) for _ in range(count)]
        self._expect([*rows, *[None] * (len(params.x) - len(rows))])

    @property
    def _hires(self) -> bool:
        return bool(getattr(self._p, "is_hr_pass", False))

    @property
    def _texts(self) -> list[str]:
        """The negative prompts of the batch, in this pass."""
        return (getattr(self._p, "hr_negative_prompts", None) if self._hires else None) or self._p.negative_prompts

    def _acts_in(self, params: Any) -> bool:
        """Whether this evaluation is one at CFG 1, and above the noise level that the guidance ends at."""
        plan, denoiser, sigma = self._plan, params.denoiser, self._sigma(params)
        self._first = sigma if self._first is None else self._first
        with_cfg = not math.isclose(plan.cfg, 1.0) and not (plan.cfg_steps and denoiser.step >= pass_of(plan, self._p).guided_calls)
        return not with_cfg and acts(sigma, self._first, denoiser.step, denoiser.total_steps or 1, self._by.until)

    def _sigma(self, params: Any) -> float:
        """The noise level; DDIM, PLMS and UniPC hand on the timestep, unless the host has worked it out for them."""
        asked, wrap = float(params.sigma[0]), self._p.sampler.model_wrap
        if hasattr(wrap, "sigmas") or getattr(params.denoiser, "classic_ddim_eps_estimation", False):
            return asked
        return float(noise_levels(wrap)[round(asked)])

    def _attach(self) -> None:
        """To the network that runs now: a refiner may have taken over, in the same network too."""
        model = self._p.sd_model
        unet, info = unet_of(model), getattr(model, "sd_checkpoint_info", None)
        if self._network is not None and self._network[0] is unet and self._network[1] is info:
            return
        self.close()
        self._network = unet, info
        self._layers = [Layer(attention, self._by, self._take_replacement) for attention in layers_of(unet)]
        vars(unet)[_OPENED] = self
        self._entering = unet.register_forward_pre_hook(self._on_enter, with_kwargs=True)

    def _expect(self, rows: list[int | None]) -> None:
        for layer in self._layers:
            layer.expect(rows)

    def _on_enter(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any] | None:
        """Forge and its kin say which rows of a call are the prompt's (0), each time for all images, and what stands in for attentions."""
        options = kwargs.get("transformer_options")
        if not isinstance(options, dict) or "cond_or_uncond" not in options:
            return None
        images = enumerate(self._guided)
        of_prompt = [image if guided else None for image, guided in images]
        self._expect([image if mark == 0 else None for mark in options["cond_or_uncond"] for image in of_prompt])
        changed = replacements(options, self._put_replacement)
        return None if changed is None else (args, {**kwargs, "transformer_options": changed})

    def _put_replacement(self, replaced: Replacement) -> None:
        self._replaced = replaced

    def _take_replacement(self) -> Replacement | None:
        replaced, self._replaced = self._replaced, None
        return replaced

    def _own_encoding(self) -> Any:
        """The negative prompts' schedules, by the model that is loaded; kept by the host as it keeps its own."""
        if self._encoded is None or self._encoded[0] is not self._p.sd_model:
            self._encoded = self._p.sd_model, _encode(self._p, self._texts, self._hires)
        return self._encoded[1]


def _encode(p: Any, texts: list[str], hires: bool) -> Any:
    """As the hosts do it in `setup_conds` and `calculate_hr_conds` above CFG 1."""
    encode = prompt_parser.get_learned_conditioning
    width, height = (p.hr_upscale_to_x, p.hr_upscale_to_y) if hires else (p.width, p.height)
    prompts = prompt_parser.SdConditioning(texts, is_negative_prompt=True, width=width, height=height)
    if not hires:
        return p.get_conds_with_caching(encode, prompts, p.firstpass_steps, [p.cached_uc], p.extra_network_data)
    config, steps = sd_samplers.find_sampler_config(p.hr_sampler_name or p.sampler_name), p.hr_second_pass_steps or p.steps
    steps = config.total_steps(steps) if config is not None else steps
    caches = [p.cached_hr_uc, p.cached_uc]
    return p.get_conds_with_caching(encode, prompts, p.firstpass_steps, caches, p.hr_extra_network_data, steps)
