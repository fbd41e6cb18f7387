"""Names and shapes of small flow models that Forge and Forge Neo load: their transformers with one block, text encoders and VAEs.

Neo reads the number of blocks of Z-Image, FLUX.2-klein and Qwen-Image from the file, but not that of Z-Image's refiners. Fixed are all
widths, Anima's 28 blocks, the layers of the text encoders and the VAE. A GGUF's layers may have any shape, so the MLPs there are narrow.
Forge builds all of FLUX.1's 57 blocks, unless the extension `few_blocks` is beside it; its layers take the shapes that the file has.
"""
from __future__ import annotations

from itertools import pairwise

from tests.webui.make_tiny_checkpoints import clip, vae

Shapes = dict[str, tuple[int, ...]]
Stacks = dict[str, tuple[int, Shapes]]
"""Blocks that are alike, by their prefix: how many, and the shapes of one."""
SLIM, MODULATION = 64, 256
"""Widths of an MLP, and of FLUX.1's modulation, where they are free."""


def linear(d: Shapes, name: str, width_in: int, width_out: int, bias: bool = False) -> None:
    d[name + ".weight"] = (width_out, width_in)
    if bias:
        d[name + ".bias"] = (width_out,)


# ----------------------------------------------------------------- transformers: the shapes outside their blocks, and the blocks

def anima() -> tuple[Shapes, Stacks]:
    c, ends, block, adapter = 2048, {}, {}, {}
    linear(ends, "x_embedder.proj.1", 68, c)
    linear(ends, "t_embedder.1.linear_1", c, c)
    linear(ends, "t_embedder.1.linear_2", c, 3 * c)
    ends["t_embedding_norm.weight"] = (c,)
    linear(ends, "final_layer.linear", c, 64)
    linear(ends, "final_layer.adaln_modulation.1", c, 256)
    linear(ends, "final_layer.adaln_modulation.2", 256, 2 * c)
    for part, context in (("self_attn", c), ("cross_attn", 1024)):
        for x, width in (("q_proj", c), ("k_proj", context), ("v_proj", context), ("output_proj", c)):
            linear(block, f"{part}.{x}", width, c)
        block[part + ".q_norm.weight"] = block[part + ".k_norm.weight"] = (128,)
    linear(block, "mlp.layer1", c, SLIM)
    linear(block, "mlp.layer2", SLIM, c)
    for part in ("self_attn", "cross_attn", "mlp"):
        linear(block, f"adaln_modulation_{part}.1", c, 256)
        linear(block, f"adaln_modulation_{part}.2", 256, 3 * c)
    a = 1024
    ends["llm_adapter.embed.weight"] = (32128, a)
    linear(ends, "llm_adapter.out_proj", a, a, True)
    ends["llm_adapter.norm.weight"] = (a,)
    for part in ("self_attn", "cross_attn"):
        adapter[f"norm_{part}.weight"] = (a,)
        for x in "qkvo":
            linear(adapter, f"{part}.{x}_proj", a, a)
        adapter[part + ".q_norm.weight"] = adapter[part + ".k_norm.weight"] = (64,)
    adapter["norm_mlp.weight"] = (a,)
    linear(adapter, "mlp.0", a, SLIM, True)
    linear(adapter, "mlp.2", SLIM, a, True)
    return ends, {"blocks": (28, block), "llm_adapter.blocks": (6, adapter)}


def z_image() -> tuple[Shapes, Stacks]:
    c, ff, ends, block = 3840, 10240, {}, {}
    linear(ends, "x_embedder", 64, c, True)
    linear(ends, "t_embedder.mlp.0", 256, 1024, True)
    linear(ends, "t_embedder.mlp.2", 1024, 256, True)
    ends["cap_embedder.0.weight"] = (2560,)
    linear(ends, "cap_embedder.1", 2560, c, True)
    linear(ends, "final_layer.linear", c, 64, True)
    linear(ends, "final_layer.adaLN_modulation.1", 256, c, True)
    ends["x_pad_token"] = ends["cap_pad_token"] = (1, c)
    linear(block, "attention.qkv", c, 3 * c)
    linear(block, "attention.out", c, c)
    block["attention.q_norm.weight"] = block["attention.k_norm.weight"] = (128,)
    for x, i, o in (("w1", c, ff), ("w2", ff, c), ("w3", c, ff)):
        linear(block, "feed_forward." + x, i, o)
    for x in ("attention_norm1", "attention_norm2", "ffn_norm1", "ffn_norm2"):
        block[x + ".weight"] = (c,)
    modulated = dict(block)
    linear(modulated, "adaLN_modulation.0", 256, 4 * c, True)
    return ends, {"layers": (1, modulated), "noise_refiner": (2, modulated), "context_refiner": (2, block)}


def klein() -> tuple[Shapes, Stacks]:
    c, ends, double, single = 3072, {}, {}, {}
    linear(ends, "img_in", 128, c)
    linear(ends, "txt_in", 3 * 2560, c)
    linear(ends, "time_in.in_layer", 256, c)
    linear(ends, "time_in.out_layer", c, c)
    for x, width in (("double_stream_modulation_img", 6 * c), ("double_stream_modulation_txt", 6 * c), ("single_stream_modulation", 3 * c)):
        linear(ends, x + ".lin", c, width)
    linear(ends, "final_layer.linear", c, 128)
    linear(ends, "final_layer.adaLN_modulation.1", c, 2 * c)
    for s in ("img", "txt"):
        linear(double, f"{s}_attn.qkv", c, 3 * c)
        linear(double, f"{s}_attn.proj", c, c)
        double[f"{s}_attn.norm.query_norm.scale"] = double[f"{s}_attn.norm.key_norm.scale"] = (128,)
        linear(double, f"{s}_mlp.0", c, 6 * c)
        linear(double, f"{s}_mlp.2", 3 * c, c)
    linear(single, "linear1", c, 9 * c)
    linear(single, "linear2", 4 * c, c)
    single["norm.query_norm.scale"] = single["norm.key_norm.scale"] = (128,)
    return ends, {"double_blocks": (1, double), "single_blocks": (1, single)}


def flux(guided: bool) -> tuple[Shapes, Stacks]:
    """FLUX.1-dev, or without `guided` FLUX.1-schnell."""
    c, ends, double, single = 3072, {}, {}, {}
    linear(ends, "img_in", 64, c, True)
    linear(ends, "txt_in", 4096, c, True)
    for x, width in (("time_in", 256), ("vector_in", 768), *([("guidance_in", 256)] if guided else [])):
        linear(ends, x + ".in_layer", width, MODULATION, True)
        linear(ends, x + ".out_layer", MODULATION, MODULATION, True)
    linear(ends, "final_layer.linear", c, 64, True)
    linear(ends, "final_layer.adaLN_modulation.1", MODULATION, 2 * c, True)
    for s in ("img", "txt"):
        linear(double, f"{s}_mod.lin", MODULATION, 6 * c, True)
        linear(double, f"{s}_attn.qkv", c, 3 * c, True)
        linear(double, f"{s}_attn.proj", c, c, True)
        double[f"{s}_attn.norm.query_norm.scale"] = double[f"{s}_attn.norm.key_norm.scale"] = (128,)
        linear(double, f"{s}_mlp.0", c, SLIM, True)
        linear(double, f"{s}_mlp.2", SLIM, c, True)
    linear(single, "modulation.lin", MODULATION, 3 * c, True)
    linear(single, "linear1", c, 7 * c, True)
    linear(single, "linear2", 5 * c, c, True)
    single["norm.query_norm.scale"] = single["norm.key_norm.scale"] = (128,)
    return ends, {"double_blocks": (1, double), "single_blocks": (1, single)}


def qwen() -> tuple[Shapes, Stacks]:
    c, ends, block = 3072, {}, {}
    linear(ends, "img_in", 64, c, True)
    linear(ends, "txt_in", 3584, c, True)
    ends["txt_norm.weight"] = (3584,)
    linear(ends, "time_text_embed.timestep_embedder.linear_1", 256, c, True)
    linear(ends, "time_text_embed.timestep_embedder.linear_2", c, c, True)
    linear(ends, "norm_out.linear", c, 2 * c, True)
    linear(ends, "proj_out", c, 64, True)
    for s in ("img", "txt"):
        linear(block, f"{s}_mod.1", c, 6 * c, True)
        linear(block, f"{s}_mlp.net.0.proj", c, 4 * c, True)
        linear(block, f"{s}_mlp.net.2", 4 * c, c, True)
    for x in ("to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"):
        linear(block, "attn." + x, c, c, True)
    for x in ("norm_q", "norm_k", "norm_added_q", "norm_added_k"):
        block[f"attn.{x}.weight"] = (128,)
    return ends, {"transformer_blocks": (1, block)}


# ------------------------------------------------------- text encoders, in llama.cpp's names: layers, width, heads, key heads, vocabulary

TEXT = {"qwen3_06b": (28, 1024, 16, 8, 151936), "qwen3_4b": (36, 2560, 32, 8, 151936), "qwen25_7b": (28, 3584, 28, 4, 152064)}


def text_encoder(name: str) -> tuple[Shapes, Stacks]:
    others = {"clip_l": clip_l, "t5": t5}
    return others[name]() if name in others else qwen_text(name)


def clip_l() -> tuple[Shapes, Stacks]:
    """In transformers' names."""
    return {name: shape for name, shape in clip("text_model.", 768, layers=12).items() if "position_ids" not in name}, {}


def t5() -> tuple[Shapes, Stacks]:
    """The encoder of T5 XXL, with 64 narrow heads."""
    c, inner = 4096, 256
    ends: Shapes = {"token_embd.weight": (32128, c), "enc.output_norm.weight": (c,), "enc.blk.0.attn_rel_b.weight": (32, 64)}
    block: Shapes = {"attn_norm.weight": (c,), "ffn_norm.weight": (c,)}
    for x, i, o in (("attn_q", c, inner), ("attn_k", c, inner), ("attn_v", c, inner), ("attn_o", inner, c)):
        linear(block, x, i, o)
    for x, i, o in (("gate", c, SLIM), ("up", c, SLIM), ("down", SLIM, c)):
        linear(block, "ffn_" + x, i, o)
    return ends, {"enc.blk": (24, block)}


def qwen_text(name: str) -> tuple[Shapes, Stacks]:
    layers, c, heads, kv, vocabulary = TEXT[name]
    ends: Shapes = {"token_embd.weight": (vocabulary, c), "output_norm.weight": (c,)}
    block: Shapes = {"attn_norm.weight": (c,), "ffn_norm.weight": (c,)}
    older = name.startswith("qwen25")       # biases instead of norms
    for x, count in (("q", heads), ("k", kv), ("v", kv)):
        linear(block, "attn_" + x, c, count * 128, older)
    linear(block, "attn_output", heads * 128, c)
    if not older:
        block["attn_q_norm.weight"] = block["attn_k_norm.weight"] = (128,)
    for x, i, o in (("gate", c, SLIM), ("up", c, SLIM), ("down", SLIM, c)):
        linear(block, "ffn_" + x, i, o)
    return ends, {"blk": (layers, block)}


# ------------------------------------------------------------------------------------------------------------------- VAEs


def flux_vae() -> Shapes:
    shapes = vae(128, latents=16)
    return {name.removeprefix("first_stage_model."): shape for name, shape in shapes.items() if "quant_conv" not in name}


def flux2_vae() -> Shapes:
    shapes = {name.removeprefix("first_stage_model."): shape for name, shape in vae(128, latents=32).items()}
    return {**shapes, "bn.running_mean": (128,), "bn.running_var": (128,)}


def qwen_vae() -> Shapes:
    """The two-dimensional form, which Neo takes as well: a third of the size."""
    d: Shapes = {}
    widths = (96, 96, 192, 384, 384)

    def conv(name: str, i: int, o: int, k: int = 3) -> None:
        d[name + ".weight"], d[name + ".bias"] = (o, i, k, k), (o,)

    def res(name: str, i: int, o: int) -> None:
        d[name + ".norm1.gamma"], d[name + ".norm2.gamma"] = (i, 1, 1), (o, 1, 1)
        conv(name + ".conv1", i, o)
        conv(name + ".conv2", o, o)
        if i != o:
            conv(name + ".conv_shortcut", i, o, 1)

    def middle(name: str) -> None:
        res(name + ".resnets.0", 384, 384)
        d[name + ".attentions.0.norm.gamma"] = (384, 1, 1)
        conv(name + ".attentions.0.to_qkv", 384, 3 * 384, 1)
        conv(name + ".attentions.0.proj", 384, 384, 1)
        res(name + ".resnets.1", 384, 384)

    conv("encoder.conv_in", 3, 96)
    i = 0
    for level, (a, b) in enumerate(pairwise(widths)):
        for inputs in (a, b):
            res(f"encoder.down_blocks.{i}", inputs, b)
            i += 1
        if level < 3:
            conv(f"encoder.down_blocks.{i}.resample.1", b, b)
            i += 1
    middle("encoder.mid_block")
    d["encoder.norm_out.gamma"] = (384, 1, 1)
    conv("encoder.conv_out", 384, 32)
    conv("quant_conv", 32, 32, 1)
    conv("post_quant_conv", 16, 16, 1)
    conv("decoder.conv_in", 16, 384)
    middle("decoder.mid_block")
    for level, (a, b) in enumerate(((384, 384), (192, 384), (192, 192), (96, 96))):
        for j in range(3):
            res(f"decoder.up_blocks.{level}.resnets.{j}", a if j == 0 else b, b)
        if level < 3:
            conv(f"decoder.up_blocks.{level}.upsamplers.0.resample.1", b, b // 2)
    d["decoder.norm_out.gamma"] = (96, 1, 1)
    conv("decoder.conv_out", 96, 3)
    return d


