"""What a LoRA file is, how we know, and that a large folder is read once."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib_fewstep.core import detect as detect_module
from lib_fewstep.core.detect import Detection, detect, look
from lib_fewstep.core.header import read_metadata
from lib_fewstep.core.layout import KOHYA, PEFT, layout_of
from lib_fewstep.core.profiles import PublishedFile, Tables
from lib_fewstep.core.tables import load_tables
from tests.core.lora_files import SD15, SDXL, attention_weights, kohya, lora_pair, modules, write

TABLES = load_tables()


@pytest.fixture
def lora(tmp_path: Path) -> Path:
    """A LoRA for SD1.5 that says nothing of itself."""
    return write(tmp_path / "mine.safetensors", kohya(SD15), metadata={"format": "pt"})


def published(method: str, path: Path | None = None, *, name: str = "", family: str = "sd15", **more: Any) -> PublishedFile:
    """A row; of the file at `path`, if one is given."""
    known = {} if path is None else {"size": path.stat().st_size, "sha256": (hashlib.sha256(path.read_bytes()).hexdigest(),)}
    names = (re.compile(name, re.IGNORECASE),) if name else ()
    return PublishedFile(
        file=f"{method}.safetensors", method=method, family=family, repo="somebody/something", names=names, **{**known, **more}
    )


def tables(*files: PublishedFile) -> Tables:
    return replace(TABLES, files=files)


def named(path: Path, name: str, **metadata: str) -> Path:
    return write(path.with_name(name + ".safetensors"), kohya(SD15), metadata=metadata or None)


# ---------------------------------------------------------------------------------------------------------- what it is, and why


def test_the_bytes_are_believed_before_header_and_name(lora: Path) -> None:
    lora = named(lora, "by-name", ss_output_name="by-header")
    found = detect(lora, tables(published("tcd", name="by-name"), published("lcm", name="by-header"), published("hyper-sd15-4", lora)))
    assert found.method == "hyper-sd15-4"
    assert "sha256" in found.reason and "hyper-sd15-4.safetensors" in found.reason


def test_the_webuis_hash_is_believed_without_reading_the_file(lora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect_module, "sha256_of", lambda path: pytest.fail("the file was hashed"))
    rows = tables(published("tcd", lora), published("lcm", webui_hash="aaebf6360f7d"))
    found = detect(lora, rows, webui_hash="aaebf6360f7d")
    assert found.method == "lcm" and "aaebf6360f7d" in found.reason
    assert detect(lora, rows, webui_hash="aaebf6360f7d" + "0" * 52).method == "lcm"  # the host may know all 64 digits


def test_a_webui_hash_that_is_nobodys_proves_nothing(lora: Path) -> None:
    assert detect(lora, tables(published("lcm", webui_hash="aaebf6360f7d")), webui_hash="0" * 12).method is None


def test_the_header_is_believed_before_the_name(lora: Path) -> None:
    lora = named(lora, "by-name", ss_output_name="By_Header v2")
    found = detect(lora, tables(published("tcd", name="by-name"), published("lcm", name="by-header")))
    assert found.method == "lcm" and "header" in found.reason and "By_Header v2" in found.reason


@pytest.mark.parametrize("key", ("ss_output_name", "modelspec.title", "title", "general.title", "model_name", "lora_name"))
def test_the_header_is_read_where_training_tools_write(key: str, lora: Path) -> None:
    assert detect(named(lora, "renamed", **{key: "Hyper-SD15-8steps-lora"}), TABLES).method == "hyper-sd15-8"


@pytest.mark.parametrize("title, method", [
    ("LCM-LoRA for Stable Diffusion 1.5", "lcm"), ("LCM LoRA (SD 1.5)", "lcm"), ("TCD LoRA: SD15", "tcd"),
    ("Hyper-SD15 (8 steps)", "hyper-sd15-8"),
    ("a style trained on lightning photographs", None),
])
def test_a_title_is_understood_as_people_write_it(title: str, method: str | None, lora: Path) -> None:
    assert detect(named(lora, "renamed", **{"modelspec.title": title}), TABLES).method == method


def test_what_a_lora_was_trained_on_is_not_its_name(lora: Path) -> None:
    assert detect(named(lora, "style", ss_sd_model_name="lcm-lora-sdv1-5", ss_vae_name="TCD-SD15-LoRA"), TABLES).method is None


@pytest.mark.parametrize("stem, method", [("lcm-lora", "lcm"), ("LCM", "lcm"), ("lcm_lora", "lcm"), ("tcd-lora", "tcd"), ("TCD", "tcd")])
@pytest.mark.parametrize("unet", [SD15, SDXL], ids=["sd15", "sdxl"])
def test_the_bare_name_of_a_method_with_one_file_a_family_is_enough(stem: str, method: str, unet: Any, tmp_path: Path) -> None:
    assert detect(write(tmp_path / f"{stem}.safetensors", kohya(unet)), TABLES).method == method
    assert detect(write(tmp_path / f"my {stem} style.safetensors", kohya(unet)), TABLES).method is None


@pytest.mark.parametrize("name, suspected", [
    ("TCD-SD15-LoRA-pt.pt", True), ("lcm-lora-sdv1-5.ckpt", True), ("my 8steps.pt", True), ("style.pt", False), ("tcdesign.pt", False),
])
def test_a_file_that_cannot_be_read_is_suspected_by_its_name(name: str, suspected: bool, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 and so on")
    found = look(tmp_path / name, TABLES)
    assert (found.readable, found.method, found.suspected) == (False, None, suspected) and ".pt" in found.reason


def test_the_name_is_believed_last_and_in_any_spelling(lora: Path) -> None:
    found = detect(named(lora, "My BY.name_(1)"), tables(published("tcd", name="by-name")))
    assert found.method == "tcd" and "name" in found.reason


@pytest.mark.parametrize(
    "name, shapes, method",
    [
        ("Hyper-SD15-4steps-lora", SD15, "hyper-sd15-4"),
        ("lcm-lora-sdv1-5", SD15, "lcm"),
        ("sdxl_lightning_4step_lora", SDXL, "lightning-4"),
        ("dmd2_sdxl_4step_lora_fp16", SDXL, "dmd2"),
        ("xl_more_art-full_v1", SDXL, None),
    ],
)
def test_published_names_are_recognised(name: str, shapes: Any, method: str | None, tmp_path: Path) -> None:
    found = detect(write(tmp_path / f"{name}.safetensors", kohya(shapes)), TABLES)
    assert found.method == method and found.readable and found.naming == KOHYA
    assert found.layout == layout_of(kohya(shapes))


def test_a_name_of_another_family_is_not_believed(lora: Path) -> None:
    """A file called lightning whose tensors are SD1.5's is something else."""
    assert detect(named(lora, "sdxl_lightning_4step_lora"), TABLES).method is None


def test_files_of_one_size_are_told_apart_by_their_bytes(tmp_path: Path) -> None:
    """Lightning, DMD2 and TDD are all 393,854,592 bytes long."""
    paths = {}
    for number, method in enumerate(("lightning-4", "dmd2", "tdd")):
        paths[method] = write(tmp_path / f"{number}.safetensors", kohya(SDXL, rank=1))
        with open(paths[method], "r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(bytes([number + 1]))
    assert len({path.stat().st_size for path in paths.values()}) == 1
    rows = tables(*(published(method, path, family="sdxl") for method, path in paths.items()))
    assert {method: detect(path, rows).method for method, path in paths.items()} == {method: method for method in paths}


def test_only_a_file_of_a_published_size_is_hashed(lora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[Path] = []
    monkeypatch.setattr(detect_module, "sha256_of", lambda path: hashed.append(path) or "0" * 64)
    detect(lora, tables(published("lcm", size=lora.stat().st_size + 1, sha256=("1" * 64,)), published("tcd", sha256=("1" * 64,))))
    assert hashed == []
    detect(lora, tables(published("lcm", size=lora.stat().st_size, sha256=("1" * 64,))))
    assert hashed == [lora]


def test_a_replaced_upload_is_known_by_its_bytes_and_says_so(lora: Path) -> None:
    found = detect(lora, tables(published("dmd2", lora, superseded=True, note="it acts far too strongly; download it again")))
    assert found.method == "dmd2" and found.superseded and "download it again" in found.reason


def test_a_replaced_upload_is_never_known_by_name(lora: Path) -> None:
    assert detect(named(lora, "by-name"), tables(published("dmd2", name="by-name", superseded=True))).method is None


def test_a_lora_that_is_no_accelerator_says_so_and_keeps_its_layout(lora: Path) -> None:
    found = detect(lora, TABLES)
    assert (found.method, found.readable, found.family) == (None, True, "sd15")
    assert "no accelerator" in found.reason


def test_the_naming_is_told(tmp_path: Path) -> None:
    shapes: dict[str, tuple[int, ...]] = {}
    for name in attention_weights(SD15):
        module = name.removesuffix(".weight")
        shapes |= lora_pair(f"unet.{module}", modules(SD15)[module], 4, ".lora_A.weight", ".lora_B.weight")
    assert detect(write(tmp_path / "x.safetensors", shapes), TABLES).naming == PEFT


@pytest.mark.parametrize(
    "content, why", [(b"", "empty"), (b"<html>", "web page"), (b"A" * 100, "not a valid"), (b"\5\0\0\0\0\0\0\0[[[[[", "not a valid")]
)
def test_a_file_that_cannot_be_read_says_why(content: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "lcm-lora-sdv1-5.safetensors"
    path.write_bytes(content)
    found = detect(path, TABLES)
    assert (found.method, found.readable) == (None, False)
    assert found.reason.startswith("unreadable: ") and why in found.reason


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    found = detect(tmp_path / "none.safetensors", TABLES)
    assert not found.readable and "No such file" in found.reason


def test_a_file_that_vanishes_or_is_locked_while_it_is_hashed_says_so(lora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = tables(published("lcm", lora))

    def locked(path: Path) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(detect_module, "sha256_of", locked)
    assert detect(lora, rows) == Detection(None, "unreadable: Permission denied", readable=False)


# ---------------------------------------------------------------------------------------------------------- no more than needed


@pytest.mark.parametrize("name, metadata", [
    ("lcm-lora-sdv1-5", {}), ("renamed", {"ss_output_name": "lcm-lora-sdv1-5"}), ("renamed", {"x": "y" * 40_000, "name": "TCD-SD15-LoRA"}),
    ("renamed", None),
])  # fmt: skip
def test_what_could_be_recognised_is_read_as_a_whole(tmp_path: Path, name: str, metadata: dict[str, str] | None) -> None:
    path = write(tmp_path / f"{name}.safetensors", kohya(SD15), metadata=metadata)
    assert look(path, TABLES) == detect(path, TABLES) and look(path, TABLES).whole


def test_a_published_size_is_reason_enough_to_hash(lora: Path) -> None:
    rows = tables(published("lcm", lora))
    assert look(lora, rows).method == "lcm" and look(lora, rows) == detect(lora, rows)


@pytest.mark.parametrize("metadata", [{"ss_output_name": "style"}, {"é": "ü" * 30_000}, {}])
def test_metadata_is_read_without_the_rest(tmp_path: Path, metadata: dict[str, str]) -> None:
    path = write(tmp_path / "x.safetensors", kohya(SD15), metadata=metadata or None)
    assert read_metadata(path) == (metadata or None)


@pytest.mark.parametrize("content", [
    b"", b"1234567", b"\xff" * 8, b"\x10" + b"\0" * 7, (30).to_bytes(8, "little") + b'{"__metadata__":{"a":',
    (30).to_bytes(8, "little") + b'{"__metadata__":[1],"b":2}    ', (20).to_bytes(8, "little") + b'{"__metadata__":' + b"[" * 4,
])  # fmt: skip
def test_no_damaged_header_has_metadata(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    assert read_metadata(path) is None
    assert look(path, TABLES) == detect(path, TABLES)
