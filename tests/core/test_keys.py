"""How much of a LoRA the loaded transformer takes: hosts leave one out without a word of which they know less than half."""
from __future__ import annotations

import pytest

from lib_fewstep.core.layout import layout_of, network_layout
from tests.core.lora_files import Shapes

ZIMAGE = {f"model.diffusion_model.layers.{n}.{part}.weight": (shape, 3840) for n in range(30) for part, shape in (
    ("attention.qkv", 11520), ("attention.out", 3840), ("feed_forward.w1", 10240), ("feed_forward.w2", 10240), ("adaLN_modulation.0", 256),
)}  # fmt: skip
PARTS = ("attention.to_q", "attention.to_k", "attention.to_v", "attention.to_out.0", "feed_forward.w1")
QWEN = {f"transformer_blocks.{n}.{part}.weight": (3072, 3072) for n in range(60) for part in ("attn.to_q", "img_mod.1", "img_mlp.net.2")}


def lora(
    prefix: str, parts: tuple[str, ...], blocks: int, blocks_are: str = "layers", style: str = "lora_A lora_B", width: int = 3840
) -> Shapes:
    down, up = style.split()
    names = [f"{prefix}{blocks_are}.{n}.{part}" for n in range(blocks) for part in parts]
    if prefix.endswith("_"):
        names = [name.replace(".", "_") for name in names]
    return {f"{name}.{side}.weight": shape for name in names for side, shape in ((down, (4, width)), (up, (width, 4)))}


@pytest.mark.parametrize("prefix", ["diffusion_model.", "transformer.", "", "lora_unet_", "lycoris_"])
def test_a_lora_in_published_names_is_taken_as_a_whole(prefix: str) -> None:
    style = "lora_down lora_up" if prefix.endswith("_") else "lora_A lora_B"
    assert layout_of(lora(prefix, PARTS, 30, style=style)).misfit(network_layout(ZIMAGE), "x") is None


@pytest.mark.parametrize("more, taken", [(4, None), (5, None), (6, 45)])
def test_one_of_which_less_than_half_is_there_is_told_before(more: int, taken: int | None) -> None:
    spelt_otherwise = tuple(f"feed_forward.net.{n}" for n in range(more))
    text = layout_of(lora("diffusion_model.", (*PARTS, *spelt_otherwise), 30)).misfit(network_layout(ZIMAGE), "x")
    assert text is None if taken is None else f"only {taken} % of its keys" in (text or "")


def test_qwens_lightning_is_taken_and_another_networks_lora_is_not() -> None:
    names = lora("", ("attn.to_q", "img_mod.1"), 60, "transformer_blocks", "lora_down lora_up", 3072)
    assert layout_of(names).misfit(network_layout(QWEN), "x") is None
    strange = lora("", ("img_mod.1", *(f"attn.x{n}" for n in range(4))), 60, "transformer_blocks", "lora_down lora_up", 3072)
    assert "only 20 %" in (layout_of(strange).misfit(network_layout(QWEN), "x") or "")


def test_names_of_another_kind_as_a_whole_say_nothing() -> None:
    klein = {"single_blocks.0.linear1.weight": (27648, 3072), "single_stream_modulation.lin.weight": (9216, 3072)}
    diffusers = {"transformer.single_transformer_blocks.0.attn.to_qkv_mlp_proj.lora_A.weight": (4, 3072),
                 "transformer.single_transformer_blocks.0.attn.to_qkv_mlp_proj.lora_B.weight": (27648, 4)}  # fmt: skip
    assert layout_of(diffusers).misfit(network_layout(klein), "x") is None
