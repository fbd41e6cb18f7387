"""`python -m lab.speed`: pictures a second through the product's samplers and through diffusers' pipelines, at equal steps.

UNets of the published sizes with random weights: what is computed does not depend on them. Without a GPU a small one is measured, which
shows the share outside the UNet at its largest and says nothing of any published model.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import StableDiffusionXLPipeline
from diffusers.schedulers.scheduling_lcm import LCMScheduler
from torch import Tensor

from lib_fewstep.core.samplers import sample_lcm
from lib_fewstep.core.schedules import lcm_timesteps, sigmas_at, training_sigmas

_SCHEDULE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
_CROSS_DOWN, _CROSS_UP = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"


@dataclass(frozen=True)
class Size:
    """A UNet and what it is asked: latents [n, 4, side, side], text [n, 77, width], for SDXL also pooled text."""

    name: str
    side: int
    width: int
    config: dict[str, Any] = field(hash=False)
    pooled: int = 0


SD15 = Size(
    "SD 1.5, 512x512", 64, 768,
    {"block_out_channels": (320, 640, 1280, 1280), "cross_attention_dim": 768, "attention_head_dim": 8},
)  # fmt: skip
SDXL = Size(
    "SDXL, 1024x1024", 128, 2048,
    {
        "block_out_channels": (320, 640, 1280),
        "down_block_types": ("DownBlock2D", _CROSS_DOWN, _CROSS_DOWN),
        "up_block_types": (_CROSS_UP, _CROSS_UP, "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10),
        "cross_attention_dim": 2048,
        "attention_head_dim": (5, 10, 20),
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
    pooled=1280,
)  # fmt: skip
SMALL = Size(
    "a small UNet, no published one", 16, 64,
    {"block_out_channels": (64, 128, 128, 128), "cross_attention_dim": 64, "attention_head_dim": 4},
)  # fmt: skip


class Bench:
    """One UNet, and both ways of sampling with it."""

    def __init__(self, size: Size, device: str, compiled: bool) -> None:
        self.size, self.device = size, device
        self.dtype = torch.float16 if device == "cuda" else torch.float32
        unet: Any = UNet2DConditionModel(**size.config, sample_size=size.side)
        unet = unet.to(device, self.dtype).eval()
        self.pipeline = self._pipeline(unet)
        if compiled:
            unet.compile()
        self.unet = unet
        self.sigmas = training_sigmas().to(device)

    def inputs(self, batch: int) -> dict[str, Tensor]:
        """Random text, and for SDXL pooled text, of a batch."""
        text = torch.randn(batch, 77, self.size.width, device=self.device, dtype=self.dtype)
        pooled = torch.randn(batch, self.size.pooled, device=self.device, dtype=self.dtype) if self.size.pooled else None
        return {"prompt_embeds": text} if pooled is None else {"prompt_embeds": text, "pooled_prompt_embeds": pooled}

    def ask(self, sample: Tensor, timestep: Tensor, inputs: dict[str, Tensor]) -> Tensor:
        """One evaluation of the UNet."""
        conditions = None
        if (pooled := inputs.get("pooled_prompt_embeds")) is not None:
            conditions = {"text_embeds": pooled, "time_ids": pooled.new_zeros(len(pooled), 6)}
        return self.unet(
            sample, timestep, encoder_hidden_states=inputs["prompt_embeds"], added_cond_kwargs=conditions, return_dict=False
        )[0]

    @torch.no_grad()
    def ours(self, batch: int, steps: int, inputs: dict[str, Tensor]) -> Tensor:
        """The product's LCM sampler."""
        sigmas = sigmas_at(lcm_timesteps(steps), self.sigmas)
        noise = torch.randn(batch, 4, self.size.side, self.size.side, device=self.device)

        def denoise(x: Tensor, sigma: Tensor) -> Tensor:
            level = sigma[0]
            timestep = (self.sigmas - level).abs().argmin()
            eps = self.ask((x / (1 + level**2).sqrt()).to(self.dtype), timestep, inputs)
            return x - level * eps.float()

        return sample_lcm(denoise, noise * sigmas[0], sigmas, disable=True, noise_sampler=lambda *_: torch.randn_like(noise))

    @torch.no_grad()
    def theirs(self, batch: int, steps: int, inputs: dict[str, Tensor]) -> Tensor:
        """diffusers' pipeline with its LCM scheduler, without the autoencoder."""
        del batch
        side = 8 * self.size.side
        options: dict[str, Any] = {"num_inference_steps": steps, "guidance_scale": 1.0, "output_type": "latent", **inputs}
        return self.pipeline(height=side, width=side, **options).images

    def _pipeline(self, unet: Any) -> Any:
        scheduler: Any = LCMScheduler(**_SCHEDULE)
        # Never run: the pipelines read from it how much smaller latents are.
        blocks: dict[str, Any] = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
        blocks["block_out_channels"] = (32,) * 4
        vae: Any = AutoencoderKL(**blocks)
        nothing: dict[str, Any] = {"text_encoder": None, "tokenizer": None, "feature_extractor": None}
        if self.size.pooled:
            kind: Any = StableDiffusionXLPipeline
            nothing |= {"text_encoder_2": None, "tokenizer_2": None, "add_watermarker": False}
        else:
            kind = StableDiffusionPipeline
            nothing |= {"safety_checker": None, "requires_safety_checker": False}
        pipeline = kind(vae=vae.to(self.device), unet=unet, scheduler=scheduler, **nothing)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline


def seconds(device: str, repeats: int, act: Callable[..., object], *arguments: object) -> float:
    """The mean of `repeats` runs of `act(*arguments)`, after one that does not count."""
    act(*arguments)
    _finish(device)
    started = time.perf_counter()
    for _ in range(repeats):
        act(*arguments)
    _finish(device)
    return (time.perf_counter() - started) / repeats


def rows(bench: Bench, batch: int, steps: int, repeats: int) -> Iterator[tuple[str, float, float]]:
    """(way, pictures a second, share of the time outside the UNet)."""
    inputs = bench.inputs(batch)
    sample = torch.randn(batch, 4, bench.size.side, bench.size.side, device=bench.device, dtype=bench.dtype)
    with torch.no_grad():
        inside = steps * seconds(bench.device, steps * repeats, bench.ask, sample, torch.tensor(999, device=bench.device), inputs)
    for way, draw in (("the Accelerator", bench.ours), ("diffusers", bench.theirs)):
        taken = seconds(bench.device, repeats, draw, batch, steps, inputs)
        yield way, batch / taken, max(0.0, 1 - inside / taken)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lab.speed", description=__doc__)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 8])
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    options = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    sizes = (SD15, SDXL) if device == "cuda" else (SMALL,)
    print(torch.cuda.get_device_name() if device == "cuda" else "No GPU: a small UNet on the processor.", flush=True)
    print("| UNet | torch.compile | batch | way | pictures a second | outside the UNet |\n|---|---|---|---|---|---|")
    for size in sizes:
        for compiled in (False,) if options.no_compile or device == "cpu" else (False, True):
            bench = Bench(size, device, compiled)
            for batch in options.batches:
                for way, speed, outside in rows(bench, batch, options.steps, options.repeats):
                    start = f"| {size.name} | {'yes' if compiled else 'no'} | {batch} |"
                    print(f"{start} {way} | {speed:.2f} | {outside:.0%} |", flush=True)


def _finish(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
