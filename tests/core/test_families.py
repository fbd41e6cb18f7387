"""Networks that are none of ours are known as such, and nothing is put on them. Tensor names are those of published files."""
from __future__ import annotations

import re
from dataclasses import replace

import pytest

from lib_fewstep.core.choose import Choice, Refusal, choose, fitting
from lib_fewstep.core.decide import make_plan
from lib_fewstep.core.detect import Detection, detect_checkpoint
from lib_fewstep.core.facts import Facts, InstalledLora
from lib_fewstep.core.families import FAMILIES, OTHER, label_of
from lib_fewstep.core.layout import KOHYA, Layout, layout_of, naming_of, network_layout
from lib_fewstep.core.layout import OTHER as OTHER_NAMES
from lib_fewstep.core.offers import offer_for
from lib_fewstep.core.request import NO_LORA, Request
from tests.core.lora_files import UNETS, Shapes, attention_weights, kohya
from tests.core.situations import LCM, TABLES, UNET_LAYOUTS, lora

FLUX = {
    "double_blocks.18.img_attn.qkv.weight": (9216, 3072), "single_blocks.37.linear1.weight": (21504, 3072),
    "guidance_in.in_layer.weight": (3072, 256),
}
SCHNELL = {name: shape for name, shape in FLUX.items() if "guidance" not in name}
NETWORKS: dict[str, Shapes] = {
    "flux": FLUX,
    "sd3": {"joint_blocks.23.x_block.attn.qkv.weight": (4608, 1536)},
    "chroma": {**SCHNELL, "distilled_guidance_layer.norms.0.scale": (5120,)},
    "klein": {
        "double_blocks.4.img_attn.qkv.weight": (9216, 3072), "single_blocks.19.linear1.weight": (27648, 3072),
        "double_stream_modulation_img.lin.weight": (18432, 3072),
    },
    "flux2": {
        "double_blocks.7.img_attn.qkv.weight": (18432, 6144), "single_blocks.47.linear1.weight": (55296, 6144),
        "double_stream_modulation_img.lin.weight": (36864, 6144), "guidance_in.in_layer.weight": (6144, 256),
    },
    "qwen-image": {"transformer_blocks.0.attn.to_q.weight": (3072, 3072), "transformer_blocks.0.img_mod.1.weight": (18432, 3072)},
    "z-image": {"layers.0.attention.qkv.weight": (11520, 3840), "x_pad_token": (1, 3840), "noise_refiner.0.attention.out.weight": (8, 8)},
    "lumina2": {"layers.0.attention.qkv.weight": (3840, 2304), "noise_refiner.0.attention.out.weight": (2304, 2304)},
    "anima": {"blocks.0.self_attn.q_proj.weight": (2048, 2048), "llm_adapter.embed.weight": (32128, 1024)},
    "wan": {"blocks.0.self_attn.q.weight": (5120, 5120), "head.modulation": (1, 2, 5120)},
    "krea2": {"blocks.0.attn.wq.weight": (8, 8), "txtfusion.projector.weight": (1, 12)},
    "ernie": {"layers.0.mlp.linear_fc2.weight": (8, 8), "layers.0.self_attention.to_q.weight": (8, 8)},
    OTHER: {"transformer.layers.0.weight": (8, 8)},
}
BESIDE = {
    "text_encoders.t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.q.weight": (4096, 4096),
    "text_encoders.clip_l.transformer.text_model.encoder.layers.0.self_attn.q_proj.weight": (768, 768),
    "text_encoders.qwen3_4b.transformer.model.layers.27.self_attn.q_proj.weight": (4096, 2560),
    "text_encoders.umt5xxl.transformer.encoder.block.0.layer.0.SelfAttention.k.weight": (4096, 4096),
    "vae.decoder.mid.attn_1.q.weight": (512, 512, 1, 1), "vae.decoder.up.0.block.0.conv1.weight": (128, 128, 3, 3),
}
ALIKE: dict[str, tuple[str, Shapes]] = {
    "Z-Image without its padding tokens": ("z-image", {"layers.0.attention.qkv.weight": (11520, 3840)}),
    "Z-Image of diffusers": ("z-image", {"layers.0.attention.to_q.weight": (3840, 3840), "layers.0.feed_forward.w1.weight": (10240, 3840)}),
    "a NextDiT of another width": (OTHER, {"layers.0.attention.qkv.weight": (4096, 1024)}),
    "FLUX.2-klein 9B": ("klein", {"single_blocks.23.linear1.weight": (36864, 4096), "single_stream_modulation.lin.weight": (8, 4096)}),
    "Cosmos 14B, without an adapter": (OTHER, {"blocks.0.self_attn.q_proj.weight": (5120, 5120)}),
    "Wan 1.3B": ("wan", {"blocks.0.self_attn.q.weight": (1536, 1536)}),
    "Nunchaku Qwen-Image": ("qwen-image", {"transformer_blocks.0.img_mlp.net.0.qweight": (12288, 1536)}),
}
"""Tensors of like names that shapes tell apart; and a file that holds several weights in one number."""
FOREIGN = [family for family in NETWORKS if family not in FAMILIES]


def network(shapes: Shapes) -> Layout:
    return network_layout({f"model.diffusion_model.{name}": shape for name, shape in shapes.items()} | BESIDE)


@pytest.mark.parametrize("family", NETWORKS)
def test_a_network_is_known_by_its_tensors_whatever_is_in_the_file_beside_it(family: str) -> None:
    assert network(NETWORKS[family]).family == family
    assert network_layout(NETWORKS[family]).family == family


@pytest.mark.parametrize("name", ALIKE)
def test_networks_of_like_names_are_told_apart_by_their_shapes(name: str) -> None:
    family, shapes = ALIKE[name]
    assert network(shapes).family == family


@pytest.mark.parametrize("family, shapes, width, depth", [
    ("z-image", {"layers.29.attention.qkv.weight": (11520, 3840)}, 3840, 30),
    ("wan", {"blocks.39.self_attn.q.weight": (5120, 5120)}, 5120, 40),
    ("anima", {**NETWORKS["anima"], "llm_adapter.blocks.63.self_attn.q_proj.weight": (1024, 1024)}, 2048, 1),
    ("klein", NETWORKS["klein"], 3072, 20), ("ernie", NETWORKS["ernie"], 8, 1),
])  # fmt: skip
def test_depth_and_width_are_the_transformers_and_not_those_of_what_is_beside_it(
    family: str, shapes: Shapes, width: int, depth: int
) -> None:
    layout = network(shapes)
    assert layout.family == family
    assert max(layout.transformers, key=lambda each: each.depth).depth == depth and {each.width for each in layout.transformers} == {width}


@pytest.mark.parametrize("family", [family for family in NETWORKS if family not in (OTHER, "flux2", "sd3")])
def test_a_network_whose_shapes_are_packed_is_known_by_its_names(family: str) -> None:
    """As in GGUF and Nunchaku files, or with scales beside the weights as in fp8."""
    shapes = {name: (size[0], max(1, size[-1] // 2)) for name, size in NETWORKS[family].items()}
    assert network_layout(shapes, shapes).family == family
    scaled = {**NETWORKS[family], **{name.replace(".weight", ".scale_weight"): (1,) for name in NETWORKS[family]}}
    assert network_layout(scaled).family == family


@pytest.mark.parametrize("family", UNETS)
def test_a_unet_is_none_of_them(family: str) -> None:
    assert network(attention_weights(UNETS[family])).family == family


LORAS: dict[str, tuple[str | None, Shapes]] = {
    "Qwen-Image Lightning": ("qwen-image", {f"transformer_blocks.0.{part}.lora_down.weight": (4, 3072)
                                            for part in ("attn.to_q", "img_mlp.net.2")}),
    "Qwen-Image, attention only": ("qwen-image", {f"transformer.transformer_blocks.{n}.attn.to_q.lora_A.weight": (4, 3072)
                                                  for n in range(60)}),
    "Qwen-Image of kohya": ("qwen-image", {"lora_unet_transformer_blocks_0_img_mod_1.lora_down.weight": (4, 3072)}),
    "SD3 of diffusers": ("sd3", {f"transformer.transformer_blocks.{n}.attn.{part}.lora_A.weight": (4, 1536)
                                 for n in range(24) for part in ("to_q", "add_k_proj")}),
    "FLUX.1 of diffusers": ("flux", {"transformer.transformer_blocks.0.attn.add_k_proj.lora_A.weight": (4, 3072),
                                     "transformer.single_transformer_blocks.37.attn.to_q.lora_A.weight": (4, 3072)}),
    "FLUX.1 of kohya": ("flux", {"lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight": (4, 3072),
                                 "lora_unet_single_blocks_0_linear1.lora_down.weight": (4, 3072)}),
    "FLUX.2 of diffusers": ("flux2", {"transformer.single_transformer_blocks.0.attn.to_qkv_mlp_proj.lora_A.weight": (4, 6144),
                                      "transformer.single_transformer_blocks.0.attn.to_qkv_mlp_proj.lora_B.weight": (55296, 4)}),
    "klein of diffusers": ("klein", {"transformer.single_transformer_blocks.0.attn.to_qkv_mlp_proj.lora_A.weight": (4, 3072),
                                     "transformer.single_transformer_blocks.0.attn.to_qkv_mlp_proj.lora_B.weight": (27648, 4)}),
    "klein 9B of its authors": ("klein", {"diffusion_model.single_blocks.0.linear1.lora_A.weight": (4, 4096),
                                          "diffusion_model.single_blocks.0.linear1.lora_B.weight": (36864, 4)}),
    "FLUX.1 of its authors": ("flux", {"diffusion_model.single_blocks.0.linear1.lora_A.weight": (4, 3072),
                                       "diffusion_model.single_blocks.0.linear1.lora_B.weight": (21504, 4)}),
    "Z-Image, one block": ("z-image", {"diffusion_model.layers.0.attention.to_q.lora_A.weight": (4, 3840)}),
    "Z-Image, feed-forward of kohya": ("z-image", {"lora_unet_layers_0_feed_forward_w1.lora_down.weight": (4, 3840)}),
    "NextDiT of another width": (OTHER, {"diffusion_model.layers.0.attention.to_q.lora_A.weight": (4, 1024)}),
    "Krea 2": ("krea2", {"diffusion_model.txtfusion.projector.lora_A.weight": (4, 12)}),
    "ERNIE-Image": ("ernie", {"transformer.layers.0.mlp.linear_fc1.lora_A.weight": (4, 4096)}),
    "Z-Image": ("z-image", {f"diffusion_model.layers.{n}.attention.to_q.lora_A.weight": (4, 3840) for n in range(30)}),
    "Lumina 2": ("lumina2", {"diffusion_model.layers.0.attention.to_q.lora_A.weight": (4, 2304)}),
    "Anima": ("anima", {"diffusion_model.blocks.0.self_attn.q_proj.lora_A.weight": (4, 2048)}),
    "Wan": ("wan", {"diffusion_model.blocks.0.cross_attn.k.lora_down.weight": (4, 5120)}),
    "text encoder": (None, {"lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight": (4, 768)}),
    "names of nobody": (None, {"something.lora_down.weight": (4, 8)}),
}


@pytest.mark.parametrize("name", LORAS)
def test_a_lora_is_of_the_family_it_was_made_for(name: str) -> None:
    family, shapes = LORAS[name]
    assert layout_of(shapes).family == family


def installed(name: str, method: str | None = None) -> InstalledLora:
    shapes = LORAS[name][1]
    return InstalledLora(name, Detection(method, "its name says so", layout_of(shapes), naming_of(shapes)))


HYPER_FLUX = installed("FLUX.1 of kohya", "hyper-flux-8")
QWEN = installed("Qwen-Image Lightning")
LUMINA = installed("Lumina 2")


def refusal(request: Request, facts: Facts) -> str:
    with pytest.raises(Refusal) as refused:
        choose(request, facts, TABLES)
    return str(refused.value)


@pytest.mark.parametrize("asked", [
    {}, {"method": "lcm"}, {"method": "hyper-flux-8"}, {"method": "lcm", "lora": NO_LORA}, {"lora": HYPER_FLUX.name}, {"lora": LCM.name},
    {"lora": QWEN.name, "method": "lcm"}, {"prompt": f"a <lora:{HYPER_FLUX.name}:1>"}, {"prompt": f"a <lora:{QWEN.name}:1>"},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("family", FOREIGN)
def test_nothing_runs_on_a_network_that_no_method_was_made_for(family: str, asked: dict[str, str]) -> None:
    there = Facts(network(NETWORKS[family]), (HYPER_FLUX, LCM, QWEN))
    text = refusal(Request(**asked), there)  # type: ignore[arg-type]
    assert label_of(family) in text and "has no method" in text
    plan = make_plan(Request(**asked), there, TABLES)  # type: ignore[arg-type]
    assert not plan.active and plan.tag == "" and plan.steps == 0
    assert fitting(there, TABLES) == [] and offer_for(Request(), there, TABLES) is None


@pytest.mark.parametrize("unet", [None, UNET_LAYOUTS["sdxl"], UNET_LAYOUTS["flux"]], ids=["unknown", "sdxl", "flux"])
def test_a_lora_of_a_family_without_methods_is_refused_in_true_words(unet: Layout | None) -> None:
    text = refusal(Request(lora=LUMINA.name, method="lcm"), Facts(unet, (LUMINA, LCM)))
    assert "made for Lumina 2" in text and "has no method" in text and "tensor names" not in text


def test_what_could_not_be_read_is_no_other_network() -> None:
    assert network_layout({}).family is None and Facts().family is None
    assert choose(Request(), Facts(None, (LCM,)), TABLES).lora == LCM
    packed = attention_weights(UNETS["sd15"])
    assert network_layout(packed, packed).family is None, "a text width that is not seen leaves it open"


@pytest.mark.parametrize("family", ["sdxl", "flux"])
def test_a_4_bit_network_is_of_its_family_and_takes_its_loras(family: str) -> None:
    """Quantised weights have the shape (n, 1), or half the width and whole numbers."""
    shapes = attention_weights(UNETS[family]) if family in UNETS else FLUX
    of_family = layout_of(kohya(UNETS[family])) if family in UNETS else HYPER_FLUX.detection.layout
    text = {name for name in shapes if "attn2.to_k" in name}
    flat = network_layout({name: shape if name in text else (shape[0] * shape[1], 1) for name, shape in shapes.items()})
    halved = [name for name in shapes if name not in text]
    half = network_layout({**shapes, **{name: (shapes[name][0], shapes[name][1] // 2) for name in halved}}, halved)
    assert flat.family == half.family == family
    assert of_family.misfit(flat, "x") is None and of_family.misfit(half, "x") is None


def sd3(depth: int, width: int) -> Shapes:
    return {f"joint_blocks.{n}.x_block.attn.qkv.weight": (3 * width, width) for n in range(depth)}


def test_an_sd3_medium_lora_is_not_for_sd35_large() -> None:
    medium, large = (layout_of({f"lora_unet_{name.removesuffix('.weight').replace('.', '_')}.lora_down.weight": (4, shape[1])
                                for name, shape in sd3(*size).items()}) for size in ((24, 1536), (38, 2432)))  # fmt: skip
    assert "1536 channels wide" in (medium.misfit(network(sd3(38, 2432)), "x") or "")
    assert large.misfit(network(sd3(24, 1536)), "x") is not None
    assert medium.misfit(network(sd3(24, 1536)), "x") is None and large.misfit(network(sd3(38, 2432)), "x") is None


def test_a_lora_that_tells_no_shapes_is_refused_by_its_family() -> None:
    there = Facts(UNET_LAYOUTS["sd15"], (lora("Hyper-FLUX", "hyper-flux-8", family="none", naming=KOHYA),))
    assert "made for FLUX.1" in refusal(Request(), there)
    assert "made for FLUX.1" in refusal(Request(method="hyper-flux-8"), there)


# ------------------------------------------------------------------------------------------------------------- FLUX without guidance


def schnell(name: str, shapes: Shapes = SCHNELL) -> Facts:
    layout = network(shapes)
    return Facts(layout, (HYPER_FLUX,), checkpoint=detect_checkpoint(name, layout, {}, TABLES))


def test_flux_without_guidance_is_schnell_whatever_its_name() -> None:
    assert choose(Request(), schnell("my-own"), TABLES) == Choice(TABLES.profiles["flux-schnell"])
    assert choose(Request(), schnell("my-own", FLUX), TABLES).lora == HYPER_FLUX
    assert offer_for(Request(), schnell("my-own"), TABLES) is None


@pytest.mark.parametrize("name", ["OpenFLUX.1", "libreflux", "flux-dev-de-distill"])
def test_flux_that_was_de_distilled_is_not_and_gets_no_lora_of_dev(name: str) -> None:
    assert "takes no guidance" in refusal(Request(), schnell(name))
    assert "takes no guidance" in refusal(Request(method="hyper-flux-8"), schnell(name))
    assert offer_for(Request(), replace(schnell(name), loras=()), TABLES) is None


# --------------------------------------------------------------------------------------------------------- what may be an accelerator


def suspect(name: str) -> InstalledLora:
    return InstalledLora(name, Detection(None, "unreadable: it is a .pt or .ckpt file", readable=False, suspected=True, naming=OTHER_NAMES))


def test_nothing_is_added_to_a_lora_that_may_be_an_accelerator() -> None:
    there = Facts(UNET_LAYOUTS["sd15"], (LCM, suspect("TCD-SD15-LoRA-pt")))
    prompt = "a cat <lora:TCD-SD15-LoRA-pt:0.8>"
    for asked in (Request(), Request(method="lcm"), Request(lora=LCM.name)):
        text = refusal(replace(asked, prompt=prompt), there)
        assert "<lora:TCD-SD15-LoRA-pt:0.8>" in text and ".pt" in text and "LoRA to None" in text
    assert choose(Request(prompt=prompt, method="tcd", lora=NO_LORA), there, TABLES).lora is None
    assert choose(Request(prompt="a cat <lora:another:1>"), there, TABLES).lora == LCM


def test_of_several_files_with_one_name_it_is_said_which_are_passed_over() -> None:
    double = replace(LCM, shadowed=("old/lcm-sd15.safetensors",))
    assert "old/lcm-sd15.safetensors" in choose(Request(), Facts(UNET_LAYOUTS["sd15"], (double,)), TABLES).notes[0]
    assert choose(Request(), Facts(UNET_LAYOUTS["sd15"], (LCM,)), TABLES).notes == ()


@pytest.mark.parametrize("method, close", [
    ("hyper-sdxl-9", "hyper-sdxl-8"), ("lightnin", "lightning"), ("LCM ", "lcm"), ("x" * 200, "hyper-sdxl-8"),
])  # fmt: skip
def test_an_unknown_method_names_a_few_close_ones(method: str, close: str) -> None:
    text = refusal(Request(method=method), Facts(UNET_LAYOUTS["sdxl"], ()))
    named = re.split(", | or ", text.split("such as ")[1])
    assert "is not known" in text and any(close in key for key in named) and len(named) <= 5 and set(named) <= set(TABLES.profiles)
