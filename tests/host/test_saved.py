"""Settings saved for a checkpoint: kept, forgotten, and never lost to a damaged file."""
from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lib_fewstep.host.saved import SavedSettings

SETTINGS = {"method": "lcm", "weight": 0.8}


def test_what_is_saved_is_there_for_others_too_and_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "saved.json"
    one, other = SavedSettings(path), SavedSettings(path)
    assert one.of("a.safetensors") == {}
    one.keep("a.safetensors", SETTINGS)
    other.keep("ü/b.ckpt", {"method": "tcd"})
    for each in (one, other, SavedSettings(path)):
        assert (each.of("a.safetensors"), each.of("ü/b.ckpt"), each.of("c")) == (SETTINGS, {"method": "tcd"}, {})
    one.keep("a.safetensors", {})
    assert (other.of("a.safetensors"), other.of("ü/b.ckpt")) == ({}, {"method": "tcd"})
    assert [file.name for file in tmp_path.iterdir() if file.suffix != ".lock"] == ["saved.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe\x00", b'{"a": '])
def test_a_damaged_file_counts_as_empty_and_is_not_written_over(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "saved.json"
    path.write_bytes(content)
    saved = SavedSettings(path)
    assert saved.of("a") == {}
    with pytest.raises(ValueError, match=r"saved\.json is damaged .*Mend or delete"):
        saved.keep("a", SETTINGS)
    assert path.read_bytes() == content


def test_an_entry_that_is_no_mapping_counts_as_nothing(tmp_path: Path) -> None:
    path = tmp_path / "saved.json"
    path.write_text('{"a": [1], "b": {"method": "lcm"}}', encoding="utf-8")
    assert (SavedSettings(path).of("a"), SavedSettings(path).of("b")) == ({}, {"method": "lcm"})


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"saved\.json cannot be written \(No such file"):
        SavedSettings(tmp_path / "gone" / "saved.json").keep("a", SETTINGS)


def test_many_who_save_at_once_lose_nothing(tmp_path: Path) -> None:
    """Two pages, or two WebUIs with one data folder: each has an object of its own."""
    path = tmp_path / "saved.json"

    def save(number: int) -> None:
        SavedSettings(path).keep(f"{number}.safetensors", {"steps": number})

    with ThreadPoolExecutor(8) as pages:
        list(pages.map(save, range(40)))
    assert [SavedSettings(path).of(f"{number}.safetensors") for number in range(40)] == [{"steps": number} for number in range(40)]


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
def test_the_file_has_the_mode_of_any_other_and_keeps_what_its_owner_gives_it(tmp_path: Path) -> None:
    ordinary, path = tmp_path / "ordinary", tmp_path / "saved.json"
    ordinary.touch()
    SavedSettings(path).keep("a", SETTINGS)
    assert path.stat().st_mode == ordinary.stat().st_mode
    path.chmod(0o640)
    SavedSettings(path).keep("b", SETTINGS)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_file_system_without_locks_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object, **__: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr("filelock.FileLock.acquire", no_locks)
    SavedSettings(tmp_path / "saved.json").keep("a", SETTINGS)
    assert SavedSettings(tmp_path / "saved.json").of("a") == SETTINGS
