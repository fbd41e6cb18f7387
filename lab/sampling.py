"""Sampler settings -> latents and pictures: the product's samplers, k-diffusion's for the rest, on fixed prompts and noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from transformers import CLIPTokenizer

from demo.host import k_diffusion_loader
from demo.ldm import load_text_encoder, load_unet, load_vae
from demo.lora import merge_lora
from demo.weights import Models
from lib_fewstep.core.nag import Nag
from lib_fewstep.core.samplers import sample_lcm, sample_tcd
from lib_fewstep.core.schedules import host_share, timesteps_for
from lib_fewstep.core.variety import acts, varied

from .attention import put_into
from .networks import channels_last
from .schedules import SIGMAS, sigma_at, sigmas_of, timestep_at

EULER, ANCESTRAL, DPM, LCM_SAMPLER, TCD_SAMPLER = "Euler", "Euler a", "DPM++ 2M", "LCM", "TCD"
HOST_SHARE, ALL_STEPS = "host", "all"

_BATCH = 250
_NOISE_SEED, _TEXT_SEED, _FRESH_SEED = 7, 8, 0
_POOL = 1000
_ALWAYS = 99
_FULL_NOISE = 0.999


@dataclass(frozen=True)
class Setting:
    """One way of sampling. `loras`: names and weights. `schedule`: see `schedules.sigmas_of`.

    Guidance acts in the first `guided_steps` steps. Below `strength` 1 sampling starts from given latents, and `img2img` says
    whether the host's share of the steps is made or all of them.
    """

    loras: tuple[tuple[str, float], ...] = ()
    sampler: str = EULER
    schedule: str | tuple[int, ...] = "trailing"
    steps: int = 4
    cfg: float = 1.0
    guided_steps: int = _ALWAYS
    gamma: float | None = None
    nag: Nag | None = None
    strength: float = 1.0
    img2img: str = ALL_STEPS
    variety: float = 0.0

    @property
    def key(self) -> str:
        """Names the setting in files and tables; what is usual is left out."""
        loras = " + ".join(name if weight == 1 else f"{name}:{weight:g}" for name, weight in self.loras)
        rule = self.schedule if isinstance(self.schedule, str) else " ".join(map(str, self.schedule))
        parts = [loras or "base", f"{self.sampler} {rule}", f"{self.steps} steps"]
        parts += [f"CFG {self.cfg:g}"] if self.cfg != 1 else []
        parts += [f"in the first {self.guided_steps}"] if self.guided_steps != _ALWAYS else []
        parts += [f"gamma {self.gamma:g}"] if self.gamma is not None else []
        parts += [f"NAG {self.nag.phi:g} {self.nag.tau:g} {self.nag.alpha:g} {self.nag.until:g}"] if self.nag else []
        parts += [f"variety {self.variety:g}"] if self.variety else []
        parts += [f"strength {self.strength:g} {self.img2img}"] if self.strength < 1 else []
        return ", ".join(parts)

    def sigmas(self) -> Tensor:
        """The noise levels that are visited, then 0."""
        if self.strength == 1 or self.img2img == HOST_SHARE:
            every = sigmas_of(self.schedule, self.steps)
            return every if self.strength == 1 else every[-1 - host_share(self.steps, self.strength) :]
        visited = timesteps_for(self.schedule, self.steps, self.strength)
        return torch.cat([sigma_at(torch.tensor(visited, dtype=torch.float32)), torch.zeros(1)])


class Sampler:
    """A folder's models, with fixed noise: picture i of every setting begins with the same noise."""

    def __init__(self, models: Models) -> None:
        self.models = models
        self.unet = channels_last(load_unet(models.checkpoint))
        self.vae = channels_last(load_vae(models.checkpoint))
        self._encoder = load_text_encoder(models.checkpoint)
        self._tokenizer = CLIPTokenizer.from_pretrained(str(models.tokenizer))
        self._base = {name: tensor.clone() for name, tensor in self.unet.state_dict().items()}
        self._cross = put_into(self.unet)
        self._loras: tuple[tuple[str, float], ...] = ()
        self._noise = torch.randn(_POOL, 4, 8, 8, generator=torch.Generator().manual_seed(_NOISE_SEED))
        self._empty = self.encode([""])
        k_diffusion_loader.load()

    @torch.no_grad()
    def encode(self, sentences: Sequence[str]) -> Tensor:
        """Sentences -> [n, 77, 64]."""
        tokens = self._tokenizer(list(sentences), padding="max_length", truncation=True, max_length=77)["input_ids"]
        return self._encoder(input_ids=torch.tensor(cast(list[list[int]], tokens))).last_hidden_state

    @torch.no_grad()
    def sample(self, setting: Setting, text: Tensor, negative: Tensor, start: Tensor | None = None) -> Tensor:
        """Encoded prompts and negative prompts [n, 77, 64] (and latents to start from) -> scaled latents [n, 4, 8, 8]."""
        self._use(setting.loras)
        sigmas = setting.sigmas()
        noise = self._noise[: len(text)]
        # Below full noise, pure noise is the variance-preserving latent that the model knows; at full noise it hardly matters.
        full = sigmas[0] > _FULL_NOISE * SIGMAS[-1]
        scale = sigmas[0] if full or start is not None else (1 + sigmas[0] ** 2).sqrt()
        sample = scale * noise if start is None else start + scale * noise
        fresh = torch.Generator().manual_seed(_FRESH_SEED)

        def noise_sampler(*_: Any) -> Tensor:
            return torch.randn(sample.shape, generator=fresh)

        model = _Denoiser(self, setting, text, self._varied(text, setting.variety) if setting.variety else text, negative)
        return _samplers()[setting.sampler](model, sample, sigmas, setting.gamma, noise_sampler)

    def predict(self, setting: Setting, sample: Tensor, sigma: Tensor, text: Tensor, negative: Tensor, guided: bool) -> Tensor:
        """Model input of unit variance -> eps, batch by batch."""
        timestep, parts = timestep_at(sigma), []
        for latents, positive, against in zip(sample.split(_BATCH), text.split(_BATCH), negative.split(_BATCH), strict=True):
            latents = latents.contiguous(memory_format=torch.channels_last)
            with self._cross.guided_by(setting.nag, against, float(sigma)):
                eps = self.unet(latents, timestep, encoder_hidden_states=positive).sample
            if guided:
                free = self.unet(latents, timestep, encoder_hidden_states=against).sample
                eps = free + setting.cfg * (eps - free)
            parts.append(eps)
        return torch.cat(parts)

    def _varied(self, text: Tensor, variety: float) -> Tensor:
        """What the first steps see instead of the text; see `lib_fewstep.core.variety`."""
        noise = torch.randn(text.shape, generator=torch.Generator().manual_seed(_TEXT_SEED))
        return varied(text, self._empty, noise, variety)

    def _use(self, loras: tuple[tuple[str, float], ...]) -> None:
        if loras != self._loras:
            self.unet.load_state_dict(self._base)
            for name, weight in loras:
                merge_lora(self.unet, self.models.loras[name], weight)
            self._loras = loras


class _Denoiser:
    """k-diffusion's model: x = x0 + sigma * noise -> x0. Counts its calls, which are the steps."""

    def __init__(self, sampler: Sampler, setting: Setting, text: Tensor, first_text: Tensor, negative: Tensor) -> None:
        self._sampler, self._setting, self._negative = sampler, setting, negative
        self._text, self._first_text = text, first_text
        self._calls = 0

    def __call__(self, x: Tensor, sigma: Tensor, **_: Any) -> Tensor:
        level = sigma.flatten()[0]
        guided = self._setting.cfg != 1 and self._calls < self._setting.guided_steps
        text = self._first_text if acts(self._calls, self._setting.steps) else self._text
        self._calls += 1
        given = x / (1 + level**2).sqrt()
        return x - level * self._sampler.predict(self._setting, given, level, text, self._negative, guided)


def _samplers() -> dict[str, Callable[..., Tensor]]:
    """Each `function(model, x, sigmas, gamma, noise_sampler)`."""
    from k_diffusion import sampling  # a package of the demo's environment, loaded by its own loader

    return {
        EULER: lambda model, x, sigmas, _gamma, _noise: sampling.sample_euler(model, x, sigmas, disable=True),
        ANCESTRAL: lambda model, x, sigmas, _gamma, noise: sampling.sample_euler_ancestral(
            model, x, sigmas, disable=True, noise_sampler=noise
        ),
        DPM: lambda model, x, sigmas, _gamma, _noise: sampling.sample_dpmpp_2m(model, x, sigmas, disable=True),
        LCM_SAMPLER: lambda model, x, sigmas, _gamma, noise: sample_lcm(model, x, sigmas, disable=True, noise_sampler=noise),
        TCD_SAMPLER: lambda model, x, sigmas, gamma, noise: sample_tcd(
            model, x, sigmas, disable=True, noise_sampler=noise, gamma=0.3 if gamma is None else gamma, model_sigmas=SIGMAS
        ),
    }
