"""A generation job: its fields, and what txt2img and img2img have in common."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from modules import extra_networks, prompt_parser, sd_samplers, sd_vae_taesd, shared
from modules.rng import ImageRNG
from modules.shared import opts, state
from PIL import Image
from torch import Tensor

LATENT_FACTOR = 8
"""Pixels per latent cell."""


@dataclass(repr=False)
class StableDiffusionProcessing:
    """What to generate. Extensions know this object as `p` and change it in their hooks."""

    sd_model: Any = None
    outpath_samples: str = ""
    outpath_grids: str = ""
    prompt: Any = ""
    negative_prompt: Any = ""
    styles: list[str] = None  # type: ignore - None becomes [] below, as do the dicts
    seed: int = -1
    subseed: int = -1
    subseed_strength: float = 0
    seed_resize_from_h: int = -1
    seed_resize_from_w: int = -1
    sampler_name: str = None  # type: ignore
    scheduler: str = None  # type: ignore
    batch_size: int = 1
    n_iter: int = 1
    steps: int = 50
    cfg_scale: float = 7.0
    width: int = 512
    height: int = 512
    restore_faces: bool | None = None
    tiling: bool | None = None
    do_not_save_samples: bool = False
    do_not_save_grid: bool = False
    extra_generation_params: dict[str, Any] = None  # type: ignore
    overlay_images: list[Image.Image] | None = None
    eta: float | None = None
    denoising_strength: float = None  # type: ignore
    s_min_uncond: float | None = None
    s_churn: float | None = None
    s_tmax: float | None = None
    s_tmin: float | None = None
    s_noise: float | None = None
    override_settings: dict[str, Any] = None  # type: ignore
    override_settings_restore_afterwards: bool = True
    sampler_index: int | None = None
    refiner_checkpoint: str | None = None
    refiner_switch_at: float | None = None
    disable_extra_networks: bool = False
    firstpass_image: Image.Image | None = None
    comments: dict[str, int] = None  # type: ignore

    scripts_value: Any = field(default=None, init=False)
    script_args_value: Any = field(default=None, init=False)
    scripts_setup_complete: bool = field(default=False, init=False)
    sampler: Any = field(default=None, init=False)
    is_using_inpainting_conditioning: bool = field(default=False, init=False)
    is_hr_pass: bool = field(default=False, init=False)
    is_api: bool = field(default=False, init=False)
    c: Any = field(default=None, init=False)
    uc: Any = field(default=None, init=False)
    rng: ImageRNG = field(default=None, init=False)  # type: ignore
    firstpass_steps: int = field(default=0, init=False)
    iteration: int = field(default=0, init=False)

    all_prompts: list[str] = field(default=None, init=False)  # type: ignore
    all_negative_prompts: list[str] = field(default=None, init=False)  # type: ignore
    all_seeds: list[int] = field(default=None, init=False)  # type: ignore
    all_subseeds: list[int] = field(default=None, init=False)  # type: ignore
    main_prompt: str = field(default=None, init=False)  # type: ignore
    main_negative_prompt: str = field(default=None, init=False)  # type: ignore
    prompts: list[str] = field(default=None, init=False)  # type: ignore
    negative_prompts: list[str] = field(default=None, init=False)  # type: ignore
    seeds: list[int] = field(default=None, init=False)  # type: ignore
    subseeds: list[int] = field(default=None, init=False)  # type: ignore
    extra_network_data: dict[str, Any] = field(default=None, init=False)  # type: ignore

    user: str | None = field(default=None, init=False)
    sd_model_name: str | None = field(default=None, init=False)
    sd_model_hash: str | None = field(default=None, init=False)
    sd_vae_name: str | None = field(default=None, init=False)
    sd_vae_hash: str | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.sd_model = shared.sd_model
        self.comments = {}
        self.styles = self.styles or []
        self.extra_generation_params = self.extra_generation_params or {}
        self.override_settings = self.override_settings or {}
        self.script_args = self.script_args_value or {}
        self.sampler_noise_scheduler_override: Callable[[int], Tensor] | None = None
        self.cached_c: list[Any] = [None, None]
        self.cached_uc: list[Any] = [None, None]

    @property
    def scripts(self) -> Any:
        """The tab's ScriptRunner; `setup` hooks run as soon as runner and arguments are both there."""
        return self.scripts_value

    @scripts.setter
    def scripts(self, value: Any) -> None:
        self.scripts_value = value
        self._set_up_scripts()

    @property
    def script_args(self) -> Any:
        """All scripts' arguments in one sequence."""
        return self.script_args_value

    @script_args.setter
    def script_args(self, value: Any) -> None:
        self.script_args_value = value
        self._set_up_scripts()

    def _set_up_scripts(self) -> None:
        if self.scripts_value and self.script_args_value and not self.scripts_setup_complete:
            self.scripts_setup_complete = True
            self.scripts_value.setup_scrips(self, is_ui=not self.is_api)

    def comment(self, text: str) -> None:
        """Say something to the user, below the pictures."""
        self.comments[text] = 1

    def fill_fields_from_opts(self) -> None:
        """Sampler parameters that the request left open."""
        for name in ("s_min_uncond", "s_churn", "s_tmin", "s_tmax", "s_noise"):
            if getattr(self, name) is None:
                setattr(self, name, getattr(opts, name))
        self.s_tmax = self.s_tmax or float("inf")

    def setup_prompts(self) -> None:
        """Set all_prompts and all_negative_prompts: one per picture of the whole job."""
        count = self.batch_size * self.n_iter
        if isinstance(self.prompt, list):
            self.all_prompts = self.prompt
        else:
            count = len(self.negative_prompt) if isinstance(self.negative_prompt, list) else count
            self.all_prompts = [self.prompt] * count
        if isinstance(self.negative_prompt, list):
            self.all_negative_prompts = self.negative_prompt
        else:
            self.all_negative_prompts = [self.negative_prompt] * len(self.all_prompts)
        if len(self.all_prompts) != len(self.all_negative_prompts):
            given = len(self.all_prompts), len(self.all_negative_prompts)
            raise RuntimeError(f"Received a different number of prompts ({given[0]}) and negative prompts ({given[1]})")
        self.all_prompts = self._styled(self.all_prompts)
        self.all_negative_prompts = self._styled(self.all_negative_prompts, negative=True)
        self.main_prompt, self.main_negative_prompt = self.all_prompts[0], self.all_negative_prompts[0]

    def _styled(self, prompts: list[str], negative: bool = False) -> list[str]:
        styles = shared.prompt_styles
        apply = styles.apply_negative_styles_to_prompt if negative else styles.apply_styles_to_prompt
        return [apply(prompt, self.styles) for prompt in prompts]

    def parse_extra_network_prompts(self) -> None:
        """Take the <lora:...> tags out of this batch's prompts."""
        self.prompts, self.extra_network_data = extra_networks.parse_prompts(self.prompts)

    def setup_conds(self) -> None:
        """Encode this batch's prompts."""
        config = sd_samplers.find_sampler_config(self.sampler_name)
        total_steps = config.total_steps(self.steps) if config else self.steps
        self.firstpass_steps = total_steps
        self.uc = self.cached_conds(self.negative_prompts, total_steps, self.cached_uc, self.extra_network_data, True)
        self.c = self.cached_conds(self.prompts, total_steps, self.cached_c, self.extra_network_data, False)

    def cached_conds(
        self, prompts: list[str], steps: int, cache: list[Any], networks: Any, negative: bool
    ) -> Any:
        """Encode prompts, or take the last encoding where nothing that matters changed."""
        key = (list(prompts), steps, shared.sd_model.sd_checkpoint_info, dict(networks or {}), self.width, self.height)
        if cache[0] != key:
            sized = prompt_parser.SdConditioning(prompts, negative, self.width, self.height)
            parser = prompt_parser
            encode = parser.get_learned_conditioning if negative else parser.get_multicond_learned_conditioning
            cache[:] = key, encode(shared.sd_model, sized, steps)
        return cache[1]

    def get_conds(self) -> tuple[Any, Any]:
        """(with prompt, without) of the running pass."""
        return self.c, self.uc

    def txt2img_image_conditioning(self, x: Tensor, width: int | None = None, height: int | None = None) -> Tensor:
        """A placeholder: only inpainting models look at pictures."""
        return x.new_zeros(x.shape[0], 5, 1, 1)

    def init(self, all_prompts: list[str], all_seeds: list[int], all_subseeds: list[int]) -> None:
        """Prepare for sampling; prompts and seeds are final."""

    def sample(
        self,
        conditioning: Any,
        unconditional_conditioning: Any,
        seeds: list[int],
        subseeds: list[int],
        subseed_strength: float,
        prompts: list[str],
    ) -> Any:
        """Make one batch -> latents [n, 4, h, w], or decoded pictures."""
        raise NotImplementedError

    def save_samples(self) -> bool:
        """Whether pictures are written to disk."""
        return opts.samples_save and not self.do_not_save_samples and not (state.interrupted or state.skipped)

    def close(self) -> None:
        """Let go of what is large."""
        self.sampler = self.c = self.uc = None


class DecodedSamples(list):
    """Pictures that need no decoding, tensors [3, H, W] in -1..1."""

    already_decoded = True


def decode_latent_batch(model: Any, batch: Tensor, **_: Any) -> DecodedSamples:
    """Decode latents one by one, as the option "VAE type for decode" says."""
    if opts.sd_vae_decode_method == "TAESD":
        decoder = sd_vae_taesd.decoder_model()
        return DecodedSamples(decoder(latent)[0] * 2 - 1 for latent in batch.split(1))
    return DecodedSamples(model.decode_first_stage(latent)[0] for latent in batch.split(1))


def get_fixed_seed(seed: Any) -> int:
    """A seed: -1, nothing and nonsense mean a random one."""
    try:
        fixed = int(seed)
    except (TypeError, ValueError):
        fixed = -1
    return random.randrange(4294967294) if fixed == -1 else fixed


def fix_seed(p: StableDiffusionProcessing) -> None:
    """Make random seeds definite."""
    p.seed, p.subseed = get_fixed_seed(p.seed), get_fixed_seed(p.subseed)


def create_random_tensors(shape: tuple[int, ...], seeds: list[int], *_: Any, **__: Any) -> Tensor:
    """Starting noise, for old extensions."""
    return ImageRNG(shape, seeds).next()


def latent_noise(p: StableDiffusionProcessing, height: int, width: int) -> ImageRNG:
    """The noise source of a pass over latents of height x width cells."""
    channels = shared.sd_model.latent_channels
    return ImageRNG((channels, height, width), p.seeds, p.subseeds, p.subseed_strength)

