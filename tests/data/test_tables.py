"""The shipped tables: complete, sourced, and with name patterns that tell real files apart.

Each rule is a checker that returns its complaints; the last test breaks rows on purpose and expects every checker to notice.
"""
from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from lib_fewstep.core.families import FAMILIES
from lib_fewstep.core.profiles import CHECKPOINT, LORA, NOTHING, Profile, PublishedFile, Range
from lib_fewstep.core.rows import BadRow, file_from, method_from
from lib_fewstep.core.tables import DATA, load_tables

TABLES = load_tables()
METHOD_TABLE, FILE_TABLE = (yaml.safe_load((DATA / name).read_text(encoding="utf-8")) for name in ("methods.yaml", "files.yaml"))
METHODS, FILES = METHOD_TABLE["methods"], FILE_TABLE["files"]
SOURCES = {**METHOD_TABLE["sources"], **FILE_TABLE["sources"]}

# What the WebUIs have, and we ourselves.
SAMPLERS = {"LCM Few-Step", "TCD Few-Step", "PeRFlow Few-Step", "Euler", "Euler a", "DPM++ SDE", "DPM++ 2M", "UniPC", "Heun"}
SCHEDULERS = {"Automatic", "Uniform", "Karras", "Exponential", "SGM Uniform", "Simple", "Normal", "Beta", "Align Your Steps"}
# What a row of ours says beside what the library asks of any row, by where its weights come from; and which of its keys need no source.
OF_WEIGHTS = {
    LORA: {"weight", "licence", "noncommercial"},
    CHECKPOINT: {"weights", "licence", "noncommercial"},
    NOTHING: {"weights"},
}
OWN_WORDS = {"label", "name", "families", "weights", "scheduler", "noncommercial", "source", "notes"}
OF_FILES = {"repo", "names", "loads_in", "licence", "source"}
SOURCED_OF_FILES = {"size", "sha256", "webui_hash", "licence"}
GENERIC = ("pytorch_lora_weights", "diffusion_pytorch_model")

# What users store in presets and infotexts: a key may be added here, never taken away.
STABLE_KEYS = {
    "lcm", "tcd", "lightning-2", "lightning-4", "lightning-8", "turbo-lora", "turbomix-lcm", "turbomix-euler-a", "turbomix-sde", "dmd2",
    "pcm-lcm", "pcm-small-2", "pcm-small-4", "pcm-small-8", "pcm-small-16", "pcm-normal-4", "pcm-normal-8", "pcm-normal-16", "flash",
    "tdd", "slam",
    "sdxl-turbo", "sd-turbo", "lightning-1", "hyper-sdxl-1-unet", "dmd2-1", "lcm-full", "nitro-realism", "nitro-vibrant",
    "perflow-sdxl", "perflow-sd15",
    "sdxl-flash", "dreamshaper-xl-lightning", "dreamshaper-xl-turbo", "juggernaut-xl-lightning", "realvisxl-lightning", "realvisxl-turbo",
    "dreamshaper-8-lcm", "realistic-vision-hyper", "ays-10", "ays-15", "sgm-uniform", "dpmpp-2m-karras", "unipc", "hyper-flux-8",
    "hyper-flux-16", "flux-turbo-alpha", "tdd-flux", "flux-schnell", "hyper-sd3-4-cfg", "hyper-sd3-8-cfg", "hyper-sd3-16-cfg",
    "sd35-large-turbo", "sdxl-flash-lora", "dmd2-community", "qwen-lightning-4", "qwen-lightning-8", "qwen-wuli-2", "qwen-wuli-4",
    "anima-turbo", "anima-turbo-checkpoint", "krea2-turbo", "zimage-turbo", "zimage-distill-8", "zimage-distill-4", "zimage-distill-2",
    "flux2-klein", "chroma-flash", "ernie-turbo", "wan22-lightning-4", "wan21-lightx2v",
    *(f"hyper-{family}-{steps}" for family in ("sd15", "sdxl") for steps in ("1", "2", "4", "8", "8-cfg", "12-cfg")),
}  # fmt: skip

# How people name LoRA files, and what each must be taken for. None: not one of ours, or too little said to know.
RENAMINGS = {
    "sdxl_lightning_4step_lora": ("lightning-4", "sdxl"),
    "SDXL Lightning 4step": ("lightning-4", "sdxl"),
    "sdxl-lightning-8-steps": ("lightning-8", "sdxl"),
    "Lightning 8step SDXL": ("lightning-8", "sdxl"),
    "sdxl_lightning_2step_lora_rank1": ("lightning-2", "sdxl"),
    "Hyper-SD15-8steps-CFG-lora": ("hyper-sd15-8-cfg", "sd15"),
    "Hyper-SDXL-12steps-CFG-lora (1)": ("hyper-sdxl-12-cfg", "sdxl"),
    "hyper sdxl cfg 8steps": ("hyper-sdxl-8-cfg", "sdxl"),
    "Hyper-SDXL-8steps-lora_rank1": ("hyper-sdxl-8", "sdxl"),
    "sdxl_hyper_sd_4step_lora": ("hyper-sdxl-4", "sdxl"),
    "sdxl_hyper_sd_8step_cfg_lora": ("hyper-sdxl-8-cfg", "sdxl"),
    "TCD-Hyper-SD15-1step-lora": ("hyper-sd15-1", "sd15"),
    "TCD-Hyper-SDXL-1step-lora": ("hyper-sdxl-1", "sdxl"),
    "hyper_sd_15_2step": ("hyper-sd15-2", "sd15"),
    "lcm-lora-sdv1-5": ("lcm", "sd15"),
    "lcm_lora_sd15": ("lcm", "sd15"),
    "LCM_LoRA_Weights_SD15": ("lcm", "sd15"),
    "LCM-SD1.5": ("lcm", "sd15"),
    "SD 1.5 LCM LoRA": ("lcm", "sd15"),
    "sd15_lcm_lora_rank1": ("lcm", "sd15"),
    "lcm-lora-sd": ("lcm", "sd15"),
    "lcm_lora_sdxl": ("lcm", "sdxl"),
    "LCM_LoRA_Weights_SDXL": ("lcm", "sdxl"),
    "LCM-SDXL": ("lcm", "sdxl"),
    "sdxl_LCM_lora_rank1": ("lcm", "sdxl"),
    "lcm-lora-sdxl-turbo": ("lcm", "sdxl"),
    "lcm-lora-ssd-1b": ("lcm", "ssd1b"),
    "lcm_lora_ssd_1b": ("lcm", "ssd1b"),
    "Segmind-VegaRT": ("lcm", "vega"),
    "lcm-lora-segmind-vega-rt": ("lcm", "vega"),
    "TCD-SD15-LoRA": ("tcd", "sd15"),
    "TCD-SD21-base-LoRA": ("tcd", "sd21"),
    "tcd_sdxl_lora": ("tcd", "sdxl"),
    "TCD-SDXL": ("tcd", "sdxl"),
    "sdxl_TCD_lora_rank1": ("tcd", "sdxl"),
    "sd_xl_turbo_lora_v1": ("turbo-lora", "sdxl"),
    "SDXL Turbo LoRA": ("turbo-lora", "sdxl"),
    "sd_xl_turbo_lora_rank1": ("turbo-lora", "sdxl"),
    "LCM TurboMix Sampler": ("turbomix-lcm", "sdxl"),
    "LCM TurboMix DPM++ SDE Karras": ("turbomix-sde", "sdxl"),
    "LCM&TurboMix LoRA (eular a.fix) XL": ("turbomix-euler-a", "sdxl"),
    "LCM&TurboMix LoRA": ("turbomix-euler-a", "sdxl"),
    "lcm_euler_turbo": ("turbomix-euler-a", "sdxl"),
    "dmd2_sdxl_4step_lora_fp16": ("dmd2", "sdxl"),
    "DMD2": ("dmd2", "sdxl"),
    "dmd2_sdxl_4step_lora_rank1": ("dmd2", "sdxl"),
    "pcm_sdxl_smallcfg_2step": ("pcm-small-2", "sdxl"),
    "pcm_sdxl_normalcfg_16step_converted_fp16": ("pcm-normal-16", "sdxl"),
    "pcm-sdxl-cfg-4step": ("pcm-normal-4", "sdxl"),
    "flash-sdxl": ("flash", "sdxl"),
    "flash_sdxl_rank1": ("flash", "sdxl"),
    "flash-sd": ("flash", "sd15"),
    "tdd_sdxl_no_adv": ("tdd", "sdxl"),
    "tdd_sdxl_yammermix": ("tdd", "sdxl"),
    "slam-lora-sdxl": ("slam", "sdxl"),
    "Hyper-FLUX.1-dev-8steps-lora": ("hyper-flux-8", "flux"),
    "flux_hyper_sd_16steps": ("hyper-flux-16", "flux"),
    "FLUX.1-Turbo-Alpha": ("flux-turbo-alpha", "flux"),
    "flux1-turbo-alpha": ("flux-turbo-alpha", "flux"),
    "FLUX.1-dev_tdd_lora_weights": ("tdd-flux", "flux"),
    "Hyper-SD3-4steps-CFG-lora": ("hyper-sd3-4-cfg", "sd3"),
    # other things with similar names
    "pytorch_lora_weights": None,
    "diffusion_pytorch_model": None,
    "lcm_lora": {("lcm", family) for family in ("sd15", "sdxl", "ssd1b", "vega")},
    "TCD": {("tcd", family) for family in ("sd15", "sd21", "sdxl")},
    "sdxl-flash-lora": ("sdxl-flash-lora", "sdxl"),
    "SDXL-Flash_Mini": None,
    "sd_xl_dpo_turbo_lora_v1-128dim": None,
    "sdxl-turbo-dpo-lora": None,
    "PAseer-SDXL-LCM+Turbo": None,
    "svd-xt-1-1_tdd_lora_weights": None,
    "pcm_sd3_stochastic_shift3": None,
    "flash-sd3": None,
    "Qwen-Image-Lightning-4steps-V1.0": ("qwen-lightning-4", "qwen-image"),
    "Qwen-Image-Edit-2511-Lightning-8steps-V1.0-fp32": ("qwen-lightning-8", "qwen-image"),
    "qwen_image_2512_lightning_4step": ("qwen-lightning-4", "qwen-image"),
    "Wuli-Qwen-Image-2512-Turbo-LoRA-2steps-V1.0-bf16": ("qwen-wuli-2", "qwen-image"),
    "anima_turbo_lora": ("anima-turbo", "anima"),
    "krea2-turbo-lora-r64": ("krea2-turbo", "krea2"),
    "Z-Image-Fun-Lora-Distill-8-Steps-2602_UDCAI_ComfyUI": ("zimage-distill-8", "z-image"),
    "z_image_fun_distill_4steps": ("zimage-distill-4", "z-image"),
    "chroma-flash-heun_r64-fp32": ("chroma-flash", "chroma"),
    "Wan2.2-Lightning-4steps": ("wan22-lightning-4", "wan"),
    "Wan2.2-Lightning_T2V-A14B-4steps-lora_HIGH_fp16": ("wan22-lightning-4", "wan"),
    "wan2.2_t2v_lightx2v_4steps_lora_v1.1_high_noise": ("wan22-lightning-4", "wan"),
    "high_noise_model": ("wan22-lightning-4", "wan"),
    "wan2.1_t2v_14b_lora_rank64_lightx2v_4step": ("wan21-lightx2v", "wan"),
    "anima-style": None,
    "qwen-image-lightning": None,
    "animatediff_lightning_4step_comfyui": None,
    "AnimateLCM_sd15_t2v_lora": None,
    "xl_more_art-full_v1": None,
    "hypernetwork_sdxl_8": None,
    "lightning_strike_sdxl": None,
    "dreamshaperXL_v2TurboDpmppSDE": None,
}

# The same for checkpoints, as their folder shows them. A mere "turbo" or "lightning" without a step count is not guessed.
CHECKPOINTS = {
    "sd_xl_turbo_1.0_fp16": ("sdxl-turbo", "sdxl"),
    "sdxl-turbo": ("sdxl-turbo", "sdxl"),
    "sdxlTurbo_v10": ("sdxl-turbo", "sdxl"),
    "sd_turbo": ("sd-turbo", "sd21"),
    "sdxl_lightning_1step_x0": ("lightning-1", "sdxl"),
    "sdxl_lightning_4step": ("lightning-4", "sdxl"),
    "sdxl_lightning_8step_unet": ("lightning-8", "sdxl"),
    "SDXL Lightning 2 steps": ("lightning-2", "sdxl"),
    "someMixXL_v20Lightning4step": ("lightning-4", "sdxl"),
    "photoXL-Lightning-8steps-bakedVAE": ("lightning-8", "sdxl"),
    "Hyper-SDXL-1step-Unet-Comfyui.fp16": ("hyper-sdxl-1-unet", "sdxl"),
    "dmd2_sdxl_4step_unet_fp16": ("dmd2", "sdxl"),
    "someMixXL_v4DMD2": ("dmd2", "sdxl"),
    "dmd2_sdxl_1step_unet_fp16": ("dmd2-1", "sdxl"),
    "LCM_Dreamshaper_v7_4k": ("lcm-full", "sd15"),
    "LCM_Dreamshaper_v7_4k-prune-fp32": ("lcm-full", "sd15"),
    "lcm-sdxl": ("lcm-full", "sdxl"),
    "lcm_ssd_1b": ("lcm-full", "ssd1b"),
    "nitrosd-realism_comfyui": ("nitro-realism", "sdxl"),
    "NitroSD-Vibrant": ("nitro-vibrant", "sdxl"),
    "perflow-sdxl-dreamshaper": ("perflow-sdxl", "sdxl"),
    "perflow-sd15-dreamshaper": ("perflow-sd15", "sd15"),
    "PeRFlow SD1.5 realistic": ("perflow-sd15", "sd15"),
    "perflow-sd15-delta-weights": None,
    "SDXL-Flash": ("sdxl-flash", "sdxl"),
    "dreamshaperXL_lightningDPMSDE": ("dreamshaper-xl-lightning", "sdxl"),
    "DreamShaperXL_Turbo-Lightning": ("dreamshaper-xl-lightning", "sdxl"),
    "dreamshaperXL_lightningInpaint": ("dreamshaper-xl-lightning", "sdxl"),
    "dreamshaperXL_v21TurboDPMSDE": ("dreamshaper-xl-turbo", "sdxl"),
    "dreamshaperXL_turboDpmppSDE": ("dreamshaper-xl-turbo", "sdxl"),
    "dreamshaper-xl-v2-turbo": ("dreamshaper-xl-turbo", "sdxl"),
    "juggernautXL_v9Rdphoto2Lightning": ("juggernaut-xl-lightning", "sdxl"),
    "Juggernaut_RunDiffusionPhoto2_Lightning_4Steps": ("juggernaut-xl-lightning", "sdxl"),
    "Juggernaut XL Lightning 4Steps": ("juggernaut-xl-lightning", "sdxl"),
    "realvisxlV40_v40LightningBakedvae": ("realvisxl-lightning", "sdxl"),
    "RealVisXL_V5.0_Lightning_fp16": ("realvisxl-lightning", "sdxl"),
    "RealVisXL_V3.0_Turbo": ("realvisxl-turbo", "sdxl"),
    "realvisxlV40_v30TurboBakedvae": ("realvisxl-turbo", "sdxl"),
    "dreamshaper_8LCM": ("dreamshaper-8-lcm", "sd15"),
    "DreamShaper8_LCM": ("dreamshaper-8-lcm", "sd15"),
    "realisticVisionV60B1_v51HyperVAE": ("realistic-vision-hyper", "sd15"),
    "flux1-schnell-fp8": ("flux-schnell", "flux"),
    "FLUX.1-schnell": ("flux-schnell", "flux"),
    "sd3.5_large_turbo": ("sd35-large-turbo", "sd3"),
    "z_image_turbo_fp8_e4m3fn": ("zimage-turbo", "z-image"),
    "zImageTurbo_v10": ("zimage-turbo", "z-image"),
    "svdq-int4_r128-z-image-turbo": ("zimage-turbo", "z-image"),
    "anima-turbo-v1.1": ("anima-turbo-checkpoint", "anima"),
    "krea2_turbo_fp8_scaled": ("krea2-turbo", "krea2"),
    "FLUX.2-klein-9B-Q4_K_M": ("flux2-klein", "klein"),
    "flux-2-klein-base-4b": None,
    "z_image_bf16": None,
    "Chroma1-HD": None,
    "Chroma1-HD-Flash": ("chroma-flash", "chroma"),
    "ERNIE-Image-Turbo-fp8": ("ernie-turbo", "ernie"),
    "ERNIE-Image": None,
    # their siblings that are not distilled, and names that say too little
    "sd_xl_base_1.0": None,
    "dreamshaperXL_alpha2Xl10": None,
    "DreamShaper_8_pruned": None,
    "juggernautXL_v9Rundiffusionphoto2": None,
    "Juggernaut-XL_v9_RunDiffusionPhoto_v2": None,
    "realvisxlV40_v40Bakedvae": None,
    "RealVisXL_V5.0_fp16": None,
    "realisticVisionV60B1_v51VAE": None,
    "flux1-dev-fp8": None,
    "sd3.5_large": None,
    "SDXL-Flash_Mini": None,
    "someMixXL_v10Lightning": None,
    "someMixXL_v10Turbo": None,
    "jibMixRealisticXL_v10Lightning46Step": None,
    "sdxlTURBOPLUSREDTEAMMODEL_v10": None,
    "turbovisionxlSuperFastXLBasedOnNew_tvxlV431Bakedvae": None,
    "creapromptLightning_creapromptUltimate": None,
    "Qwen-Image-Lightning-4steps-V1.0": None,
    "animatediff_lightning_4step_comfyui": None,
    "lightning_strike_sdxl": None,
    "diffusion_pytorch_model": None,
}


def keys_of(stem: str) -> set[str]:
    """The forms in which a pattern may meet a stem: dashes for blank, underscore, dot and dash, with or without & and +."""
    return {re.sub(pattern, "-", stem).strip("-") for pattern in (r"[ _.-]+", r"[\s_.+&-]+")}


def matches(stem: str, files: list[dict], kind: str = "lora") -> set[tuple[str, str]]:
    """Every (method, family) that some row of this kind recognises in `stem`, in any of its forms."""
    keys, rows = keys_of(stem), [f for f in files if kind_of(f) == kind]
    return {(f["method"], f["family"]) for f in rows for name in f["names"] for key in keys if re.search(name, key, re.IGNORECASE)}


def kind_of(row: dict) -> str:
    return row.get("kind", "lora")


def complaints_on_method(key: str, row: dict, sources: dict) -> list[str]:
    """What the library says of the row; and if that is nothing, what our own rows keep to beyond."""
    try:
        method = method_from(key, row, {})
    except BadRow as bad:
        return [f"{key}: key '{bad.key}' {bad}"]
    return [f"{key}: {text}" for text in (*fields_amiss(method, row), *settings_amiss(key, method, row), *sources_amiss(row, sources))]


def fields_amiss(method: Profile, row: dict) -> Iterator[str]:
    """Keys that a row of its kind lacks or has beyond."""
    unet = any(FAMILIES[family].is_unet for family in method.families)
    sized = {"resolution"} if unet and method.weights != NOTHING else set()  # where a transformer's makers name one, it is welcome
    needed = OF_WEIGHTS[method.weights] | sized | {"source"} | ({"gamma"} if method.sampler == "TCD Few-Step" else set())
    foreign = set(OF_WEIGHTS[LORA]) | {"gamma"} | ({"resolution"} if method.weights == NOTHING else set())
    if needed - set(row):
        yield f"lacks {', '.join(sorted(needed - set(row)))}"
    if (foreign - needed) & set(row):
        yield f"has {', '.join(sorted((foreign - needed) & set(row)))}, which is not for it"
    for name, value in row.items():
        if isinstance(getattr(method, name), Range) and isinstance(value, dict) and set(value) != {"default", "min", "max"}:
            yield f"{name} is {value}; expected one number, or default, min and max"


def settings_amiss(key: str, method: Profile, row: dict) -> Iterator[str]:
    """Settings that the library allows, and that no published method has."""
    for name, low, high in (("cfg", 1, 15), ("weight", 0.05, 1.5), ("guidance", 0.05, 15)):
        value = getattr(method, name)
        if value is not None and not low <= value.min <= value.max <= high:
            yield f"{name} {value} is out of this world ({low} to {high})"
    if method.sampler not in SAMPLERS or method.scheduler not in SCHEDULERS:
        yield f"sampler {method.sampler!r} or scheduler {method.scheduler!r} is unknown"
    if isinstance(method.timesteps, tuple) and len(method.timesteps) != method.steps.max:
        yield f"{len(method.timesteps)} timesteps for {method.steps.max} steps"
    if "resolution" in row and set(method.resolution) != set(method.families):
        yield f"resolution of {sorted(method.resolution)} for {sorted(method.families)}"
    if (method.negative_prompt == "no") != (method.cfg.default == 1):
        yield f"negative prompt {method.negative_prompt!r} at CFG {method.cfg.default:g}"
    fixed = method.steps.min == method.steps.max
    if fixed and not re.search(rf"\b{method.steps.default} steps?\b", method.label):
        yield f"the label {method.label!r} does not say {method.steps.default} steps"
    in_key = re.search(r"-(\d+)(-cfg)?$", key)
    if in_key and method.steps.default != int(in_key[1]):
        yield f"{method.steps.default} steps, and the key says {in_key[1]}"
    if re.search(r"\bnc\b|unknown|non-commercial", method.licence, re.IGNORECASE) and not method.noncommercial:
        yield f"licence {method.licence!r} is not marked noncommercial"
    if not all(note.endswith(".") for note in method.notes):
        yield "notes are not whole sentences"


def sources_amiss(row: dict, sources: dict) -> Iterator[str]:
    """Numbers without a source, and sources of nothing or of nobody."""
    sourced, given = set(row) - OWN_WORDS, row.get("source", {})
    if sourced - set(given):
        yield f"no source of {', '.join(sorted(sourced - set(given)))}"
    for name, used in given.items():
        if name.removesuffix("_range") not in sourced:
            yield f"source of {name}, which the row does not have"
        if used not in sources:
            yield f"source of {name}: {used!r} is not listed under sources"


def complaints_on_file(row: dict, methods: Mapping[str, Profile], sources: dict) -> list[str]:
    """The same for a row of files.yaml."""
    name = f"{row.get('repo')}/{row.get('file')}"
    try:
        file = file_from(row, methods)
    except BadRow as bad:
        return [f"{name}: key '{bad.key}' {bad}"]
    return [f"{name}: {text}" for text in file_amiss(file, methods[file.method], row, sources)]


def file_amiss(file: PublishedFile, method: Profile, row: dict, sources: dict) -> Iterator[str]:
    """What a file lacks or says wrongly."""
    if OF_FILES - set(row):
        yield f"lacks {', '.join(sorted(OF_FILES - set(row)))}"
        return
    if (file.kind == LORA) > (method.weights == LORA):
        yield f"a {file.kind} for a method whose weights are a {method.weights}"
    if file.webui_hash is not None and len(file.webui_hash) != 12:
        yield f"webui_hash {file.webui_hash!r} has not 12 digits"
    if file.size is not None and (file.size < 1_000_000 or not file.size % 1_000_000):
        yield f"size {file.size} is not an exact number of bytes"
    if file.loads_in not in ("all", "untested", "diffusers"):
        yield f"loads_in {file.loads_in!r}"
    if not file.repo.startswith("civitai.com/") and file.path and file.path.rpartition("/")[2] != file.file:
        yield f"path {file.path!r} of {file.file}"
    if file.superseded and (file.names or not file.sha256 or not file.note):
        yield "a superseded upload is known by hash only, and says why"
    if not file.superseded and not file.names:
        yield "no names"
    given = row.get("source", {})
    if set(given) != SOURCED_OF_FILES & set(row):
        yield f"sources of {sorted(given)}; expected of {sorted(SOURCED_OF_FILES & set(row))}"
    for key, used in given.items():
        if used not in sources:
            yield f"source of {key}: {used!r} is not listed under sources"


def hashes_of(row: dict) -> list[str]:
    value = row.get("sha256", [])
    return [value] if isinstance(value, str) else value


def doubles(files: list[dict]) -> list[str]:
    """sha256 and WebUI hashes that stand in more than one row."""
    counts = Counter(h for row in files for h in {*hashes_of(row), *([row["webui_hash"]] if "webui_hash" in row else [])})
    return [h for h, count in counts.items() if count > 1]


def mistaken_names(files: list[dict]) -> list[str]:
    """Published names that their own row does not know, or that a row of another method or family takes for its own."""
    found = []
    for row in files:
        if row["file"].startswith(GENERIC) or row.get("superseded"):
            continue
        stem = Path(row["file"]).stem
        if not matches(stem, [row], kind_of(row)):
            found.append(f"{stem}: unknown to its own row")
        found += [f"{stem}: taken for {other}" for other in matches(stem, files, kind_of(row)) - {(row["method"], row["family"])}]
    return found


@pytest.mark.parametrize("key", METHODS)
def test_a_method_is_complete_and_sourced(key):
    assert complaints_on_method(key, METHODS[key], SOURCES) == []


@pytest.mark.parametrize("row", FILES, ids=lambda row: f"{row['method']}:{row['family']}:{row['file']}")
def test_a_file_is_complete_and_sourced(row):
    assert complaints_on_file(row, TABLES.profiles, SOURCES) == []


def test_no_method_that_users_may_have_saved_is_gone():
    assert set(METHODS) >= STABLE_KEYS


def test_every_method_has_a_file_for_each_of_its_families():
    wanted = {
        (method.key, family) for method in TABLES.profiles.values() if method.weights != NOTHING and not method.files_of
        for family in method.families
    }
    assert wanted == {(file.method, file.family) for file in TABLES.files if not file.superseded}


def test_sources_are_named_once_all_used_and_say_where():
    assert not set(METHOD_TABLE["sources"]) & set(FILE_TABLE["sources"])
    used = {source for row in [*METHODS.values(), *FILES] for source in row.get("source", {}).values()}
    assert used == set(SOURCES)
    assert not used & {"belief", "unsourced"}
    assert all(len(text) > 20 for text in SOURCES.values())


@pytest.mark.parametrize(
    "key, steps, cfg, sampler, timesteps",
    [
        ("lcm", 4, 1, "LCM Few-Step", "lcm"),
        ("tcd", 4, 1, "TCD Few-Step", "lcm"),
        ("lightning-4", 4, 1, "Euler", "trailing"),
        ("hyper-sdxl-1", 1, 1, "TCD Few-Step", "lcm"),
        ("hyper-sd15-8", 8, 1, "Euler", "trailing"),
        ("hyper-sdxl-8-cfg", 8, 5, "Euler", "trailing"),
        ("dmd2", 4, 1, "LCM Few-Step", "trailing"),
        ("pcm-small-4", 4, 1, "TCD Few-Step", "lcm"),
        ("pcm-normal-8", 8, 7.5, "TCD Few-Step", "lcm"),
        ("flash", 4, 1, "LCM Few-Step", "lcm"),
        ("tdd", 4, 1.7, "TCD Few-Step", "trailing"),
        ("sdxl-turbo", 1, 1, "Euler a", [999, 899, 799, 699]),
        ("lightning-1", 1, 1, "LCM Few-Step", "trailing"),
        ("hyper-sdxl-1-unet", 1, 1, "LCM Few-Step", [800]),
        ("dmd2-1", 1, 1, "LCM Few-Step", [399]),
        ("lcm-full", 4, 1, "LCM Few-Step", "lcm"),
        ("nitro-vibrant", 1, 1, "LCM Few-Step", "trailing"),
        ("perflow-sdxl", 4, 2, "PeRFlow Few-Step", "perflow"),
        ("perflow-sd15", 4, 4.5, "PeRFlow Few-Step", "perflow"),
        ("dreamshaper-xl-lightning", 4, 2, "DPM++ SDE", "host"),
        ("sdxl-flash", 7, 3, "DPM++ SDE", "host"),
        ("ays-10", 10, 7, "DPM++ 2M", "host"),
        ("hyper-flux-8", 8, 1, "Euler", "host"),
        ("hyper-sd3-16-cfg", 16, 7, "Euler", "host"),
        ("flux-schnell", 4, 1, "Euler", "flow"),
        ("qwen-lightning-8", 8, 1, "Euler", "flow"),
        ("zimage-turbo", 8, 1, "Euler", "flow"),
        ("zimage-distill-2", 2, 1, "Euler", "flow"),
        ("flux2-klein", 4, 1, "Euler", "flux2"),
        ("chroma-flash", 16, 1, "Heun", "flow"),
        ("wan22-lightning-4", 4, 1, "Euler", "flow"),
        ("sdxl-flash-lora", 7, 3, "DPM++ SDE", "host"),
        ("dmd2-community", 8, 1, "LCM Few-Step", "trailing"),
    ],
)
def test_the_authors_settings(key, steps, cfg, sampler, timesteps):
    method = TABLES.profiles[key]
    assert (method.steps.default, method.cfg.default, method.sampler, METHODS[key]["timesteps"]) == (steps, cfg, sampler, timesteps)


@pytest.mark.parametrize("key, gamma", [("tcd", 0.3), ("hyper-sd15-1", 1.0), ("pcm-small-8", 0.0), ("pcm-normal-4", 0.0), ("tdd", 0.2)])
def test_the_authors_gamma(key, gamma):
    assert METHODS[key]["gamma"]["default"] == gamma


@pytest.mark.parametrize(
    "key, what, value",
    [
        ("lightning-1", "prediction", "x0"),
        ("nitro-realism", "timestep_shift", 250),
        ("nitro-vibrant", "timestep_shift", 500),
        ("lcm-full", "guidance", {"default": 8, "min": 3, "max": 13}),
        ("hyper-flux-16", "guidance", {"default": 3.5, "min": 3.5, "max": 3.5}),
        ("hyper-flux-16", "weight", {"default": 0.125, "min": 0.125, "max": 0.125}),
        ("flux-turbo-alpha", "weight", {"default": 1, "min": 1, "max": 1}),
        *((key, "shift", {"default": shift, "min": shift, "max": shift}) for key, shift in (
            ("qwen-wuli-2", 3), ("anima-turbo", 3), ("krea2-turbo", 3.1582), ("zimage-distill-8", 3), ("ernie-turbo", 3),
            ("wan22-lightning-4", 5), ("wan21-lightx2v", 5),
        )),
        ("zimage-distill-8", "weight", {"default": 0.8, "min": 0.8, "max": 0.8}),
        ("zimage-distill-2", "weight", {"default": 0.9, "min": 0.9, "max": 0.9}),
        ("sdxl-flash-lora", "weight", {"default": 0.55, "min": 0.45, "max": 0.6}),
        ("dmd2-community", "weight", {"default": 0.7, "min": 0.5, "max": 1.0}),
        ("dmd2-community", "cfg", {"default": 1.0, "min": 1.0, "max": 1.8}),
        ("tdd-flux", "guidance", {"default": 2, "min": 2, "max": 2}),
    ],
)
def test_what_some_models_need_beside(key, what, value):
    assert METHODS[key][what] == value


def test_hashes_are_unique():
    assert doubles(FILES) == []


def test_published_names_are_told_apart():
    assert mistaken_names(FILES) == []


@pytest.mark.parametrize("stem", RENAMINGS)
def test_a_renamed_file_is_taken_for_what_it_is(stem):
    expected = RENAMINGS[stem]
    wanted = expected if isinstance(expected, set) else {expected} if expected else set()
    assert matches(stem, FILES) == wanted


@pytest.mark.parametrize("stem", CHECKPOINTS)
def test_a_renamed_checkpoint_is_taken_for_what_it_is(stem):
    expected = CHECKPOINTS[stem]
    assert matches(stem, FILES, "checkpoint") == ({expected} if expected else set())


def test_no_lora_is_taken_for_a_checkpoint():
    loras = {Path(row["file"]).stem for row in FILES if kind_of(row) == "lora"} | set(RENAMINGS)
    assert {stem: found for stem in loras if "lora" in stem.lower() and (found := matches(stem, FILES, "checkpoint"))} == {}


METHOD_DAMAGE = {
    "field missing": lambda row: row.pop("licence"),
    "field unknown": lambda row: row.update(cfgg=1),
    "gamma missing": lambda row: row.pop("gamma"),
    "default outside": lambda row: row["cfg"].update(default=9),
    "steps not whole": lambda row: row["steps"].update(max=50.0),
    "CFG in diffusers' terms": lambda row: row["cfg"].update(min=0),
    "unknown sampler": lambda row: row.update(sampler="TCD"),
    "unknown timesteps": lambda row: row.update(timesteps="leading"),
    "half a range": lambda row: row.update(steps={"default": 4, "max": 50}),
    "list of timesteps too short": lambda row: row.update(timesteps=[999, 749]),
    "unknown weights": lambda row: row.update(weights="unet"),
    "LoRA weight of a checkpoint": lambda row: row.update(weights="checkpoint"),
    "licence of a schedule": lambda row: (row.pop("weight"), row.update(weights="none")),
    "special key without source": lambda row: row.update(shift=250),
    "unknown family": lambda row: row["families"].append("sd4"),
    "negative prompt at CFG 1": lambda row: row.update(negative_prompt="yes"),
    "fixed steps not in the label": lambda row: row.update(steps={"default": 4, "min": 4, "max": 4}),
    "licence against flag": lambda row: row.update(licence="cc-by-nc-4.0"),
    "number without source": lambda row: row["source"].pop("gamma"),
    "source that is not listed": lambda row: row["source"].update(steps="hearsay"),
}
FILE_DAMAGE = {
    "field missing": lambda row: row.pop("names"),
    "unknown method": lambda row: row.update(method="lightning-3"),
    "checkpoint of no kind": lambda row: row.update(kind="unet"),
    "LoRA for a method that has none": lambda row: row.update(method="sdxl-turbo"),
    "family of another method": lambda row: row.update(family="sd15"),
    "short sha256": lambda row: row.update(sha256=row["sha256"][:63]),
    "hash read as a number": lambda row: row.update(webui_hash=123456789012),
    "rounded size": lambda row: row.update(size=787_000_000),
    "broken pattern": lambda row: row["names"].append("(hyper"),
    "superseded but named": lambda row: row.update(superseded=True, note="old"),
    "size without source": lambda row: row["source"].pop("size"),
    "source that is not listed": lambda row: row["source"].update(sha256="hearsay"),
    "wrong path": lambda row: row.update(path="other.safetensors"),
}


@pytest.mark.parametrize("damage", METHOD_DAMAGE)
def test_a_damaged_method_is_noticed(damage):
    row = copy.deepcopy(METHODS["tcd"])
    METHOD_DAMAGE[damage](row)
    assert complaints_on_method("tcd", row, SOURCES)


@pytest.mark.parametrize("damage", FILE_DAMAGE)
def test_a_damaged_file_is_noticed(damage):
    row = copy.deepcopy(next(row for row in FILES if row["file"] == "Hyper-SDXL-8steps-lora.safetensors"))
    FILE_DAMAGE[damage](row)
    assert complaints_on_file(row, TABLES.profiles, SOURCES)


def test_a_new_method_of_plain_numbers_is_told_what_it_lacks_alone():
    row = {
        "label": "Brush, 2 steps", "families": ["sd21"], "steps": 2, "cfg": 1, "weight": 1, "sampler": "LCM Few-Step",
        "timesteps": "trailing", "scheduler": "Automatic", "negative_prompt": "no",
    }  # fmt: skip
    assert complaints_on_method("brush-2", row, SOURCES) == [
        "brush-2: lacks licence, noncommercial, resolution, source",
        "brush-2: no source of cfg, negative_prompt, sampler, steps, timesteps, weight",
    ]
    methods = {"brush-2": method_from("brush-2", row, {})}
    assert complaints_on_file({"file": "brush.safetensors", "method": "brush-2", "family": "sd21"}, methods, SOURCES) == [
        "None/brush.safetensors: lacks licence, loads_in, names, repo, source"
    ]


def test_double_hashes_and_greedy_patterns_are_noticed():
    files = copy.deepcopy(FILES)
    first, second = [row for row in files if isinstance(row.get("sha256"), str)][:2]
    second["sha256"] = first["sha256"]
    assert doubles(files) == [first["sha256"]]
    next(row for row in files if row["method"] == "hyper-sdxl-8")["names"] = ["hyper-?sdxl-8steps"]
    assert any("Hyper-SDXL-8steps-CFG-lora" in complaint for complaint in mistaken_names(files))
