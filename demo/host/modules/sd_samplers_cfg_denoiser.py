"""Classifier-free guidance: asks the model with and without the prompt in one batch, and mixes the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from modules import prompt_parser, sd_samplers_common
from modules.script_callbacks import CFGDenoiserParams, cfg_denoiser_callback
from modules.shared import opts, state
from torch import Tensor

if TYPE_CHECKING:
    from modules.sd_samplers_common import Sampler


class CFGDenoiser(torch.nn.Module):
    """What k-diffusion calls as its model. The negative prompt is evaluated at every CFG scale, 1 included."""

    def __init__(self, sampler: Sampler) -> None:
        super().__init__()
        self.sampler = sampler
        self.model_wrap: Any = None
        self.p: Any = None
        self.mask: Tensor | None = None
        self.nmask: Tensor | None = None
        self.init_latent: Tensor | None = None
        self.steps: int | None = None
        self.total_steps: int = 1
        self.step = 0
        self.image_cfg_scale: float | None = None
        self.cond_scale_miltiplier = 1.0
        self.mask_before_denoising = False

    @property
    def inner_model(self) -> Any:
        """The model behind k-diffusion's denoiser: (x, sigma, cond=...) -> denoised."""
        raise NotImplementedError

    def combine_denoised(
        self, x_out: Tensor, conds_list: list[list[tuple[int, float]]], uncond: Tensor, cond_scale: float
    ) -> Tensor:
        """Guide: the last rows of `x_out`, as many as `uncond` has, are the answers without the prompt."""
        without_prompt = x_out[-uncond.shape[0] :]
        denoised = without_prompt.clone()
        for i, parts in enumerate(conds_list):
            for row, weight in parts:
                denoised[i] += (x_out[row] - without_prompt[i]) * (weight * cond_scale)
        return denoised

    def get_pred_x0(self, x_in: Tensor, x_out: Tensor, sigma: Tensor) -> Tensor:
        """The picture within the model's answer; k-diffusion's denoisers answer it directly."""
        return x_out

    def forward(
        self,
        x: Tensor,
        sigma: Tensor,
        uncond: Any,
        cond: Any,
        cond_scale: float,
        s_min_uncond: float,
        image_cond: Tensor,
    ) -> Tensor:
        """Noisy latents [n, 4, h, w] at noise levels [n] -> denoised latents, guided."""
        if state.interrupted or state.skipped:
            raise sd_samplers_common.InterruptedException
        parts, text_cond = prompt_parser.reconstruct_multicond_batch(cond, self.step)
        text_uncond = prompt_parser.reconstruct_cond_batch(uncond, self.step)
        first_rows = [rows[0][0] for rows in parts]
        if self.mask_before_denoising:
            x = self._blend(x, sigma)

        counts = torch.tensor([len(rows) for rows in parts])
        repeated = (torch.cat([value.repeat_interleave(counts, 0), value]) for value in (x, image_cond, sigma))
        x_rows, image_rows, sigma_rows = repeated
        params = CFGDenoiserParams(
            x_rows, image_rows, sigma_rows, state.sampling_step, state.sampling_steps, text_cond, text_uncond, self
        )
        cfg_denoiser_callback(params)
        x_in, sigma_in, text_cond, text_uncond = params.x, params.sigma, params.text_cond, params.text_uncond

        skip_uncond = self._skips_uncond(float(sigma[0]), s_min_uncond)
        if skip_uncond:
            x_in, sigma_in = x_in[: -len(parts)], sigma_in[: -len(parts)]
        texts = text_cond if skip_uncond else torch.cat([text_cond, text_uncond])
        x_out = self._evaluate(x_in, sigma_in, texts, params.image_cond, len(parts))
        if skip_uncond:
            x_out = torch.cat([x_out, x_out[first_rows]])

        scale = 1.0 if skip_uncond else cond_scale * self.cond_scale_miltiplier
        denoised = self.combine_denoised(x_out, parts, text_uncond, scale)
        if not self.mask_before_denoising:
            denoised = self._blend(denoised, sigma)
        self.sampler.last_latent = self.get_pred_x0(x_in[first_rows], x_out[first_rows], sigma)
        sd_samplers_common.store_latent(self.sampler.last_latent)

        self.step += 1
        return denoised

    def _evaluate(self, x: Tensor, sigma: Tensor, texts: Tensor, image_cond: Tensor, images: int) -> Tensor:
        """Ask the model for all rows at once, or for as many rows as there are images at a time."""
        rows = x.shape[0] if opts.batch_cond_uncond else images
        answers = [
            self.inner_model(x_part, sigma_part, cond={"c_crossattn": [text_part], "c_concat": [image_part]})
            for x_part, sigma_part, text_part, image_part in zip(
                x.split(rows), sigma.split(rows), texts.split(rows), image_cond.split(rows), strict=False
            )
        ]
        return torch.cat(answers)

    def _skips_uncond(self, sigma: float, s_min_uncond: float) -> bool:
        if opts.skip_early_cond != 0 and self.step / self.total_steps <= opts.skip_early_cond:
            self.p.extra_generation_params["Skip Early CFG"] = opts.skip_early_cond
            return True
        if (self.step % 2 or opts.s_min_uncond_all) and s_min_uncond > 0 and sigma < s_min_uncond:
            self.p.extra_generation_params["NGMS"] = s_min_uncond
            if opts.s_min_uncond_all:
                self.p.extra_generation_params["NGMS all steps"] = opts.s_min_uncond_all
            return True
        return False

    def _blend(self, latent: Tensor, sigma: Tensor) -> Tensor:
        """Inpainting: keep the original where nothing is to change."""
        if self.mask is None:
            return latent
        assert self.nmask is not None and self.init_latent is not None
        blended = latent * self.nmask + self.init_latent * self.mask
        if self.p.scripts is None:
            return blended
        from modules import scripts

        args = scripts.MaskBlendArgs(latent, self.nmask, self.init_latent, self.mask, blended, self, sigma)
        self.p.scripts.on_mask_blend(self.p, args)
        return args.blended_latent
