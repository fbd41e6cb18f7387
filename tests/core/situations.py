"""Checkpoints and LoRAs as facts for a plan, without files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lib_fewstep.core.detect import Detection
from lib_fewstep.core.facts import Facts, InstalledLora
from lib_fewstep.core.layout import KOHYA, Layout, layout_of
from lib_fewstep.core.profiles import CHECKPOINT, LORA, Profile
from lib_fewstep.core.tables import load_tables
from tests.core.lora_files import UNETS, attention_weights, kohya

TABLES = load_tables()
UNET_LAYOUTS = {family: layout_of(attention_weights(unet)) for family, unet in UNETS.items()}
LORA_LAYOUTS = {family: layout_of(kohya(unet)) for family, unet in UNETS.items()}
for family, block in {"flux": "single_blocks.0", "sd3": "joint_blocks.0"}.items():
    names = (f"model.diffusion_model.{block}.linear1.weight", "model.diffusion_model.guidance_in.in_layer.weight")
    UNET_LAYOUTS[family] = LORA_LAYOUTS[family] = layout_of(dict.fromkeys(names, (64, 64)))
NOWHERE = Layout(frozenset())


def lora(name: str, method: str | None = None, family: str = "sd15", aliases: tuple[str, ...] = (), **more: Any) -> InstalledLora:
    """An installed LoRA, recognised as `method`."""
    known: dict[str, Any] = {"reason": "its name says so", "layout": LORA_LAYOUTS.get(family, NOWHERE), "naming": KOHYA, **more}
    return InstalledLora(name, Detection(method, **known), aliases)


LCM, TCD, HYPER_8 = (
    lora("lcm-sd15", "lcm"),
    lora("TCD-SD15-LoRA", "tcd", aliases=("tcd alias",)),
    lora("Hyper-SD15-8steps-lora", "hyper-sd15-8"),
)
STYLE = lora("style")
LIGHTNING = lora("sdxl_lightning_4step_lora", "lightning-4", "sdxl")
BROKEN = lora("broken", None, "", readable=False, reason="unreadable: the file is empty")


def facts(family: str | None = "sd15", *loras: InstalledLora, **more: Any) -> Facts:
    known = {"calls_per_step": {"DPM++ SDE": 2, "Heun": 2}, **more}
    return Facts(None if family is None else UNET_LAYOUTS[family], loras, **known)


def ready_for(row: Profile, family: str, name: str = "x") -> Facts:
    """Where `row` can run: its LoRA is installed, or its checkpoint is loaded. Of FLUX and SD3 there is no layout here."""
    there = facts(family if family in UNET_LAYOUTS else None)
    if row.weights == LORA:
        return replace(there, loras=(lora(name, row.key, family),))
    return replace(there, checkpoint=Detection(row.key, "its name says so")) if row.weights == CHECKPOINT else there
