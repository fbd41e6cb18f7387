"""txt2img, with its optional second pass ("hires fix")."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from modules import extra_networks, images, sd_samplers, shared
from modules.processing_job import (
    LATENT_FACTOR,
    StableDiffusionProcessing,
    decode_latent_batch,
    latent_noise,
)
from modules.sd_samplers_common import images_tensor_to_samples
from modules.shared import state
from PIL import Image
from torch import Tensor


@dataclass(repr=False)
class StableDiffusionProcessingTxt2Img(StableDiffusionProcessing):
    """A picture from a prompt; with enable_hr, enlarged in latent space and sampled again."""

    enable_hr: bool = False
    denoising_strength: float = 0.75
    firstphase_width: int = 0
    firstphase_height: int = 0
    hr_scale: float = 2.0
    hr_upscaler: str | None = None
    hr_second_pass_steps: int = 0
    hr_resize_x: int = 0
    hr_resize_y: int = 0
    hr_checkpoint_name: str | None = None
    hr_sampler_name: str | None = None
    hr_scheduler: str | None = None
    hr_prompt: Any = ""
    hr_negative_prompt: Any = ""
    force_task_id: str | None = None

    hr_upscale_to_x: int = field(default=0, init=False)
    hr_upscale_to_y: int = field(default=0, init=False)
    latent_scale_mode: dict[str, Any] | None = field(default=None, init=False)
    hr_c: Any = field(default=None, init=False)
    hr_uc: Any = field(default=None, init=False)
    all_hr_prompts: list[str] = field(default=None, init=False)  # type: ignore
    all_hr_negative_prompts: list[str] = field(default=None, init=False)  # type: ignore
    hr_prompts: list[str] = field(default=None, init=False)  # type: ignore
    hr_negative_prompts: list[str] = field(default=None, init=False)  # type: ignore
    hr_extra_network_data: dict[str, Any] = field(default=None, init=False)  # type: ignore

    def __post_init__(self) -> None:
        super().__post_init__()
        self.cached_hr_c: list[Any] = [None, None]
        self.cached_hr_uc: list[Any] = [None, None]

    def setup_prompts(self) -> None:
        super().setup_prompts()
        if not self.enable_hr:
            return
        if self.hr_prompt == "":
            self.hr_prompt = self.prompt
        if self.hr_negative_prompt == "":
            self.hr_negative_prompt = self.negative_prompt
        count = self.batch_size * self.n_iter
        positive = self.hr_prompt if isinstance(self.hr_prompt, list) else [self.hr_prompt] * count
        negative = self.hr_negative_prompt
        negative = negative if isinstance(negative, list) else [negative] * count
        self.all_hr_prompts = self._styled(positive)
        self.all_hr_negative_prompts = self._styled(negative, negative=True)

    def calculate_target_resolution(self) -> None:
        """Set hr_upscale_to_x, _y, and note how they were asked for."""
        if self.hr_resize_x == 0 and self.hr_resize_y == 0:
            self.extra_generation_params["Hires upscale"] = self.hr_scale
            self.hr_upscale_to_x = int(self.width * self.hr_scale)
            self.hr_upscale_to_y = int(self.height * self.hr_scale)
            return
        self.extra_generation_params["Hires resize"] = f"{self.hr_resize_x}x{self.hr_resize_y}"
        self.hr_upscale_to_x = self.hr_resize_x or self.hr_resize_y * self.width // self.height
        self.hr_upscale_to_y = self.hr_resize_y or self.hr_resize_x * self.height // self.width

    def init(self, all_prompts: list[str], all_seeds: list[int], all_subseeds: list[int]) -> None:
        if not self.enable_hr:
            return
        notes = self.extra_generation_params
        notes["Denoising strength"] = self.denoising_strength
        if self.hr_sampler_name is not None and self.hr_sampler_name != self.sampler_name:
            notes["Hires sampler"] = self.hr_sampler_name
        notes["Hires prompt"] = _differing("all_hr_prompts", "prompt_text")
        notes["Hires negative prompt"] = _differing("all_hr_negative_prompts", "negative_prompt")
        notes["Hires schedule type"] = None
        if self.hr_scheduler is None:
            self.hr_scheduler = self.scheduler

        upscaler = self.hr_upscaler or shared.latent_upscale_default_mode
        self.latent_scale_mode = shared.latent_upscale_modes.get(upscaler)
        if self.latent_scale_mode is None and upscaler not in ("None", "Lanczos"):
            raise RuntimeError(f"could not find upscaler named {self.hr_upscaler}")
        self.calculate_target_resolution()
        if not state.processing_has_refined_job_count:
            state.job_count = (self.n_iter if state.job_count == -1 else state.job_count) * 2
            state.processing_has_refined_job_count = True
        if self.hr_second_pass_steps:
            notes["Hires steps"] = self.hr_second_pass_steps
        if self.hr_upscaler is not None:
            notes["Hires upscaler"] = self.hr_upscaler

    def parse_extra_network_prompts(self) -> None:
        super().parse_extra_network_prompts()
        if self.enable_hr:
            batch = slice(self.iteration * self.batch_size, (self.iteration + 1) * self.batch_size)
            self.hr_negative_prompts = self.all_hr_negative_prompts[batch]
            parsed = extra_networks.parse_prompts(self.all_hr_prompts[batch])
            self.hr_prompts, self.hr_extra_network_data = parsed

    def setup_conds(self) -> None:
        super().setup_conds()
        self.hr_c = self.hr_uc = None

    def calculate_hr_conds(self) -> None:
        """Encode the second pass's prompts."""
        if self.hr_c is not None:
            return
        config = sd_samplers.find_sampler_config(self.hr_sampler_name or self.sampler_name)
        steps = self.hr_second_pass_steps or self.steps
        steps = self.firstpass_steps + (config.total_steps(steps) if config else steps)
        networks = self.hr_extra_network_data
        self.hr_uc = self.cached_conds(self.hr_negative_prompts, steps, self.cached_hr_uc, networks, True)
        self.hr_c = self.cached_conds(self.hr_prompts, steps, self.cached_hr_c, networks, False)

    def get_conds(self) -> tuple[Any, Any]:
        return (self.hr_c, self.hr_uc) if self.is_hr_pass else super().get_conds()

    def sample(
        self,
        conditioning: Any,
        unconditional_conditioning: Any,
        seeds: list[int],
        subseeds: list[int],
        subseed_strength: float,
        prompts: list[str],
    ) -> Any:
        self.sampler = sd_samplers.create_sampler(self.sampler_name, self.sd_model)
        if self.enable_hr and self.firstpass_image is not None:
            return self.sample_hr_pass(images_tensor_to_samples(_to_tensor(self.firstpass_image)[None]))
        x = self.rng.next()
        if self.scripts is not None:
            self.scripts.process_before_every_sampling(
                p=self, x=x, noise=x, c=conditioning, uc=unconditional_conditioning
            )
        samples = self.sampler.sample(
            self, x, conditioning, unconditional_conditioning, image_conditioning=self.txt2img_image_conditioning(x)
        )
        return self.sample_hr_pass(samples) if self.enable_hr else samples

    def sample_hr_pass(self, samples: Tensor) -> Any:
        """Enlarge latents [n, 4, h, w] and sample again -> decoded pictures."""
        if state.interrupted:
            return samples
        self.is_hr_pass = True
        self.sampler = sd_samplers.create_sampler(self.hr_sampler_name or self.sampler_name, self.sd_model)
        samples = self._enlarge(samples)
        state.nextjob()
        self.rng = latent_noise(self, *samples.shape[2:])
        noise = self.rng.next()
        if not self.disable_extra_networks:
            extra_networks.activate(self, self.hr_extra_network_data)
        self.calculate_hr_conds()
        if self.scripts is not None:
            self.scripts.before_hr(self)
            self.scripts.process_before_every_sampling(p=self, x=samples, noise=noise, c=self.hr_c, uc=self.hr_uc)
        samples = self.sampler.sample_img2img(
            self,
            samples,
            noise,
            self.hr_c,
            self.hr_uc,
            steps=self.hr_second_pass_steps or self.steps,
            image_conditioning=self.txt2img_image_conditioning(samples),
        )
        self.sampler = None
        decoded = decode_latent_batch(self.sd_model, samples)
        self.is_hr_pass = False
        return decoded

    def _enlarge(self, samples: Tensor) -> Tensor:
        width, height = self.hr_upscale_to_x, self.hr_upscale_to_y
        if self.latent_scale_mode is not None:
            size = height // LATENT_FACTOR, width // LATENT_FACTOR
            return torch.nn.functional.interpolate(samples, size=size, **self.latent_scale_mode)
        enlarged = []
        for decoded in decode_latent_batch(self.sd_model, samples):
            pixels = ((decoded + 1) * 127.5).clamp(0, 255).byte().permute(1, 2, 0).numpy()
            enlarged.append(_to_tensor(images.resize_image(0, Image.fromarray(pixels), width, height)))
        return images_tensor_to_samples(torch.stack(enlarged))

    def close(self) -> None:
        super().close()
        self.hr_c = self.hr_uc = None


def _to_tensor(image: Image.Image) -> Tensor:
    """A picture as float32 [3, H, W] in 0..1."""
    return torch.from_numpy(np.array(image.convert("RGB")).astype(np.float32) / 255).permute(2, 0, 1)


def _differing(hires_field: str, first_pass: str) -> Any:
    """An infotext entry that appears only where the second pass's text is another one."""

    def entry(p: Any, index: int, **known: Any) -> str | None:
        text = getattr(p, hires_field)[index]
        return None if text == known[first_pass] else text

    return entry
