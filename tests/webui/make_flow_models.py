"""Writes small flow models with random weights, which an unmodified Forge Neo loads on a CPU, and a LoRA for each; FLUX.1's are for Forge.

    python -m tests.webui.make_flow_models FOLDER [anima z-image klein qwen flux-dev flux-schnell flux-gguf]

They take 7 GB, too much to be made for every test run: FEWSTEP_FLOW_MODELS names the FOLDER to test_flow_models.py.
"""
from __future__ import annotations

import math
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from . import flow_shapes as of
from .flow_shapes import Shapes, Stacks

_F32, _Q4_0, _Q8_0 = 0, 2, 8
"""Types of GGUF."""
_TEXT, _ARRAY_ALIGNMENT = 8, 32
_DAMPED = (
    "output_proj.weight", "layer2.weight", "attention.out.weight", "w2.weight", "proj.weight", "mlp.2.weight", "linear2.weight",
    "o_proj.weight", "to_out.0.weight", "to_add_out.weight", "net.2.weight", "attn_output.weight", "ffn_down.weight", "conv2.weight",
    "decoder.conv_out.weight",
)
"""What is added to a stream is kept small, so that it does not grow from layer to layer."""


@dataclass(frozen=True)
class Model:
    """A transformer, its text encoders and its VAE; and how the keys of a published LoRA begin and end.

    `gguf`: the type of its matrices in a GGUF; None: a safetensors file. `narrow`: how the names of layers begin that get no LoRA,
    because these layers are narrower than the true ones.
    """

    transformer: Callable[[], tuple[Shapes, Stacks]]
    text: tuple[str, ...]
    vae_name: str
    vae: Callable[[], Shapes]
    prefix: str = "diffusion_model."
    sides: tuple[str, str] = ("lora_A", "lora_B")
    alpha: bool = False
    gguf: int | None = None
    narrow: tuple[str, ...] = ()


_FLUX_NARROW = ("img_mod.", "txt_mod.", "modulation.", "img_mlp.", "txt_mlp.")
_FLUX = Model(partial(of.flux, True), ("clip_l", "t5"), "flux", of.flux_vae, "transformer.", narrow=_FLUX_NARROW)
MODELS = {
    "anima": Model(of.anima, ("qwen3_06b",), "qwen2d", of.qwen_vae, gguf=_F32, narrow=("mlp.",)),
    "z-image": Model(of.z_image, ("qwen3_4b",), "flux", of.flux_vae),
    "klein": Model(of.klein, ("qwen3_4b",), "flux2", of.flux2_vae),
    "qwen": Model(of.qwen, ("qwen25_7b",), "qwen2d", of.qwen_vae, "", ("lora_down", "lora_up"), alpha=True),
    "flux-dev": _FLUX,
    "flux-schnell": replace(_FLUX, transformer=partial(of.flux, False)),
    "flux-gguf": replace(_FLUX, gguf=_Q8_0),
}
_FLUX_PARTS = {
    "img_attn.qkv": ("to_q", "to_k", "to_v"), "txt_attn.qkv": ("add_q_proj", "add_k_proj", "add_v_proj"), "img_attn.proj": ("to_out.0",),
    "txt_attn.proj": ("to_add_out",), "linear1": ("to_q", "to_k", "to_v", "proj_mlp"), "linear2": ("proj_out",),
}  # fmt: skip
"""What FLUX.1's matrices are in diffusers, where some hold several; in the single blocks some stand outside the attention."""


def write_model(name: str, folder: Path) -> None:
    """Into `folder`'s Stable-diffusion, text_encoder and VAE. Anima has 28 blocks: as a GGUF they share one block's bytes.

    FLUX.1's GGUF has its matrices in 8 bits, as published.
    """
    model = MODELS[name]
    places = [folder / kind for kind in ("Stable-diffusion", "text_encoder", "VAE")]
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
    if model.gguf is None:
        _write_safetensors(*model.transformer(), places[0] / f"random-{name}.safetensors")
    else:
        _write_gguf(*model.transformer(), places[0] / f"random-{name}.gguf", name, model.gguf)
    for text in model.text:
        if text == "clip_l":
            _write_safetensors(*of.text_encoder(text), places[1] / f"random-{text}.safetensors")
        else:
            _write_gguf(*of.text_encoder(text), places[1] / f"random-{text}.gguf", text)
    _write_safetensors(model.vae(), {}, places[2] / f"random-{model.vae_name}-vae.safetensors")


def write_lora(name: str, path: Path, rank: int = 4, scale: float = 0.5) -> None:
    """For the matrices of the first block of each stack, but Anima's adapter and what is narrow; under the names of published LoRAs."""
    model, random, tensors = MODELS[name], torch.Generator().manual_seed(1), {}
    for stack, (_, shapes) in model.transformer()[1].items():
        for weight, shape in shapes.items():
            narrow = weight.startswith(model.narrow)
            if not weight.endswith(".weight") or len(shape) != 2 or stack.startswith("llm") or narrow:
                continue
            for module, (outputs, inputs) in _published(name, f"{stack}.0", weight.removesuffix(".weight"), shape):
                base = f"{model.prefix}{module}"
                down, up = (f"{base}.{side}.weight" for side in model.sides)
                tensors[down] = (torch.randn((rank, inputs), generator=random) / math.sqrt(inputs)).bfloat16()
                tensors[up] = (torch.randn((outputs, rank), generator=random) * scale / math.sqrt(rank)).bfloat16()
                if model.alpha:
                    tensors[f"{base}.alpha"] = torch.tensor(float(rank))
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)


def _published(name: str, block: str, module: str, shape: tuple[int, ...]) -> list[tuple[str, tuple[int, int]]]:
    """A module of a block under the names of published LoRAs, and the shapes there."""
    outputs, inputs = shape
    if name.startswith("flux"):
        inside = "transformer_blocks.0.attn." if block.startswith("double") else "single_transformer_blocks.0.attn."
        parts = _FLUX_PARTS[module]
        widths = [4 * inputs if part == "proj_mlp" else outputs // (7 if "proj_mlp" in parts else len(parts)) for part in parts]
        places = [inside.removesuffix("attn.") if part in ("proj_mlp", "proj_out") else inside for part in parts]
        return [(place + part, (width, inputs)) for place, part, width in zip(places, parts, widths, strict=True)]
    if name == "z-image" and module == "attention.qkv":
        return [(f"{block}.attention.to_{part}", (outputs // 3, inputs)) for part in "qkv"]
    return [(f"{block}.{'attention.to_out.0' if (name, module) == ('z-image', 'attention.out') else module}", (outputs, inputs))]


def _weight(name: str, shape: tuple[int, ...], random: torch.Generator) -> torch.Tensor:
    drawn = torch.randn(shape, generator=random)
    near_one = name.endswith((".scale", ".gamma", ".running_var")) or name == "cap_embedder.0.weight"
    if near_one or ("norm" in name and len(shape) == 1 and name.endswith(".weight")):
        return 1 + 0.05 * drawn.clamp(-3, 3)
    if len(shape) == 1 or "pad_token" in name:
        return 0.02 * drawn
    if "embed.weight" in name:
        return drawn
    return drawn * (0.3 if name.endswith(_DAMPED) else 1) / math.sqrt(math.prod(shape[1:]))


def _write_safetensors(ends: Shapes, stacks: Stacks, path: Path) -> None:
    random = torch.Generator().manual_seed(0)
    blocks = {
        f"{prefix}.{n}.{name}": shape for prefix, (count, shapes) in stacks.items() for n in range(count) for name, shape in shapes.items()
    }
    save_file({name: _weight(name, shape, random).half() for name, shape in {**ends, **blocks}.items()}, path)


def _q4_0(shape: tuple[int, ...]) -> bytes:
    """Random numbers of about unit size: for each 32 a scale in half precision, and 16 bytes of nibbles."""
    blocks = np.random.default_rng(0).integers(0, 256, (math.prod(shape) // 32, 18), dtype=np.uint8)
    blocks[:, :2] = np.frombuffer(np.float16(0.2).tobytes(), np.uint8)
    return blocks.tobytes()


def _q8_0(values: np.ndarray) -> bytes:
    """For each 32 numbers a scale in half precision, and as many signed bytes."""
    rows = values.reshape(-1, 32)
    scale = np.abs(rows).max(1, keepdims=True) / 127
    whole = np.round(rows / np.maximum(scale, 1e-12)).astype(np.int8)
    return np.concatenate([scale.astype(np.float16).view(np.uint8), whole.view(np.uint8)], axis=1).tobytes()


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _content(values: np.ndarray, kind: int) -> bytes:
    return _q8_0(values) if kind == _Q8_0 else values.tobytes()


def _write_gguf(ends: Shapes, stacks: Stacks, path: Path, architecture: str, matrices: int = _F32) -> None:
    """All blocks of a stack point to the bytes of its first. `matrices`: their type."""
    random, infos, data, offset = torch.Generator().manual_seed(0), [], [], 0
    first = [([name], shape) for name, shape in ends.items()]
    shared = [([f"{prefix}.{n}.{name}" for n in range(count)], shape) for prefix, (count, shapes) in stacks.items()
              for name, shape in shapes.items()]  # fmt: skip
    for names, shape in first + shared:
        kind = _Q4_0 if names[0] == "token_embd.weight" else matrices if len(shape) == 2 else _F32
        content = _q4_0(shape) if kind == _Q4_0 else _content(_weight(names[0], shape, random).numpy(), kind)
        infos += [_text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *reversed(shape), kind, offset) for name in names]
        data.append(content + b"\0" * (-len(content) % _ARRAY_ALIGNMENT))
        offset += len(data[-1])
    head = b"GGUF" + struct.pack("<IQQ", 3, len(infos), 1) + _text("general.architecture") + struct.pack("<I", _TEXT) + _text(architecture)
    head += b"".join(infos)
    path.write_bytes(head + b"\0" * (-len(head) % _ARRAY_ALIGNMENT) + b"".join(data))


if __name__ == "__main__":
    target = Path(sys.argv[1])
    for each in sys.argv[2:] or MODELS:
        write_model(each, target)
        write_lora(each, target / "Lora" / f"random-{each}-lora.safetensors")
