"""Which architecture a file is of: told from names and shapes alone, in all the names that tools give them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from lib_fewstep.core.layout import KOHYA, OTHER, PEFT, Layout, Transformer, layout_of, naming_of
from tests.core.lora_files import SD15, SD21, SDXL, SSD1B, UNETS, VEGA, Shapes, Unet, attention_weights, kohya, lora_pair, modules

WIDE = {
    "cross_attention_dim": 2048,
    "block_out_channels": (320, 640, 1280),
    "attention_head_dim": (5, 10, 20),
    "use_linear_projection": True,
}
TWO_ATTENDING = {
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
}
NO_MIDDLE = {"mid_block_type": "UNetMidBlock2D"}
# As diffusers' UNet2DConditionModel wants them. SSD-1B and Vega: after the architectures that ComfyUI and Segmind publish.
CONFIGS: dict[str, dict[str, Any]] = {
    "sd15": {"cross_attention_dim": 768},
    "sd21": {"cross_attention_dim": 1024, "attention_head_dim": (5, 10, 20, 20), "use_linear_projection": True},
    "sdxl": {**WIDE, **TWO_ATTENDING, "transformer_layers_per_block": (1, 2, 10)},
    "ssd1b": {
        **WIDE, **TWO_ATTENDING, **NO_MIDDLE, "transformer_layers_per_block": (1, (2, 2), (4, 4)),
        "reverse_transformer_layers_per_block": ((4, 4, 10), (2, 1, 1), 1),
    },
    "vega": {**WIDE, **TWO_ATTENDING, **NO_MIDDLE, "transformer_layers_per_block": (1, 1, 2)},
}  # fmt: skip


@pytest.fixture(scope="module")
def networks() -> dict[str, Any]:
    """diffusers' own networks, of real width, without memory for their weights."""
    diffusers, torch = pytest.importorskip("diffusers"), pytest.importorskip("torch")
    with torch.device("meta"):
        return {family: diffusers.UNet2DConditionModel(**config) for family, config in CONFIGS.items()}


# ------------------------------------------------------------------------------------------------------------------ U-Nets


@pytest.mark.parametrize("family", CONFIGS)
def test_a_unet_of_diffusers_is_of_its_family(family: str, networks: dict[str, Any]) -> None:
    found = layout_of({name: tuple(weight.shape) for name, weight in networks[family].named_parameters()})
    assert found.family == family
    assert found.context == CONFIGS[family]["cross_attention_dim"]
    assert found.channels == 4 and not found.reads_picture


@pytest.mark.parametrize("family", CONFIGS)
def test_the_lists_of_modules_in_these_tests_are_those_of_diffusers(family: str, networks: dict[str, Any]) -> None:
    """Of the modules that the published LoRAs change: every module but embeddings, the two ends and normalisations."""
    wanted = re.compile(r"^(down_blocks|mid_block|up_blocks)\..*(to_[qkv]|to_out\.0|proj_in|proj_out|proj|net\.2|conv\w*|time_emb_proj)$")
    theirs = {name: tuple(m.weight.shape) for name, m in networks[family].named_modules() if wanted.match(name) and hasattr(m, "weight")}
    assert modules(UNETS[family]) == theirs


@pytest.mark.parametrize("family", UNETS)
def test_the_names_of_ldm_say_the_same_as_those_of_diffusers(family: str) -> None:
    weights = attention_weights(UNETS[family])
    checkpoint = {f"model.diffusion_model.{ldm_name(name)}": shape for name, shape in weights.items()}
    found = layout_of(checkpoint | {"first_stage_model.decoder.mid.attn_1.q.weight": (512, 512, 1, 1)})
    assert found == layout_of(weights)
    assert found.family == family


def test_every_transformer_is_found_with_its_depth_and_widths() -> None:
    assert layout_of(attention_weights(VEGA)).transformers == {
        *(Transformer(f"down-1-{i}", 1, 640, 2048) for i in range(2)),
        *(Transformer(f"down-2-{i}", 2, 1280, 2048) for i in range(2)),
        *(Transformer(f"up-0-{i}", 2, 1280, 2048) for i in range(3)),
        *(Transformer(f"up-1-{i}", 1, 640, 2048) for i in range(3)),
    }


def test_a_narrow_unet_with_one_residual_block_a_level_is_of_its_family_too() -> None:
    """Its first downsampler tells how LDM numbers the blocks."""
    tiny = {
        "input_blocks.0.0.weight": (32, 4, 3, 3),
        "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (32, 768),
        "input_blocks.2.0.op.weight": (32, 32, 3, 3),
        "input_blocks.3.1.transformer_blocks.0.attn2.to_k.weight": (64, 768),
        "output_blocks.3.1.transformer_blocks.0.attn2.to_k.weight": (32, 768),
    }
    found = layout_of({f"model.diffusion_model.{name}": shape for name, shape in tiny.items()})
    assert {site.place for site in found.transformers} == {"down-0-0", "down-1-0", "up-1-1"}
    assert found.family == "sd15"


@pytest.mark.parametrize("channels, reads", [(4, False), (9, False), (8, True)])
@pytest.mark.parametrize("name", ("model.diffusion_model.input_blocks.0.0.weight", "input_blocks.0.0.weight", "conv_in.weight"))
def test_instruct_pix2pix_is_known_by_its_input(name: str, channels: int, reads: bool) -> None:
    assert layout_of({name: (320, channels, 3, 3)}).reads_picture == reads


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["weight", "", ".", "a.b.c"],
        ["double_blocks.0.img_attn.qkv.weight"],  # FLUX
        ["transformer_blocks.0.attn.to_q.weight"],  # SD3 in diffusers
        ["conditioner.embedders.0.transformer.text_model.encoder.layers.0.self_attn.q_proj.weight"],
        [
            f"down_blocks.{level}.attentions.0.transformer_blocks.{depth}.attn1.to_q.weight" for level, depth in ((1, 1), (2, 4))
        ],  # KOALA-700M
    ],
    ids=["nothing", "nonsense", "flux", "sd3", "text-encoder", "koala"],
)
def test_what_is_no_known_unet_is_of_no_family(names: list[str]) -> None:
    assert layout_of(dict.fromkeys(names, (8, 8))).family is None


# ------------------------------------------------------------------------------------------------------------------- LoRAs


def ldm_name(name: str) -> str:
    """diffusers' name of a module in a transformer, as LDM calls it; two residual blocks a level."""
    found = re.match(r"(down|up)_blocks\.(\d+)\.attentions\.(\d+)\.(.*)", name)
    if found is None:
        return name.replace("mid_block.attentions.0", "middle_block.1")
    level, index = int(found[2]), int(found[3])
    return f"input_blocks.{3 * level + index + 1}.1.{found[4]}" if found[1] == "down" else f"output_blocks.{3 * level + index}.1.{found[4]}"


def kohya_ldm(unet: Unet, rank: int = 4) -> Shapes:
    found: Shapes = {}
    for name, shape in modules(unet).items():
        if "attentions" in name:
            found |= lora_pair(
                "lora_unet_" + ldm_name(name).replace(".", "_"), shape, rank, ".lora_down.weight", ".lora_up.weight", ".alpha"
            )
    return found


def in_attention(before: str, down: str, up: str, change: Callable[[str], str] = str) -> Callable[[Unet], Shapes]:
    def named(unet: Unet) -> Shapes:
        found: Shapes = {}
        for name, shape in modules(unet).items():
            if ".to_" in name:
                found |= lora_pair(before + change(name), shape, 4, down, up)
        return found

    return named


def old_diffusers_name(name: str) -> str:
    return re.sub(r"\.to_(\w+)(\.0)?$", r".processor.to_\1", name)


NAMINGS: dict[str, tuple[Callable[[Unet], Shapes], str]] = {
    "kohya, diffusers' blocks": (kohya, KOHYA),
    "kohya, LDM's blocks": (kohya_ldm, KOHYA),
    "PEFT": (in_attention("unet.", ".lora_A.weight", ".lora_B.weight"), PEFT),
    "PEFT, as saved by itself": (in_attention("base_model.model.", ".lora_A.default.weight", ".lora_B.default.weight"), PEFT),
    "diffusers": (in_attention("unet.", ".lora.down.weight", ".lora.up.weight"), PEFT),
    "old diffusers": (in_attention("", "_lora.down.weight", "_lora.up.weight", old_diffusers_name), OTHER),
}  # fmt: skip


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("family", UNETS)
def test_a_lora_is_of_the_family_it_was_made_for_and_fits_its_unet(family: str, naming: str) -> None:
    make, kind = NAMINGS[naming]
    shapes = make(UNETS[family])
    found = layout_of(shapes)
    assert found.family == family
    assert naming_of(shapes) == kind
    assert found.misfit(layout_of(attention_weights(UNETS[family])), "x") is None


@pytest.mark.parametrize("lora", UNETS)
@pytest.mark.parametrize("unet", UNETS)
def test_a_lora_fits_its_own_family_and_no_other(lora: str, unet: str) -> None:
    reason = layout_of(kohya(UNETS[lora])).misfit(layout_of(attention_weights(UNETS[unet])), "x")
    assert (reason is None) == (lora == unet)


@pytest.mark.parametrize(
    "lora, unet, words",
    [
        (SD15, SDXL, ["was made for Stable Diffusion 1.5", "loaded checkpoint is SDXL"]),
        (SDXL, SD15, ["was made for SDXL", "loaded checkpoint is Stable Diffusion 1.5"]),
        (SD15, SD21, ["was made for Stable Diffusion 1.5", "loaded checkpoint is Stable Diffusion 2.1"]),
        (SSD1B, VEGA, ["was made for SSD-1B", "loaded checkpoint is Segmind Vega"]),
    ],
)
def test_a_misfit_says_for_what_it_was_made(lora: Unet, unet: Unet, words: list[str]) -> None:
    reason = layout_of(kohya(lora)).misfit(layout_of(attention_weights(unet)), "x")
    assert reason and all(word in reason for word in words)


SITE = Transformer("down-0-0", 1, 320, 768)


@pytest.mark.parametrize(
    "lora, words",
    [
        (Transformer("down-0-0", 1, 64, 768), ["64 channels wide at down-0-0", "not 320"]),
        (Transformer("down-0-0", 1, 0, 640), ["640 wide", "checkpoint 768"]),
        (Transformer("down-0-0", 3, 320, 768), ["down-0-0 (depth 3)", "that is not there"]),
        (Transformer("down-0-5", 1, 320, 768), ["down-0-5", "that is not there"]),
    ],
)
def test_a_misfit_within_the_family_says_where(lora: Transformer, words: list[str]) -> None:
    reason = Layout(frozenset({lora})).misfit(Layout(frozenset({SITE})), "x")
    assert reason and all(word in reason for word in words)


@pytest.mark.parametrize("family", UNETS)
@pytest.mark.parametrize(
    "part",
    ["attn1", "attn2", "attn2.to_q", "attn2.to_k", "mid_block", "down_blocks.1", "up_blocks.1", ".ff.", "resnets"],
    ids=lambda part: part.strip("."),
)
def test_a_lora_of_a_part_of_the_unet_is_never_refused_by_it(part: str, family: str) -> None:
    shapes = kohya(UNETS[family], names=[part])
    assert layout_of(shapes).misfit(layout_of(attention_weights(UNETS[family])), "x") is None


def test_a_lora_of_the_text_encoder_fits_everywhere() -> None:
    shapes = {"lora_te_text_model_encoder_layers_0_self_attn_q_proj.lora_down.weight": (4, 768)}
    found = layout_of(shapes)
    assert found.family is None and naming_of(shapes) == KOHYA
    assert all(found.misfit(layout_of(attention_weights(unet)), "x") is None for unet in UNETS.values())


def test_a_site_is_read_back_from_its_text() -> None:
    assert all(Transformer.parse(str(site)) == site for unet in UNETS.values() for site in layout_of(attention_weights(unet)).transformers)
