"""What a step of SDXL's UNet costs with the negative prompt at CFG 1, beside one without: `python -m tests.bench_nag`.

The UNet has SDXL's size and random weights (2.6 billion in bfloat16: 5 GB), diffusers' code and our layers. Medians of alternating pairs,
in CPU time of one thread: what else the machine does then tells least.
"""
from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

from lib_fewstep.core.nag import Nag
from lib_fewstep.host.attention import Layer, layers_of

SDXL: dict[str, Any] = {
    "block_out_channels": (320, 640, 1280), "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": (5, 10, 20), "cross_attention_dim": 2048, "use_linear_projection": True, "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 2816,
}
"""stabilityai/stable-diffusion-xl-base-1.0, unet/config.json."""


@contextmanager
def guided(unet: Any, negative: torch.Tensor) -> Iterator[list[Layer]]:
    layers = [Layer(attention, Nag(2, 2.5, 0.5, 4), lambda: None) for attention in layers_of(unet)]
    for layer in layers:
        layer.read(negative)
    try:
        yield layers
    finally:
        for layer in layers:
            layer.close()


@torch.no_grad()
def measure(latent: int, runs: int) -> str:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.bfloat16)
    unet = UNet2DConditionModel(**SDXL).eval()
    x, text, negative = torch.randn(1, 4, latent, latent), torch.randn(1, 77, 2048), torch.randn(1, 77, 2048)
    added = {"text_embeds": torch.randn(1, 1280), "time_ids": torch.zeros(1, 6)}

    def step() -> tuple[float, torch.Tensor]:
        began = time.thread_time()
        answer = unet(x, 999, encoder_hidden_states=text, added_cond_kwargs=added).sample
        return time.thread_time() - began, answer

    def both(layers: list[Layer]) -> tuple[float, float]:
        for layer in layers:
            layer.expect([None])
        without, plain = step()
        for layer in layers:
            layer.expect([0])
        acting, answer = step()
        assert not torch.equal(plain, answer)
        return without, acting

    with guided(unet, negative) as layers:
        both(layers)  # the keys and values of the negative prompt are worked out in the first step in which it acts
        pairs = [both(layers) for _ in range(runs)]
    low, middle, high = statistics.quantiles([acting / without for without, acting in pairs], n=4)
    plain = statistics.median(without for without, _ in pairs)
    place = f"{len(layers)} layers, latent {latent}x{latent}, {plain:.1f} s a step without"
    return f"{middle:.3f} ({low:.3f} … {high:.3f}) times a step; {place}; load {os.getloadavg()[0]:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench_nag", description=__doc__)
    parser.add_argument("--latent", type=int, default=32)
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    print(measure(options.latent, options.runs))


if __name__ == "__main__":
    main()
