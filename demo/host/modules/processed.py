"""Results: pictures, and the text that says how each was made."""

from __future__ import annotations

import json
from typing import Any

from modules import errors, infotext_utils, sd_samplers_common, shared
from modules.shared import opts, state


class Processed:
    """The outcome of a job. `index_of_first_image` is 1 where a grid stands in front."""

    def __init__(
        self,
        p: Any,
        images_list: list[Any],
        seed: Any = -1,
        info: str = "",
        subseed: Any = None,
        all_prompts: list[str] | None = None,
        all_negative_prompts: list[str] | None = None,
        all_seeds: list[int] | None = None,
        all_subseeds: list[int] | None = None,
        index_of_first_image: int = 0,
        infotexts: list[str] | None = None,
        comments: str = "",
    ) -> None:
        self.images = images_list
        self.info = info
        self.comments = "".join(f"{comment}\n" for comment in p.comments)
        self.prompt, self.negative_prompt = _first(p.prompt), _first(p.negative_prompt)
        self.seed = -1 if seed is None else int(_first(seed))
        self.subseed = -1 if subseed is None else int(_first(subseed))
        self.subseed_strength = p.subseed_strength
        self.width, self.height = p.width, p.height
        self.sampler_name, self.cfg_scale = p.sampler_name, p.cfg_scale
        self.steps, self.batch_size = p.steps, p.batch_size
        self.restore_faces = p.restore_faces
        self.sd_model_name, self.sd_model_hash = p.sd_model_name, p.sd_model_hash
        self.sd_vae_name, self.sd_vae_hash = p.sd_vae_name, p.sd_vae_hash
        self.seed_resize_from_w, self.seed_resize_from_h = p.seed_resize_from_w, p.seed_resize_from_h
        self.denoising_strength = getattr(p, "denoising_strength", None)
        self.extra_generation_params = p.extra_generation_params
        self.index_of_first_image = index_of_first_image
        self.styles = p.styles
        self.job_timestamp = state.job_timestamp
        self.clip_skip = opts.CLIP_stop_at_last_layers
        self.eta, self.s_churn, self.s_tmin, self.s_tmax = p.eta, p.s_churn, p.s_tmin, p.s_tmax
        self.s_noise, self.s_min_uncond = p.s_noise, p.s_min_uncond
        self.sampler_noise_scheduler_override = p.sampler_noise_scheduler_override
        self.is_using_inpainting_conditioning = p.is_using_inpainting_conditioning
        self.all_prompts = all_prompts or p.all_prompts or [self.prompt]
        self.all_negative_prompts = all_negative_prompts or p.all_negative_prompts or [self.negative_prompt]
        self.all_seeds = all_seeds or p.all_seeds or [self.seed]
        self.all_subseeds = all_subseeds or p.all_subseeds or [self.subseed]
        self.infotexts = infotexts or [info] * len(images_list)
        self.version = shared.PROGRAM_VERSION

    def js(self) -> str:
        """The result without its pictures, as JSON."""
        hidden = {"images", "info", "comments", "eta", "s_churn", "s_tmin", "s_tmax", "s_noise", "s_min_uncond"}
        shown = {key: value for key, value in vars(self).items() if key not in hidden}
        del shown["sampler_noise_scheduler_override"]
        shown["prompt"], shown["negative_prompt"] = self.all_prompts[0], self.all_negative_prompts[0]
        return json.dumps(shown, default=lambda value: None)

    def infotext(self, p: Any, index: int) -> str:
        """The infotext of the index-th picture."""
        position = {"position_in_batch": index % self.batch_size, "iteration": index // self.batch_size}
        return create_infotext(p, self.all_prompts, self.all_seeds, self.all_subseeds, [], **position)


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) else value


def create_infotext(
    p: Any,
    all_prompts: list[str],
    all_seeds: list[int],
    all_subseeds: list[int],
    comments: list[str] | None = None,
    iteration: int = 0,
    position_in_batch: int = 0,
    use_main_prompt: bool = False,
    index: int | None = None,
    all_negative_prompts: list[str] | None = None,
) -> str:
    """Prompt, negative prompt and "key: value" pairs of one picture.

    A value in p.extra_generation_params may be text, a list with one entry per picture, or a function that is called
    with p, index, prompt_text, negative_prompt and everything else known here. None leaves the key out.
    """
    i = position_in_batch + iteration * p.batch_size if index is None else index
    i = 0 if use_main_prompt else i
    negative_prompts = p.all_negative_prompts if all_negative_prompts is None else all_negative_prompts
    prompt_text = p.main_prompt if use_main_prompt else all_prompts[i]
    negative_prompt = p.main_negative_prompt if use_main_prompt else negative_prompts[i]
    seeds, subseeds = (p.all_seeds, p.all_subseeds) if use_main_prompt else (all_seeds, all_subseeds)
    clip_skip = getattr(p, "clip_skip", opts.CLIP_stop_at_last_layers)
    varies = p.subseed_strength != 0
    uses_ensd = sd_samplers_common.is_sampler_using_eta_noise_seed_delta(p)

    params: dict[str, Any] = {
        "Steps": p.steps,
        "Sampler": p.sampler_name,
        "Schedule type": p.scheduler,
        "CFG scale": p.cfg_scale,
        "Seed": seeds[i],
        "Size": f"{p.width}x{p.height}",
        "Model hash": p.sd_model_hash if opts.add_model_hash_to_info else None,
        "Model": p.sd_model_name if opts.add_model_name_to_info else None,
        "Variation seed": subseeds[i] if varies else None,
        "Variation seed strength": p.subseed_strength if varies else None,
        "Denoising strength": p.extra_generation_params.get("Denoising strength"),
        "Clip skip": None if clip_skip <= 1 else clip_skip,
        "ENSD": opts.eta_noise_seed_delta or None if uses_ensd else None,
        "RNG": None if opts.randn_source == "GPU" else opts.randn_source,
        **p.extra_generation_params,
        "Version": shared.PROGRAM_VERSION if opts.add_version_to_infotext else None,
    }
    known = {"prompt_text": prompt_text, "negative_prompt": negative_prompt, "iteration": iteration}
    known |= {"all_prompts": all_prompts, "all_seeds": seeds, "all_subseeds": subseeds, "p": p, "index": i}
    known |= {"position_in_batch": position_in_batch, "use_main_prompt": use_main_prompt, "comments": comments}
    texts = []
    for key, value in params.items():
        value = _resolve(key, value, i, {**known, "generation_params": params})
        if value is not None:
            texts.append(key if key == value else f"{key}: {infotext_utils.quote(value)}")
    negative_line = f"\nNegative prompt: {negative_prompt}" if negative_prompt else ""
    return f"{prompt_text}{negative_line}\n{', '.join(texts)}".strip()


def _resolve(key: str, value: Any, index: int, known: dict[str, Any]) -> Any:
    try:
        if isinstance(value, list):
            return value[index]
        return value(**known) if callable(value) else value
    except Exception:
        errors.report(f'Error creating infotext for key "{key}"', exc_info=True)
        return None
