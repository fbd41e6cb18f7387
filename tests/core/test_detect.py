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
from lib_fewstep.core.detect import Detection, DetectionCache, detect, look
from lib_fewstep.core.header import read_metadata
from lib_fewstep.core.layout import KOHYA, PEFT, layout_of
from lib_fewstep.core.profiles import PublishedFile, Tables
from lib_fewstep.core.tables import load_tables
from tests.core.lora_files import SD15, SDXL, attention_weights, kohya, lora_pair, modules, write

pytest.importorskip("hypothesis")
from hypothesis import given
from hypothesis import strategies as st

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


@pytest.mark.parametrize("key", ("ss_output_name", "modelspec.title"))
def test_the_header_is_read_where_training_tools_write(key: str, lora: Path) -> None:
    assert detect(named(lora, "renamed", **{key: "Hyper-SD15-8steps-lora"}), TABLES).method == "hyper-sd15-8"


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
    "content, why", [(b"", "empty"), (b"<html>", "too few"), (b"A" * 100, "no .safetensors file"), (b"\5\0\0\0\0\0\0\0[[[[[", "JSON")]
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
    assert DetectionCache(None, TABLES).get(tmp_path / "none.safetensors") == found


def test_a_file_that_vanishes_or_is_locked_while_it_is_hashed_says_so(lora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = tables(published("lcm", lora))

    def locked(path: Path) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(detect_module, "sha256_of", locked)
    assert detect(lora, rows) == Detection(None, "unreadable: Permission denied", readable=False)


# -------------------------------------------------------------------------------------------------------------------- the cache


class Counting:
    """`look`, counting."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, path: Path, tables: Tables, webui_hash: str | None = None) -> Detection:
        self.asked.append(path.name)
        return look(path, tables, webui_hash)


def fill(cache_file: Path, *paths: Path, tables: Tables = TABLES) -> list[Detection]:
    cache = DetectionCache(cache_file, tables)
    found = [cache.get(path) for path in paths]
    cache.save()
    return found


def look_again(cache_file: Path, *paths: Path, tables: Tables = TABLES) -> tuple[list[Detection], list[str]]:
    """What a new start of the WebUI finds, and which files it had to read for it."""
    counting = Counting()
    cache = DetectionCache(cache_file, tables, counting)
    return [cache.get(path) for path in paths], counting.asked


@pytest.fixture
def folder(tmp_path: Path) -> list[Path]:
    """An accelerator, another LoRA, one in other names, a broken file."""
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    peft = lora_pair("unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k", (1280, 768), 4, ".lora_A.weight", ".lora_B.weight")
    return [
        write(tmp_path / "lcm-lora-sdv1-5.safetensors", kohya(SD15)),
        write(tmp_path / "style.safetensors", kohya(SDXL)),
        write(tmp_path / "peft.safetensors", peft),
        broken,
    ]


def test_the_cache_gives_back_exactly_what_was_found(folder: list[Path], tmp_path: Path) -> None:
    before = fill(tmp_path / "cache" / "loras.json", *folder)
    assert before == [look(path, TABLES) for path in folder]
    assert look_again(tmp_path / "cache" / "loras.json", *folder) == (before, [])


def test_a_file_is_read_once_while_the_webui_runs(folder: list[Path]) -> None:
    counting = Counting()
    cache = DetectionCache(None, TABLES, counting)
    assert [cache.get(path) for path in folder] == [cache.get(path) for path in folder]
    assert counting.asked == [path.name for path in folder]


@pytest.mark.parametrize("change", ("time", "size", "content"))
def test_a_changed_file_is_read_again(change: str, lora: Path, tmp_path: Path) -> None:
    cache_file = tmp_path / "cache.json"
    fill(cache_file, lora)
    status = lora.stat()
    if change == "time":
        os.utime(lora, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    elif change == "size":
        with open(lora, "ab") as file:
            file.write(b"x")
        os.utime(lora, ns=(status.st_atime_ns, status.st_mtime_ns))
    else:
        write(lora, kohya(SDXL))
    found, asked = look_again(cache_file, lora)
    assert asked == [lora.name] and found == [look(lora, TABLES)]


ROW = published("lcm", name="mine", size=100, sha256=("0" * 64,), webui_hash="0" * 12)


@pytest.mark.parametrize(
    "change",
    [
        {"method": "tcd"}, {"family": "sdxl"}, {"names": (re.compile("other"),)}, {"size": 101}, {"sha256": ("1" * 64,)},
        {"webui_hash": "1" * 12}, {"superseded": True}, {"note": "new"}, {"file": "other.safetensors"},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_a_change_in_the_tables_makes_the_cache_start_anew(change: dict[str, Any], lora: Path, tmp_path: Path) -> None:
    cache_file, changed = tmp_path / "cache.json", tables(replace(ROW, **change))
    fill(cache_file, lora, tables=tables(ROW))
    assert look_again(cache_file, lora, tables=tables(ROW))[1] == []
    found, asked = look_again(cache_file, lora, tables=changed)
    assert asked == [lora.name] and found == [look(lora, changed)]


@pytest.mark.parametrize("text", (b"", b"[]", b"null", b"{}", b"[" * 200_000, b"\xff\xfe\x00", b"\n", b"1 0\n{}"))
def test_a_file_that_is_no_cache_is_replaced(text: bytes, lora: Path, tmp_path: Path) -> None:
    cache_file = tmp_path / "cache.json"
    cache_file.write_bytes(text)
    expected = fill(cache_file, lora)
    assert expected == [look(lora, TABLES)]
    assert look_again(cache_file, lora) == (expected, [])


@given(data=st.data())
def test_a_cache_that_is_damaged_anywhere_is_not_believed(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged-cache"
    folder.mkdir(exist_ok=True)
    lora, cache_file = folder / "lcm-lora-sdv1-5.safetensors", folder / "cache.json"
    if not lora.exists():
        write(lora, kohya(SD15, names=["mid_block.attentions"]))
    cache_file.unlink(missing_ok=True)
    expected = fill(cache_file, lora)
    good = cache_file.read_bytes()
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 40)))
    bad = good[:start] + data.draw(st.binary(max_size=10) | st.sampled_from([b'"', b"5", b"null", b"[]", b"}"])) + good[end:]
    cache_file.write_bytes(bad)
    assert look_again(cache_file, lora) == (expected, [] if bad == good else [lora.name])


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions are POSIX's")
def test_a_folder_that_cannot_be_written_costs_time_only(lora: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "a file where a folder should be"
    blocked.write_text("")
    assert fill(blocked / "cache.json", lora) == [look(lora, TABLES)]
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    try:
        assert fill(locked / "cache.json", lora) == [look(lora, TABLES)]
        assert os.geteuid() == 0 or list(locked.iterdir()) == []  # root may write anywhere
    finally:
        locked.chmod(0o700)


def test_a_write_that_fails_leaves_the_old_cache_and_no_litter(lora: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "cache"
    fill(home / "cache.json", lora)
    before = (home / "cache.json").read_text()
    os.utime(lora, ns=(1, 1))

    def full(source: str, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert fill(home / "cache.json", lora) == [look(lora, TABLES)]
    assert [path.name for path in home.iterdir()] == ["cache.json"] and (home / "cache.json").read_text() == before


def test_nothing_is_written_when_nothing_is_new(lora: Path, tmp_path: Path) -> None:
    cache_file = tmp_path / "cache.json"
    fill(cache_file, lora)
    os.utime(cache_file, ns=(5, 5))
    fill(cache_file, lora)
    assert cache_file.stat().st_mtime_ns == 5


# ---------------------------------------------------------------------------------------------------------- no more than needed


def test_what_nothing_recognises_is_read_as_a_whole_only_when_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "style.safetensors", kohya(SD15), metadata={"ss_output_name": "style"})
    cache_file = tmp_path / "cache.json"
    cache = DetectionCache(cache_file, TABLES)
    assert cache.get(path).layout.sites == frozenset() and not cache.get(path).whole
    assert cache.whole(path) == detect(path, TABLES) and cache.whole(path).family == "sd15"
    assert cache.get(path) == detect(path, TABLES)
    cache.save()
    assert DetectionCache(cache_file, TABLES).get(path) == detect(path, TABLES)


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
