"""Runs a job from beginning to end, calling the scripts' hooks in the WebUI's order."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from modules import extra_networks, images, scripts, sd_models, sd_samplers, shared
from modules.processed import Processed, create_infotext
from modules.processing_img2img import StableDiffusionProcessingImg2Img
from modules.processing_job import (
    LATENT_FACTOR,
    StableDiffusionProcessing,
    create_random_tensors,
    decode_latent_batch,
    fix_seed,
    get_fixed_seed,
    latent_noise,
)
from modules.processing_txt2img import StableDiffusionProcessingTxt2Img
from modules.sd_samplers_common import images_tensor_to_samples
from modules.shared import opts, state
from PIL import Image
from torch import Tensor

__all__ = [
    "Processed",
    "StableDiffusionProcessing",
    "StableDiffusionProcessingImg2Img",
    "StableDiffusionProcessingTxt2Img",
    "create_infotext",
    "create_random_tensors",
    "decode_latent_batch",
    "fix_seed",
    "get_fixed_seed",
    "images_tensor_to_samples",
    "process_images",
]



def process_images(p: StableDiffusionProcessing) -> Processed:
    """Do the job under its override_settings.

    As in the WebUI, only settings that are present in opts.data are put back afterwards: one that was never saved keeps
    the override's value.
    """
    if p.scripts is not None:
        p.scripts.before_process(p)
    stored = {key: opts.data[key] for key in p.override_settings if key in opts.data}
    try:
        if sd_models.checkpoint_aliases.get(p.override_settings.get("sd_model_checkpoint", "")) is None:
            p.override_settings.pop("sd_model_checkpoint", None)
        for key, value in p.override_settings.items():
            opts.set(key, value, is_api=True, run_callbacks=False)
        p.sd_model = sd_models.reload_model_weights()
        sd_samplers.fix_p_invalid_sampler_and_scheduler(p)
        with torch.no_grad():
            return _process(p)
    finally:
        if p.override_settings_restore_afterwards:
            for key, value in stored.items():
                setattr(opts, key, value)


def _process(p: StableDiffusionProcessing) -> Processed:
    _prepare(p)
    if p.scripts is not None:
        p.scripts.process(p)
    pictures: list[Image.Image] = []
    infotexts: list[str] = []
    p.init(p.all_prompts, p.all_seeds, p.all_subseeds)
    if state.job_count == -1:
        state.job_count = p.n_iter
    for number in range(p.n_iter):
        p.iteration = number
        state.skipped = False
        if state.interrupted or state.stopping_generation:
            break
        samples = _sample_batch(p, number)
        if samples is None:
            break
        _finish_batch(p, number, samples, pictures, infotexts)

    infotexts = infotexts or [Processed(p, []).infotext(p, 0)]
    index_of_first_image = _add_grid(p, pictures, infotexts)
    if not p.disable_extra_networks and p.extra_network_data:
        extra_networks.deactivate(p, p.extra_network_data)
    processed = Processed(
        p,
        pictures,
        seed=p.all_seeds[0],
        info=infotexts[0],
        subseed=p.all_subseeds[0],
        index_of_first_image=index_of_first_image,
        infotexts=infotexts,
    )
    if p.scripts is not None:
        p.scripts.postprocess(p, processed)
    return processed


def _prepare(p: StableDiffusionProcessing) -> None:
    """Make seeds, prompts and options definite."""
    seed, subseed = (s if isinstance(s, list) else get_fixed_seed(s) for s in (p.seed, p.subseed))
    p.restore_faces, p.tiling = bool(p.restore_faces), bool(p.tiling)
    p.sd_model_name = shared.sd_model.sd_checkpoint_info.name_for_extra
    p.sd_model_hash = shared.sd_model.sd_model_hash
    p.fill_fields_from_opts()
    p.setup_prompts()
    count = len(p.all_prompts)
    step = 1 if p.subseed_strength == 0 else 0
    p.all_seeds = seed if isinstance(seed, list) else [seed + step * i for i in range(count)]
    p.all_subseeds = subseed if isinstance(subseed, list) else [subseed + i for i in range(count)]


def _sample_batch(p: StableDiffusionProcessing, number: int) -> Any:
    """Latents or decoded pictures of one batch; None where a script took all its prompts away."""
    batch = slice(number * p.batch_size, (number + 1) * p.batch_size)
    p.prompts, p.negative_prompts = p.all_prompts[batch], p.all_negative_prompts[batch]
    p.seeds, p.subseeds = p.all_seeds[batch], p.all_subseeds[batch]
    p.rng = latent_noise(p, p.height // LATENT_FACTOR, p.width // LATENT_FACTOR)
    about = {"batch_number": number, "prompts": p.prompts, "seeds": p.seeds, "subseeds": p.subseeds}
    if p.scripts is not None:
        p.scripts.before_process_batch(p, **about)
    if len(p.prompts) == 0:
        return None
    p.parse_extra_network_prompts()
    if not p.disable_extra_networks:
        extra_networks.activate(p, p.extra_network_data)
    if p.scripts is not None:
        p.scripts.process_batch(p, **{**about, "prompts": p.prompts})
    p.setup_conds()
    if p.n_iter > 1:
        state.job = f"Batch {number + 1} out of {p.n_iter}"
    samples = p.sample(
        conditioning=p.c,
        unconditional_conditioning=p.uc,
        seeds=p.seeds,
        subseeds=p.subseeds,
        subseed_strength=p.subseed_strength,
        prompts=p.prompts,
    )
    if p.scripts is None:
        return samples
    args = scripts.PostSampleArgs(samples)
    p.scripts.post_sample(p, args)
    return args.samples


def _finish_batch(
    p: StableDiffusionProcessing, number: int, samples: Any, pictures: list[Image.Image], infotexts: list[str]
) -> None:
    """Decode a batch and add its pictures and their texts to the job's."""
    if not getattr(samples, "already_decoded", False) and opts.sd_vae_decode_method != "Full":
        p.extra_generation_params["VAE Decoder"] = opts.sd_vae_decode_method
    decoded = samples if getattr(samples, "already_decoded", False) else decode_latent_batch(p.sd_model, samples)
    batch = torch.stack(list(decoded)).float().add(1).div(2).clamp(0, 1)
    state.nextjob()
    tensors = list(batch)
    if p.scripts is not None:
        p.scripts.postprocess_batch(p, batch, batch_number=number)
        part = slice(number * p.batch_size, (number + 1) * p.batch_size)
        p.prompts, p.negative_prompts = p.all_prompts[part], p.all_negative_prompts[part]
        args = scripts.PostprocessBatchListArgs(list(batch))
        p.scripts.postprocess_batch_list(p, args, batch_number=number)
        tensors = args.images
    for i, tensor in enumerate(tensors):
        picture = _finish_picture(p, i, tensor)
        text = create_infotext(
            p, p.prompts, p.seeds, p.subseeds, index=i, all_negative_prompts=p.negative_prompts
        )
        if opts.enable_pnginfo:
            picture.info["parameters"] = text
        if p.save_samples():
            images.save_image(picture, p.outpath_samples, "", p.seeds[i], p.prompts[i], info=text, p=p)
        pictures.append(picture)
        infotexts.append(text)


def _finish_picture(p: StableDiffusionProcessing, i: int, tensor: Tensor) -> Image.Image:
    """Tensor [3, H, W] in 0..1 -> picture, through the scripts that look at single pictures."""
    pixels = (255.0 * np.moveaxis(tensor.cpu().numpy(), 0, 2)).astype(np.uint8)
    picture = Image.fromarray(pixels)
    overlay = p.overlay_images[i] if p.overlay_images and i < len(p.overlay_images) else None
    if p.scripts is not None:
        args = scripts.PostprocessImageArgs(picture)
        p.scripts.postprocess_image(p, args)
        mask_args = scripts.PostProcessMaskOverlayArgs(i, getattr(p, "mask_for_overlay", None), overlay)
        p.scripts.postprocess_maskoverlay(p, mask_args)
        picture, overlay = args.image, mask_args.overlay_image
    if overlay is not None:
        picture = picture.convert("RGBA")
        picture.alpha_composite(overlay)
        picture = picture.convert("RGB")
    if p.scripts is not None:
        args = scripts.PostprocessImageArgs(picture)
        p.scripts.postprocess_image_after_composite(p, args)
        picture = args.image
    return picture


def _add_grid(p: StableDiffusionProcessing, pictures: list[Image.Image], infotexts: list[str]) -> int:
    """Put a grid in front where there are several pictures -> the index of the first single picture."""
    unwanted = p.do_not_save_grid or (len(pictures) < 2 and opts.grid_only_if_multiple)
    if unwanted or not (opts.return_grid or opts.grid_save):
        return 0
    grid = images.image_grid(pictures, p.batch_size)
    text = create_infotext(p, p.all_prompts, p.all_seeds, p.all_subseeds, use_main_prompt=True)
    if opts.grid_save:
        images.save_image(grid, p.outpath_grids, "grid", p.all_seeds[0], p.all_prompts[0], info=text, p=p)
    if not opts.return_grid:
        return 0
    if opts.enable_pnginfo:
        grid.info["parameters"] = text
    pictures.insert(0, grid)
    infotexts.insert(0, text)
    return 1
