"""img2img, with an optional mask for inpainting the whole picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from modules import images, scripts, sd_samplers
from modules.processing_job import StableDiffusionProcessing, create_random_tensors
from modules.shared import opts
from PIL import Image, ImageFilter, ImageOps
from torch import Tensor

FILL, ORIGINAL, LATENT_NOISE, LATENT_NOTHING = range(4)
"""What stands under the mask at first (`inpainting_fill`)."""


@dataclass(repr=False)
class StableDiffusionProcessingImg2Img(StableDiffusionProcessing):
    """A picture from a picture and a prompt. A mask is inpainted at full size; "only masked" is not offered."""

    init_images: list[Any] = None  # type: ignore
    resize_mode: int = 0
    denoising_strength: float = 0.75
    image_cfg_scale: float | None = None
    mask: Any = None
    mask_blur_x: int = 4
    mask_blur_y: int = 4
    mask_blur: int | None = None
    mask_round: bool = True
    inpainting_fill: int = 0
    inpaint_full_res: bool = True
    inpaint_full_res_padding: int = 0
    inpainting_mask_invert: int = 0
    initial_noise_multiplier: float = None  # type: ignore
    force_task_id: str | None = None

    image_mask: Any = field(default=None, init=False)
    nmask: Tensor | None = field(default=None, init=False)
    image_conditioning: Tensor | None = field(default=None, init=False)
    init_latent: Tensor = field(default=None, init=False)  # type: ignore
    mask_for_overlay: Image.Image | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.image_mask, self.mask = self.mask, None
        if self.mask_blur is not None:
            self.mask_blur_x = self.mask_blur_y = self.mask_blur
        if self.initial_noise_multiplier is None:
            self.initial_noise_multiplier = opts.initial_noise_multiplier

    def init(self, all_prompts: list[str], all_seeds: list[int], all_subseeds: list[int]) -> None:
        self.extra_generation_params["Denoising strength"] = self.denoising_strength
        self.sampler = sd_samplers.create_sampler(self.sampler_name, self.sd_model)
        mask = self._prepare_mask()
        pictures = [images.resize_image(self.resize_mode, images.flatten(image), self.width, self.height)
                    for image in self.init_images]  # fmt: skip
        if len(pictures) == 1:
            pictures *= self.batch_size
        elif len(pictures) > self.batch_size:
            raise RuntimeError(f"bad number of images passed: {len(pictures)}; expecting {self.batch_size} or less")
        self.batch_size = len(pictures)
        pixels = np.stack([np.array(picture) for picture in pictures]).astype(np.float32) / 255
        from modules import processing  # late: it imports this module, and extensions know the encoder as its name

        self.init_latent = processing.images_tensor_to_samples(torch.from_numpy(pixels).permute(0, 3, 1, 2))
        if mask is not None:
            self._apply_mask(mask, pictures, all_seeds)
        self.image_conditioning = self.txt2img_image_conditioning(self.init_latent)

    def _prepare_mask(self) -> Image.Image | None:
        if self.image_mask is None:
            return None
        mask = self.image_mask.convert("L")
        if self.inpainting_mask_invert:
            mask = ImageOps.invert(mask)
            self.extra_generation_params["Mask mode"] = "Inpaint not masked"
        if self.mask_blur_x > 0:
            mask = mask.filter(ImageFilter.GaussianBlur(self.mask_blur_x))
            self.extra_generation_params["Mask blur"] = self.mask_blur_x
        return images.resize_image(self.resize_mode, mask.convert("RGB"), self.width, self.height).convert("L")

    def _apply_mask(self, mask: Image.Image, pictures: list[Image.Image], all_seeds: list[int]) -> None:
        """Set mask and nmask [4, h, w] (1 keeps, 1 changes), the latent under the mask, and what is pasted back."""
        count, channels, height, width = self.init_latent.shape
        cells = np.array(mask.resize((width, height)), dtype=np.float32) / 255
        changed = torch.from_numpy(np.around(cells) if self.mask_round else cells)
        self.nmask = changed.expand(channels, height, width)
        self.mask = 1 - changed.expand(channels, height, width)
        if self.inpainting_fill == LATENT_NOISE:
            noise = create_random_tensors((channels, height, width), all_seeds[:count])
            self.init_latent = self.init_latent * self.mask + noise * self.nmask
            self.extra_generation_params["Masked content"] = "latent noise"
        elif self.inpainting_fill == LATENT_NOTHING:
            self.init_latent = self.init_latent * self.mask
            self.extra_generation_params["Masked content"] = "latent nothing"
        self.mask_for_overlay = mask
        self.overlay_images = []
        for picture in pictures:
            overlay = picture.convert("RGBA")
            overlay.putalpha(ImageOps.invert(mask))
            self.overlay_images.append(overlay)

    def sample(
        self,
        conditioning: Any,
        unconditional_conditioning: Any,
        seeds: list[int],
        subseeds: list[int],
        subseed_strength: float,
        prompts: list[str],
    ) -> Tensor:
        x = self.rng.next()
        if self.initial_noise_multiplier != 1.0:
            self.extra_generation_params["Noise multiplier"] = self.initial_noise_multiplier
            x = x * self.initial_noise_multiplier
        if self.scripts is not None:
            self.scripts.process_before_every_sampling(
                p=self, x=self.init_latent, noise=x, c=conditioning, uc=unconditional_conditioning
            )
        samples = self.sampler.sample_img2img(
            self,
            self.init_latent,
            x,
            conditioning,
            unconditional_conditioning,
            image_conditioning=self.image_conditioning,
        )
        if self.mask is None or self.nmask is None:
            return samples
        blended = samples * self.nmask + self.init_latent * self.mask
        args = scripts.MaskBlendArgs(samples, self.nmask, self.init_latent, self.mask, blended)
        if self.scripts is not None:
            self.scripts.on_mask_blend(self, args)
        return args.blended_latent
