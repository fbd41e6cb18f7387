"""The tiny model's architecture, and its names in a Stable Diffusion 1 checkpoint ("LDM" layout).

WebUIs read LDM names, diffusers and transformers have their own. Each map below is a table of module prefixes
{library name: LDM name}; parameter names behind the prefix are the same on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors import safe_open
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

LATENT_SCALE = 0.18215
"""Latents are the autoencoder's output times this (Rombach et al., 2112.10752; SD 1's `scale_factor`)."""

UNET_PREFIX = "model.diffusion_model."
VAE_PREFIX = "first_stage_model."
TEXT_PREFIX = "cond_stage_model.transformer."
TOKEN_EMBEDDING = "text_model.embeddings.token_embedding.weight"

# GroupNorm has 32 groups in every host, so no width may be below 64: with one channel per group the norm would remove
# each channel's mean, and a flat colour could not be expressed.
UNET_CONFIG: dict[str, Any] = {
    "sample_size": 8,
    "in_channels": 4,
    "out_channels": 4,
    "layers_per_block": 2,
    "block_out_channels": (64, 128, 128, 128),
    "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
    "cross_attention_dim": 64,
    "attention_head_dim": 4,  # diffusers' name for the number of heads of an SD 1 UNet
}
VAE_CONFIG: dict[str, Any] = {
    "in_channels": 3,
    "out_channels": 3,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (64, 64, 64, 128),
    "layers_per_block": 1,
    "latent_channels": 4,
    "sample_size": 64,
    "scaling_factor": LATENT_SCALE,
}
TEXT_CONFIG: dict[str, Any] = {
    "vocab_size": 49408,
    "hidden_size": 64,
    "intermediate_size": 256,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "projection_dim": 64,
    "max_position_embeddings": 77,
    "hidden_act": "quick_gelu",
    "bos_token_id": 49406,
    "eos_token_id": 49407,
    "pad_token_id": 49407,
}

Model = TypeVar("Model", bound=nn.Module)

_LEVELS = len(UNET_CONFIG["block_out_channels"])
_UNET_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_VAE_RESNET = {
    "norm1": "norm1",
    "conv1": "conv1",
    "norm2": "norm2",
    "conv2": "conv2",
    "conv_shortcut": "nin_shortcut",
}
_VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def unet_modules() -> dict[str, str]:
    """{diffusers module: LDM module} of the UNet, without `UNET_PREFIX`."""
    names = {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_in": "input_blocks.0.0",
        "mid_block.attentions.0": "middle_block.1",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
        **_join("mid_block.resnets.0", "middle_block.0", _UNET_RESNET),
        **_join("mid_block.resnets.1", "middle_block.2", _UNET_RESNET),
    }
    down_layers = UNET_CONFIG["layers_per_block"]
    for level in range(_LEVELS):
        # An LDM level is a run of numbered blocks: its resnets, then one number for the downsampler. The way up has one
        # resnet more, and its upsampler shares the last resnet's number.
        first_down, first_up = level * (down_layers + 1) + 1, level * (down_layers + 1)
        has_attention_down = UNET_CONFIG["down_block_types"][level].startswith("CrossAttn")
        has_attention_up = UNET_CONFIG["up_block_types"][level].startswith("CrossAttn")
        for layer in range(down_layers):
            block = f"input_blocks.{first_down + layer}"
            names |= _join(f"down_blocks.{level}.resnets.{layer}", f"{block}.0", _UNET_RESNET)
            if has_attention_down:
                names[f"down_blocks.{level}.attentions.{layer}"] = f"{block}.1"
        for layer in range(down_layers + 1):
            block = f"output_blocks.{first_up + layer}"
            names |= _join(f"up_blocks.{level}.resnets.{layer}", f"{block}.0", _UNET_RESNET)
            if has_attention_up:
                names[f"up_blocks.{level}.attentions.{layer}"] = f"{block}.1"
        if level < _LEVELS - 1:
            names[f"down_blocks.{level}.downsamplers.0.conv"] = f"input_blocks.{first_down + down_layers}.0.op"
            upsampler = f"output_blocks.{first_up + down_layers}.{2 if has_attention_up else 1}"
            names[f"up_blocks.{level}.upsamplers.0"] = upsampler
    return names


def vae_modules() -> dict[str, str]:
    """{diffusers module: LDM module} of the autoencoder, without `VAE_PREFIX`."""
    names = {"quant_conv": "quant_conv", "post_quant_conv": "post_quant_conv"}
    layers = VAE_CONFIG["layers_per_block"]
    for side in ("encoder", "decoder"):
        names |= {f"{side}.{module}": f"{side}.{module}" for module in ("conv_in", "conv_out")}
        names[f"{side}.conv_norm_out"] = f"{side}.norm_out"
        names |= _join(f"{side}.mid_block.resnets.0", f"{side}.mid.block_1", _VAE_RESNET)
        names |= _join(f"{side}.mid_block.resnets.1", f"{side}.mid.block_2", _VAE_RESNET)
        names |= _join(f"{side}.mid_block.attentions.0", f"{side}.mid.attn_1", _VAE_ATTENTION)
    for level in range(_LEVELS):
        up_level = _LEVELS - 1 - level  # LDM counts the decoder's levels from the picture, diffusers from the latent
        for layer in range(layers):
            source, target = f"encoder.down_blocks.{level}.resnets.{layer}", f"encoder.down.{level}.block.{layer}"
            names |= _join(source, target, _VAE_RESNET)
        for layer in range(layers + 1):
            source, target = f"decoder.up_blocks.{level}.resnets.{layer}", f"decoder.up.{up_level}.block.{layer}"
            names |= _join(source, target, _VAE_RESNET)
        if level < _LEVELS - 1:
            names[f"encoder.down_blocks.{level}.downsamplers.0"] = f"encoder.down.{level}.downsample"
            names[f"decoder.up_blocks.{level}.upsamplers.0"] = f"decoder.up.{up_level}.upsample"
    return names


def unet_to_ldm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A diffusers UNet's state under LDM names. Raises KeyError for a parameter that the map does not know."""
    return _rename(state, unet_modules(), "", UNET_PREFIX)


def vae_to_ldm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A diffusers AutoencoderKL's state under LDM names; LDM's attention projections are 1x1 convolutions."""
    renamed = _rename(state, vae_modules(), "", VAE_PREFIX)
    return {name: tensor[:, :, None, None] if tensor.ndim == 2 else tensor for name, tensor in renamed.items()}


def text_to_ldm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A transformers CLIPTextModel's state under LDM names, with the position numbers that old loaders expect."""
    renamed = {TEXT_PREFIX + name: tensor for name, tensor in state.items()}
    renamed[f"{TEXT_PREFIX}text_model.embeddings.position_ids"] = torch.arange(77)[None]
    return renamed


def unet_from_ldm(checkpoint: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `unet_to_ldm`; other parts of the checkpoint are ignored."""
    inverse = {ldm: own for own, ldm in unet_modules().items()}
    return _rename(checkpoint, inverse, UNET_PREFIX, "")


def vae_from_ldm(checkpoint: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `vae_to_ldm`; other parts of the checkpoint are ignored."""
    inverse = {ldm: own for own, ldm in vae_modules().items()}
    renamed = _rename(checkpoint, inverse, VAE_PREFIX, "")
    return {
        name: tensor[:, :, 0, 0] if ".attentions." in name and tensor.ndim == 4 else tensor
        for name, tensor in renamed.items()
    }


def text_from_ldm(checkpoint: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `text_to_ldm`; other parts of the checkpoint are ignored."""
    return {
        name.removeprefix(TEXT_PREFIX): tensor
        for name, tensor in checkpoint.items()
        if name.startswith(TEXT_PREFIX) and not name.endswith("position_ids")
    }


def load_unet(checkpoint: Path) -> UNet2DConditionModel:
    """The noise predictor of an LDM file: latents float32 [n, 4, 8, 8], timesteps 0..999, text [n, 77, 64] -> noise."""
    unet = UNet2DConditionModel(**UNET_CONFIG)
    state = {name: weight for name, weight in _read(checkpoint, UNET_PREFIX).items() if "cond_proj" not in name}  # a full LCM's
    return _ready(unet, unet_from_ldm(state))


def load_vae(checkpoint: Path) -> AutoencoderKL:
    """The autoencoder of an LDM file: pictures [n, 3, 64, 64] in -1..1 <-> latents / `LATENT_SCALE` [n, 4, 8, 8]."""
    vae = AutoencoderKL(**VAE_CONFIG)
    return _ready(vae, vae_from_ldm(_read(checkpoint, VAE_PREFIX)))


def load_text_encoder(checkpoint: Path) -> CLIPTextModel:
    """The text encoder of an LDM file: token ids int64 [n, 77] -> `last_hidden_state` float32 [n, 77, 64]."""
    text_encoder = CLIPTextModel(CLIPTextConfig(**TEXT_CONFIG))
    return _ready(text_encoder, text_from_ldm(_read(checkpoint, TEXT_PREFIX)))


def _join(source: str, target: str, children: Mapping[str, str]) -> dict[str, str]:
    return {f"{source}.{own}": f"{target}.{other}" for own, other in children.items()}


def _rename(
    state: Mapping[str, Tensor], modules: Mapping[str, str], old_prefix: str, new_prefix: str
) -> dict[str, Tensor]:
    renamed = {}
    for name, tensor in state.items():
        if not name.startswith(old_prefix):
            continue
        bare = name.removeprefix(old_prefix)
        renamed[new_prefix + _translate(bare, modules)] = tensor
    return renamed


def _translate(name: str, modules: Mapping[str, str]) -> str:
    """Replace the module in front of a parameter's name: the map holds either the module itself or one of its parents."""
    module, _, rest = name.rpartition(".")
    while module:
        if module in modules:
            return f"{modules[module]}.{rest}"
        module, _, child = module.rpartition(".")
        rest = f"{child}.{rest}"
    raise KeyError(f"no such parameter in the tiny model: {name}")


def _read(checkpoint: Path, prefix: str) -> dict[str, Tensor]:
    with safe_open(checkpoint, framework="pt") as file:
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 (the file is no dict)
        return {name: file.get_tensor(name).float() for name in names}


def _ready(model: Model, state: Mapping[str, Tensor]) -> Model:
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)
