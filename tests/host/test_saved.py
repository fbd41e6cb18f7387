"""Settings saved for a checkpoint: kept, forgotten, and never lost to a damaged file."""
from __future__ import annotations

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
    assert [file.name for file in tmp_path.iterdir()] == ["saved.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe\x00", b'{"a": '])
def test_a_damaged_file_counts_as_empty_and_is_not_written_over(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "saved.json"
    path.write_bytes(content)
    saved = SavedSettings(path)
    assert saved.of("a") == {}
    with pytest.raises(ValueError, match=r"saved\.json is damaged .*mend or delete"):
        saved.keep("a", SETTINGS)
    assert path.read_bytes() == content


def test_an_entry_that_is_no_mapping_counts_as_nothing(tmp_path: Path) -> None:
    path = tmp_path / "saved.json"
    path.write_text('{"a": [1], "b": {"method": "lcm"}}', encoding="utf-8")
    assert (SavedSettings(path).of("a"), SavedSettings(path).of("b")) == ({}, {"method": "lcm"})


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"saved\.json cannot be written: No such file"):
        SavedSettings(tmp_path / "gone" / "saved.json").keep("a", SETTINGS)
