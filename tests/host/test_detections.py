"""What was found in a LoRA folder is kept: a large folder is read once, and what is deleted is forgotten."""
from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lib_fewstep.core.detect import Detection, detect, look
from lib_fewstep.core.profiles import PublishedFile, Tables
from lib_fewstep.core.tables import load_tables
from lib_fewstep.host.detections import DetectionCache
from lib_fewstep.words.english import ENGLISH
from lib_fewstep.words.say import in_language, say
from tests.core.lora_files import SD15, SDXL, kohya, lora_pair, write

pytest.importorskip("hypothesis")
from hypothesis import given
from hypothesis import strategies as st

TABLES = load_tables()


@pytest.fixture
def lora(tmp_path: Path) -> Path:
    """A LoRA for SD1.5 that says nothing of itself."""
    return write(tmp_path / "mine.safetensors", kohya(SD15), metadata={"format": "pt"})


def published(method: str, *, name: str, **known: Any) -> PublishedFile:
    names = (re.compile(name, re.IGNORECASE),)
    return PublishedFile(file=f"{method}.safetensors", method=method, family="sd15", repo="somebody/something", names=names, **known)


def tables(*files: PublishedFile) -> Tables:
    return replace(TABLES, files=files)


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


def test_what_nothing_recognises_is_read_as_a_whole_only_when_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "style.safetensors", kohya(SD15), metadata={"ss_output_name": "style"})
    cache_file = tmp_path / "cache.json"
    cache = DetectionCache(cache_file, TABLES)
    assert cache.get(path).layout.transformers == frozenset() and not cache.get(path).whole
    assert cache.whole(path) == detect(path, TABLES) and cache.whole(path).family == "sd15"
    assert cache.get(path) == detect(path, TABLES)
    cache.save()
    assert DetectionCache(cache_file, TABLES).get(path) == detect(path, TABLES)


def test_a_file_that_is_not_there_is_told_as_such(tmp_path: Path) -> None:
    assert DetectionCache(None, TABLES).get(tmp_path / "none.safetensors") == detect(tmp_path / "none.safetensors", TABLES)


def test_what_was_deleted_is_forgotten(folder: list[Path], tmp_path: Path) -> None:
    cache_file = tmp_path / "cache.json"
    fill(cache_file, *folder)
    cache = DetectionCache(cache_file, TABLES)
    folder[0].unlink()
    folder[1].unlink()
    cache.forget_deleted([str(folder[2])])
    cache.save()
    assert list(json.loads(cache_file.read_bytes().partition(b"\n")[2])) == [str(path) for path in folder[2:]]


def test_a_suspicion_is_kept(tmp_path: Path) -> None:
    (tmp_path / "lcm.pt").write_bytes(b"PK\x03\x04")
    before = fill(tmp_path / "cache.json", tmp_path / "lcm.pt")
    assert before[0].suspected and look_again(tmp_path / "cache.json", tmp_path / "lcm.pt") == (before, [])


def test_how_a_file_was_recognised_can_still_be_said_in_another_language(tmp_path: Path) -> None:
    file = write(tmp_path / "Hyper-SD15-8steps-lora.safetensors", kohya(SD15))
    (first,) = fill(tmp_path / "cache.json", file)
    (again,), read = look_again(tmp_path / "cache.json", file)
    assert read == [] and first.reason == again.reason == "its name says hyper-sd15-8"
    assert in_language(again.reason, "ja") == in_language(first.reason, "ja") != first.reason


def test_what_another_version_has_said_of_a_file_is_not_believed(tmp_path: Path, lora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence of that version may be none of ours, or hold fewer values."""
    with monkeypatch.context() as older:
        older.setitem(ENGLISH, "found.of_old", "nothing")
        older.setattr("lib_fewstep.core.detect._NOT_KNOWN", say("found.of_old"))
        fill(tmp_path / "cache.json", lora)
    (found,), read = look_again(tmp_path / "cache.json", lora)
    assert found.reason == ENGLISH["found.nothing"] and read == [lora.name]
    with monkeypatch.context() as newer:
        newer.setitem(ENGLISH, "found.nothing", "nothing, because of {why}")
        assert look_again(tmp_path / "cache.json", lora)[1] == [lora.name]
