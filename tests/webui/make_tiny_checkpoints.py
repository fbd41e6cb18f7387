"""Checkpoints of random weights that real WebUIs load: SDXL and SD 2.1 in miniature for A1111, and an SD 1.5 in few blocks for Forge.

A1111 builds a checkpoint from the yaml beside it, so everything may be small. Forge and its kin build the VAE and the text encoder of
SD 1.5 in their real size and recognise the UNet by its width: there only blocks can be left out. Names and shapes are written down
from the original code (LDM, sgm, open_clip); no host's package is needed.
"""
from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from demo import weights

Shapes = dict[str, tuple[int, ...]]

TINY = Path(__file__).parent / "tiny_sdxl"
TOKENS, CONTEXT_LENGTH = 49408, 77
_RESIDUAL_ENDS = ("out_layers.3.weight", "proj_out.weight", "to_out.0.weight", "ff.net.2.weight", "conv2.weight", "out_proj.weight",
                  "mlp.fc2.weight", "mlp.c_proj.weight")
"""Last weights of a branch that is added to what it came from: kept small, so that nothing grows through the depth."""


def tiny_sd15(folder: Path) -> Path:
    """The project's own trained tiny model, with its yaml and tokenizer, below `folder`."""
    return weights.unpack(folder).checkpoint


def tiny_sdxl(folder: Path, seed: int = 1) -> Path:
    """SDXL with 32 channels; needs the extension `tiny_sdxl` in the WebUI. Uses the tokenizer that `tiny_sd15` writes below `folder`."""
    tokenizer = weights.models_in(folder).tokenizer
    weights.write_configuration(weights.models_in(folder))
    text_width = 64
    shapes = {
        **unet(channels=32, multipliers=(1, 2, 4), blocks=2, depths=(0, 2, 10), context=2 * text_width, adm=text_width + 6 * 256),
        **vae(channels=32),
        **clip("conditioner.embedders.0.transformer.text_model.", text_width, layers=2),
        **open_clip("conditioner.embedders.1.model.", text_width, layers=2),
    }
    path = folder / "Stable-diffusion" / "tinysdxl.safetensors"
    _write(shapes, path, seed)
    yaml = (TINY / "tinysdxl.yaml").read_text(encoding="utf-8")
    path.with_suffix(".yaml").write_text(yaml.replace(weights.TOKENIZER_MARK, f'"{tokenizer.as_posix()}/"'), encoding="utf-8")
    return path


def tiny_sd21(folder: Path, seed: int = 3) -> Path:
    """SD 2.1 with 32 channels and the width of its text, by which it is known; needs the extension `tiny_sdxl` in the WebUI."""
    shapes = {
        **unet(channels=32, multipliers=(1, 2, 4, 4), blocks=2, depths=(1, 1, 1, 0), context=1024, linear=True),
        **vae(channels=32),
        **open_clip("cond_stage_model.model.", 1024, layers=2),
    }
    path = folder / "Stable-diffusion" / "tinysd21.safetensors"
    _write(shapes, path, seed)
    path.with_suffix(".yaml").write_bytes((TINY / "tinysd21.yaml").read_bytes())
    return path


def slim_sd15(folder: Path, seed: int = 0) -> Path:
    """SD 1.5 in its real widths with one block a level: 535 MB."""
    shapes = {
        **unet(channels=320, multipliers=(1, 1, 1, 1), blocks=1, depths=(1, 1, 1, 0), context=768),
        **vae(channels=128),
        **clip("cond_stage_model.transformer.text_model.", 768, layers=12),
    }
    path = folder / "Stable-diffusion" / "slim-sd15.safetensors"
    _write(shapes, path, seed)
    return path


def slim_sdxl(folder: Path, family: str = "sdxl", seed: int = 4) -> Path:
    """SDXL, SSD-1B or Vega, which Forge tells apart by the first half. 2.1 GB, most of it text encoders in their real size."""
    depths = {"sdxl": (0, 2, 10), "ssd1b": (0, 2, 4), "vega": (0, 1, 2)}[family]
    shapes = {
        **unet(320, (1, 1, 1), 2, depths, context=2048, adm=2816, slim=True, middle=family == "sdxl"),
        **vae(channels=128),
        **clip("conditioner.embedders.0.transformer.text_model.", 768, layers=12),
        **open_clip("conditioner.embedders.1.model.", 1280, layers=32),
    }
    path = folder / "Stable-diffusion" / f"slim-{family}.safetensors"
    _write(shapes, path, seed)
    return path


def tiny_controlnet(path: Path, seed: int = 2) -> Path:
    """A ControlNet for `tiny_sd15`; needs the extension `tiny_controlnet` in the WebUI."""
    _write(controlnet(channels=64, multipliers=(1, 2, 2, 2), blocks=2, depths=(1, 1, 1, 0), context=64), path, seed)
    return path


# ----------------------------------------------------------------------------------------------------------------- shapes


def unet(
    channels: int, multipliers: Sequence[int], blocks: int, depths: Sequence[int], context: int, adm: int = 0, linear: bool = False,
    slim: bool = False, middle: bool = True,
) -> Shapes:
    """LDM's UNet. `depths`: transformer blocks at each level; where `slim`, one in the middle and the second half. `middle`: whether the
    middle has any. `adm`: width of SDXL's second condition; with it, or where `linear`, projections are linear.
    """
    deepest, later = depths[-1] or 1, depths
    if slim:
        deepest, later = 1, [min(depth, 1) for depth in depths]
    shapes: Shapes = {}
    root, embedding = "model.diffusion_model.", 4 * channels
    _linear(shapes, f"{root}time_embed.0", channels, embedding)
    _linear(shapes, f"{root}time_embed.2", embedding, embedding)
    if adm:
        _linear(shapes, f"{root}label_emb.0.0", adm, embedding)
        _linear(shapes, f"{root}label_emb.0.2", embedding, embedding)

    def residual(name: str, inputs: int, outputs: int) -> None:
        _norm(shapes, f"{name}.in_layers.0", inputs)
        _conv(shapes, f"{name}.in_layers.2", inputs, outputs)
        _linear(shapes, f"{name}.emb_layers.1", embedding, outputs)
        _norm(shapes, f"{name}.out_layers.0", outputs)
        _conv(shapes, f"{name}.out_layers.3", outputs, outputs)
        if inputs != outputs:
            _conv(shapes, f"{name}.skip_connection", inputs, outputs, kernel=1)

    def transformer(name: str, width: int, depth: int) -> None:
        _norm(shapes, f"{name}.norm", width)
        for projection in ("proj_in", "proj_out"):
            if adm or linear:
                _linear(shapes, f"{name}.{projection}", width, width)
            else:
                _conv(shapes, f"{name}.{projection}", width, width, kernel=1)
        for block in (f"{name}.transformer_blocks.{i}" for i in range(depth)):
            for attention, source in (("attn1", width), ("attn2", context)):
                _linear(shapes, f"{block}.{attention}.to_q", width, width, bias=False)
                _linear(shapes, f"{block}.{attention}.to_k", source, width, bias=False)
                _linear(shapes, f"{block}.{attention}.to_v", source, width, bias=False)
                _linear(shapes, f"{block}.{attention}.to_out.0", width, width)
            _linear(shapes, f"{block}.ff.net.0.proj", width, 8 * width)
            _linear(shapes, f"{block}.ff.net.2", 4 * width, width)
            for i in (1, 2, 3):
                _norm(shapes, f"{block}.norm{i}", width)

    _conv(shapes, f"{root}input_blocks.0.0", 4, channels)
    width, number, skips = channels, 1, [channels]
    for level, (multiplier, depth) in enumerate(zip(multipliers, depths, strict=True)):
        for _ in range(blocks):
            residual(f"{root}input_blocks.{number}.0", width, channels * multiplier)
            width = channels * multiplier
            if depth:
                transformer(f"{root}input_blocks.{number}.1", width, depth)
            skips.append(width)
            number += 1
        if level < len(multipliers) - 1:
            _conv(shapes, f"{root}input_blocks.{number}.0.op", width, width)
            skips.append(width)
            number += 1
    residual(f"{root}middle_block.0", width, width)
    if middle:
        transformer(f"{root}middle_block.1", width, deepest)
        residual(f"{root}middle_block.2", width, width)
    number = 0
    for level in reversed(range(len(multipliers))):
        for block in range(blocks + 1):
            residual(f"{root}output_blocks.{number}.0", width + skips.pop(), channels * multipliers[level])
            width = channels * multipliers[level]
            if later[level]:
                transformer(f"{root}output_blocks.{number}.1", width, later[level])
            if level and block == blocks:
                _conv(shapes, f"{root}output_blocks.{number}.{2 if later[level] else 1}.conv", width, width)
            number += 1
    _norm(shapes, f"{root}out.0", width)
    _conv(shapes, f"{root}out.2", width, 4)
    return shapes


def controlnet(channels: int, multipliers: Sequence[int], blocks: int, depths: Sequence[int], context: int) -> Shapes:
    """The first half of LDM's UNet, what reads the picture that guides it, and a way out of every block."""
    root = "model.diffusion_model."
    whole = {name.removeprefix(root): shape for name, shape in unet(channels, multipliers, blocks, depths, context).items()}
    shapes = {name: shape for name, shape in whole.items() if not name.startswith("out")}
    widths = [channels, *(channels * m for level, m in enumerate(multipliers) for _ in range(blocks + (level < len(multipliers) - 1)))]
    for number, width in enumerate(widths):
        _conv(shapes, f"zero_convs.{number}.0", width, width, kernel=1)
    _conv(shapes, "middle_block_out.0", widths[-1], widths[-1], kernel=1)
    hint = (3, 16, 16, 32, 32, 96, 96, 256, channels)
    for number, (inputs, outputs) in enumerate(pairwise(hint)):
        _conv(shapes, f"input_hint_block.{2 * number}", inputs, outputs)
    return shapes


def vae(channels: int, multipliers: Sequence[int] = (1, 2, 4, 4), blocks: int = 2, latents: int = 4) -> Shapes:
    """LDM's AutoencoderKL."""
    shapes: Shapes = {}

    def residual(name: str, inputs: int, outputs: int) -> None:
        _norm(shapes, f"{name}.norm1", inputs)
        _conv(shapes, f"{name}.conv1", inputs, outputs)
        _norm(shapes, f"{name}.norm2", outputs)
        _conv(shapes, f"{name}.conv2", outputs, outputs)
        if inputs != outputs:
            _conv(shapes, f"{name}.nin_shortcut", inputs, outputs, kernel=1)

    def middle(name: str, width: int) -> None:
        residual(f"{name}.block_1", width, width)
        _norm(shapes, f"{name}.attn_1.norm", width)
        for part in ("q", "k", "v", "proj_out"):
            _conv(shapes, f"{name}.attn_1.{part}", width, width, kernel=1)
        residual(f"{name}.block_2", width, width)

    last = len(multipliers) - 1
    encoder, decoder = "first_stage_model.encoder", "first_stage_model.decoder"
    _conv(shapes, f"{encoder}.conv_in", 3, channels)
    width = channels
    for level, multiplier in enumerate(multipliers):
        for block in range(blocks):
            residual(f"{encoder}.down.{level}.block.{block}", width, channels * multiplier)
            width = channels * multiplier
        if level != last:
            _conv(shapes, f"{encoder}.down.{level}.downsample.conv", width, width)
    middle(f"{encoder}.mid", width)
    _norm(shapes, f"{encoder}.norm_out", width)
    _conv(shapes, f"{encoder}.conv_out", width, 2 * latents)
    _conv(shapes, f"{decoder}.conv_in", latents, width)
    middle(f"{decoder}.mid", width)
    for level in reversed(range(len(multipliers))):
        for block in range(blocks + 1):
            residual(f"{decoder}.up.{level}.block.{block}", width, channels * multipliers[level])
            width = channels * multipliers[level]
        if level:
            _conv(shapes, f"{decoder}.up.{level}.upsample.conv", width, width)
    _norm(shapes, f"{decoder}.norm_out", width)
    _conv(shapes, f"{decoder}.conv_out", width, 3)
    _conv(shapes, "first_stage_model.quant_conv", 2 * latents, 2 * latents, kernel=1)
    _conv(shapes, "first_stage_model.post_quant_conv", latents, latents, kernel=1)
    return shapes


def clip(root: str, width: int, layers: int) -> Shapes:
    """The text side of CLIP, in transformers' names."""
    shapes: Shapes = {
        f"{root}embeddings.position_ids": (1, CONTEXT_LENGTH),
        f"{root}embeddings.token_embedding.weight": (TOKENS, width),
        f"{root}embeddings.position_embedding.weight": (CONTEXT_LENGTH, width),
    }
    for layer in (f"{root}encoder.layers.{i}" for i in range(layers)):
        for projection in ("q", "k", "v", "out"):
            _linear(shapes, f"{layer}.self_attn.{projection}_proj", width, width)
        _norm(shapes, f"{layer}.layer_norm1", width)
        _linear(shapes, f"{layer}.mlp.fc1", width, 4 * width)
        _linear(shapes, f"{layer}.mlp.fc2", 4 * width, width)
        _norm(shapes, f"{layer}.layer_norm2", width)
    _norm(shapes, f"{root}final_layer_norm", width)
    return shapes


def open_clip(root: str, width: int, layers: int) -> Shapes:
    """The text side of CLIP, in open_clip's names."""
    shapes: Shapes = {
        f"{root}positional_embedding": (CONTEXT_LENGTH, width),
        f"{root}text_projection": (width, width),
        f"{root}token_embedding.weight": (TOKENS, width),
    }
    for layer in (f"{root}transformer.resblocks.{i}" for i in range(layers)):
        _norm(shapes, f"{layer}.ln_1", width)
        shapes[f"{layer}.attn.in_proj_weight"] = (3 * width, width)
        shapes[f"{layer}.attn.in_proj_bias"] = (3 * width,)
        _linear(shapes, f"{layer}.attn.out_proj", width, width)
        _norm(shapes, f"{layer}.ln_2", width)
        _linear(shapes, f"{layer}.mlp.c_fc", width, 4 * width)
        _linear(shapes, f"{layer}.mlp.c_proj", 4 * width, width)
    _norm(shapes, f"{root}ln_final", width)
    return shapes


def _conv(shapes: Shapes, name: str, inputs: int, outputs: int, kernel: int = 3) -> None:
    shapes[f"{name}.weight"] = (outputs, inputs, kernel, kernel)
    shapes[f"{name}.bias"] = (outputs,)


def _linear(shapes: Shapes, name: str, inputs: int, outputs: int, bias: bool = True) -> None:
    shapes[f"{name}.weight"] = (outputs, inputs)
    if bias:
        shapes[f"{name}.bias"] = (outputs,)


def _norm(shapes: Shapes, name: str, width: int) -> None:
    shapes[f"{name}.weight"] = (width,)
    shapes[f"{name}.bias"] = (width,)


# ---------------------------------------------------------------------------------------------------------------- numbers


def _write(shapes: Shapes, path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    save_file({name: _numbers(name, shape, random) for name, shape in shapes.items()}, path, metadata={"format": "pt"})


def _numbers(name: str, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    if name.endswith("position_ids"):
        return np.arange(shape[1])[None]
    values = random.standard_normal(shape, dtype=np.float32)
    if len(shape) == 1:
        if name.endswith(".weight"):
            values = 1 + 0.1 * values
        elif "final" in name:
            values = 0.1 + 0.1 * values  # the WebUI's emphasis divides by the mean of the text embedding, which must not be 0
        else:
            values *= 0.02
    elif "embedding" in name:
        values *= 0.3 if "position" in name else 1.0
    else:
        values *= math.prod(shape[1:]) ** -0.5
        if name.endswith(_RESIDUAL_ENDS):
            values *= 0.3
        if name.endswith("conv_out.weight"):
            values *= 0.5  # keeps pictures mostly inside their range
        if ".attn2.to_" in name and name.endswith(("to_q.weight", "to_k.weight")):
            values *= 2.5  # words are told apart
        if name.endswith("attn2.to_out.0.weight"):
            values *= 10.0  # and matter
    return values.astype(np.float16)
