"""What may be fetched, under which name: only what a row describes fully, and what is not there already."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from lib_fewstep.core.detect import Detection, detect
from lib_fewstep.core.facts import Facts
from lib_fewstep.core.layout import Layout
from lib_fewstep.core.offers import Offer, offer_for, offer_of, offers_for
from lib_fewstep.core.profiles import PublishedFile, Tables, name_key
from lib_fewstep.core.request import Request
from lib_fewstep.core.tables import load_tables
from tests.core.lora_files import UNETS, kohya, write
from tests.core.situations import HYPER_8, LCM, LIGHTNING, STYLE, TABLES, UNET_LAYOUTS, facts, lora


def of_row(file: PublishedFile) -> Offer | None:
    return offer_of(file, TABLES.profiles[file.method], TABLES)


OFFERED = [(file, offer) for file in TABLES.files if (offer := of_row(file))]


OWN_METHOD = """
methods:
  own:
    label: Own
    families: [sd21]
    steps: 4
    cfg: 1
    weight: 1
    sampler: LCM Few-Step
    timesteps: lcm
    scheduler: Automatic
    negative_prompt: "no"
"""


def user_row(tmp_path: Path, **changes: str) -> Tables:
    """The tables with a row of the user's own."""
    row = {
        "file": "own.safetensors", "method": "own", "family": "sd21", "repo": "me/own-lora", "path": "own.safetensors",
        "sha256": f'"{"a" * 64}"', **changes,
    }  # fmt: skip
    table = tmp_path / "fewstep.yaml"
    lines = "\n    ".join(f"{key}: {value}" for key, value in row.items() if value)
    table.write_text(f"{OWN_METHOD}files:\n  - {lines}\n", encoding="utf-8")
    tables = load_tables([table])
    assert tables.problems == ()
    return tables


# -------------------------------------------------------------------------------------------------------- the published files


def test_no_two_files_get_the_same_name() -> None:
    names = [offer.name.lower() for _, offer in OFFERED]
    assert len(OFFERED) > 50 and len(set(names)) == len(names)


@pytest.mark.parametrize("file, offer", OFFERED, ids=[offer.name for _, offer in OFFERED])
def test_under_its_name_a_file_is_recognised_as_what_it_is(file: PublishedFile, offer: Offer, tmp_path: Path) -> None:
    path = tmp_path / offer.name
    if file.family not in (*UNETS, "flux"):
        assert any(pattern.search(name_key(path.stem)) for pattern in file.names)  # of these there is no LoRA to write here
        return
    flux = {"transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight": (4, 4)}
    write(path, kohya(UNETS[file.family]) if file.family in UNETS else flux)
    found = detect(path, TABLES)
    assert (found.method, found.superseded) == (file.method, False)
    assert re.fullmatch(r"[\w.-]+\.safetensors", offer.name) and "pytorch_lora_weights" not in offer.name


def test_what_cannot_be_used_or_found_is_not_offered() -> None:
    refused = [file for file in TABLES.files if of_row(file) is None]
    for file in refused:
        unusable = file.kind == "checkpoint" or file.superseded or file.loads_in == "diffusers" or file.pair
        assert unusable or not file.path or "civitai" in file.repo, file
    assert {file.method for file in refused} >= {"flash", "turbomix-lcm", "dmd2", "wan22-lightning-4"}


def test_a_file_whose_sha256_is_known_comes_first() -> None:
    for method, family in {(file.method, file.family) for file, _ in OFFERED if file.family in UNET_LAYOUTS}:
        known = [bool(offer.sha256) for offer in offers_for(method, facts(family), TABLES)]
        assert known == sorted(known, reverse=True), method
    known = [bool(offer.sha256) for offer in offers_for("turbo-lora", facts("sdxl"), TABLES)]
    assert set(known) == {True, False}


def test_auto_offers_no_file_whose_sha256_is_not_known(tmp_path: Path) -> None:
    tables = user_row(tmp_path, sha256="")
    offer = offer_for(Request(method="own"), facts("sd21"), tables)
    assert offer is not None and offer.sha256 == ()
    only = replace(tables, files=tuple(file for file in tables.files if file.method == "own"))
    assert offer_for(Request(), facts("sd21"), only) is None
    known = user_row(tmp_path)
    assert offer_for(Request(), facts("sd21"), replace(known, files=tuple(f for f in known.files if f.method == "own"))) is not None


@pytest.mark.parametrize("name, noncommercial", [
    ("dmd2_sdxl_4step_lora_fp16", True), ("FlashSDXL", True), ("sd_xl_turbo_lora_v1-128dim", True),
    ("Hyper-SD15-8steps-lora", False), ("lcm-lora-sdxl", False), ("TCD-SDXL-LoRA", False),
])  # fmt: skip
def test_what_is_not_for_commerce_is_marked(name: str, noncommercial: bool) -> None:
    assert [offer.noncommercial for _, offer in OFFERED if offer.name == f"{name}.safetensors"] == [noncommercial]


def test_a_licence_that_says_so_marks_a_file_of_a_free_method() -> None:
    file, offer = next((file, offer) for file, offer in OFFERED if offer.method == "lcm")
    assert not offer.noncommercial
    marked = of_row(replace(file, licence="cc-by-nc-4.0"))
    assert marked is not None and marked.noncommercial


# ----------------------------------------------------------------------------------------------------- for what the user asks


def offered(family: str | None, method: str = "auto", *loras: object, **request: str) -> str | None:
    there = facts(family, *loras)  # type: ignore[arg-type]
    offer = offer_for(Request(method=method, **request), there, TABLES)  # type: ignore[arg-type]
    return offer and offer.name


def test_the_file_is_that_of_the_method_and_the_checkpoint() -> None:
    assert offered("sd15", "lcm") == "lcm-lora-sdv1-5.safetensors"
    assert offered("sdxl", "lcm") == "lcm-lora-sdxl.safetensors"
    assert offered("sdxl", "dmd2") == "dmd2_sdxl_4step_lora_fp16.safetensors"
    assert offered("sdxl", "hyper-sd15-8") is None
    assert offered("sd15", "no-such-method") is None


def test_what_is_installed_is_not_offered() -> None:
    assert offered("sd15", "lcm", STYLE, HYPER_8) is not None
    assert offered("sd15", "lcm", LCM) is None
    assert offered("sd15", "auto", LCM) is None


def test_an_installed_file_that_does_not_fit_is_as_none() -> None:
    assert offered("sd15", "auto", LIGHTNING) is not None
    assert offered("sd15", "lcm", lora("lcm-xl", "lcm", "sdxl")) == "lcm-lora-sdv1-5.safetensors"
    assert offered("sd15", "lcm", lora("lcm", "lcm", naming="other")) == "lcm-lora-sdv1-5.safetensors"


def test_what_is_there_and_of_no_use_is_not_fetched_again() -> None:
    name = "Hyper-SD15-8steps-lora"
    assert offered("sd15", "hyper-sd15-8", lora(name, "hyper-sd15-8", naming="other")) is None
    broken = lora(name, None, "", readable=False, reason="unreadable: the file is empty")
    assert offered("sd15", "hyper-sd15-8", broken) == f"{name}.safetensors"  # the download says that it is in the way


def test_auto_offers_the_best_that_anyone_may_use() -> None:
    assert offered("sd15") == "Hyper-SD15-8steps-lora.safetensors"
    assert offered("sdxl") == "Hyper-SDXL-8steps-lora.safetensors"
    free = replace(TABLES, auto_order=("dmd2", "lightning-4", "lcm"))
    offer = offer_for(Request(), facts("sdxl"), free)
    assert offer is not None and offer.method == "lightning-4"


def test_a_lora_that_the_user_has_chosen_is_his_own_affair() -> None:
    assert offered("sd15", "lcm", lora="mine") is None


def test_without_a_known_checkpoint_only_what_leaves_no_doubt() -> None:
    assert offered(None) is None
    assert offered(None, "lcm") is None
    assert offered(None, "hyper-sd15-8") == "Hyper-SD15-8steps-lora.safetensors"


def test_a_checkpoint_that_no_method_was_made_for_gets_no_offer() -> None:
    pix2pix = Facts(Layout(UNET_LAYOUTS["sd15"].transformers, 8))
    assert offer_for(Request(method="lcm"), pix2pix, TABLES) is None


def test_a_checkpoint_that_is_distilled_itself_needs_none() -> None:
    distilled = facts("sdxl", checkpoint=Detection("lightning-4", "its name says so"))
    assert offer_for(Request(), distilled, TABLES) is None and offer_for(Request(method="lcm"), distilled, TABLES) is None
    assert offer_for(Request(), facts("sdxl", checkpoint=Detection(None, "not known")), TABLES) is not None


def test_what_the_user_has_saved_for_the_checkpoint_is_what_auto_asks_for() -> None:
    offer = offer_for(Request(), facts("sd15", saved={"method": "tcd"}), TABLES)
    assert offer is not None and offer.method == "tcd"


# -------------------------------------------------------------------------------------------------------------- rows of the user's


def test_a_row_of_the_users_with_a_sha256_is_offered(tmp_path: Path) -> None:
    offer = offer_for(Request(method="own"), facts("sd21"), user_row(tmp_path))
    assert offer is not None
    assert (offer.repo, offer.path, offer.size, offer.name) == ("me/own-lora", "own.safetensors", None, "own-lora-own.safetensors")


@pytest.mark.parametrize("changes", [
    {"pair": "high"}, {"path": ""}, {"repo": ""}, {"repo": "https://example.org/me/x"}, {"repo": "me"}, {"repo": "../x"}, {"repo": "me/.."},
    {"repo": "a/b/c"}, {"path": "../x.safetensors"}, {"path": "/etc/x.safetensors"}, {"path": "a/../../x.safetensors"},
    {"path": "x.ckpt"}, {"path": r"a\x.safetensors"}, {"path": "'x?a.safetensors'"}, {"path": ".hidden.safetensors"},
    {"path": "a//x.safetensors"}, {"path": '"x\\n.safetensors"'}, {"loads_in": "diffusers"}, {"superseded": "true"},
], ids=str)  # fmt: skip
def test_a_row_that_leads_elsewhere_is_not(tmp_path: Path, changes: dict[str, str]) -> None:
    assert offer_for(Request(method="own"), facts("sd21"), user_row(tmp_path, **changes)) is None


@pytest.mark.parametrize("path", ["a/b/c d.safetensors", "x+y (1).safetensors", "pytorch_lora_weights.safetensors"])
def test_a_name_is_one_files_name(tmp_path: Path, path: str) -> None:
    offer = offer_for(Request(method="own"), facts("sd21"), user_row(tmp_path, path=path))
    assert offer is None or os.path.basename(offer.name) == offer.name
