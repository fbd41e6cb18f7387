"""What WebUIs and the index of extensions read of us: metadata.ini and the entry for the index."""
from __future__ import annotations

import configparser
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
METADATA = ROOT / "metadata.ini"
ENTRY = ROOT / "docs" / "extension-index.json"
TAGS = {
    "script", "localization", "tab", "dropdown", "ads", "installed", "training", "models", "UI related", "prompting", "editing",
    "manipulations", "online", "animation", "query", "science", "extras",
}  # fmt: skip
"""tags.json of AUTOMATIC1111/stable-diffusion-webui-extensions, 2026-08-22."""
KEYS = {"name": str, "url": str, "description": str, "tags": list}
"""What its validate.py asks of an entry. It fills in `added` itself when the entry is merged."""


def metadata(encoding: str | None = None) -> configparser.ConfigParser:
    """As the WebUIs read it: AUTOMATIC1111 and Forge in the system's encoding, Forge Neo as UTF-8."""
    read = configparser.ConfigParser()
    assert read.read(METADATA, encoding=encoding) == [str(METADATA)]
    return read


@pytest.mark.parametrize("encoding", [None, "utf-8", "cp932", "gbk", "cp1252"])
def test_the_webuis_read_the_metadata(encoding: str | None) -> None:
    assert dict(metadata(encoding)["Extension"]) == {"name": "few-step-accelerator"}
    assert METADATA.read_bytes().isascii()


def test_the_name_is_the_projects() -> None:
    project = re.search(r'^name = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert project is not None
    assert metadata()["Extension"]["Name"] == project.group(1)


def test_no_section_depends_on_the_folders_name() -> None:
    """A section callbacks/X is an error in every WebUI whose folder for us is not called X."""
    assert not [section for section in metadata().sections() if section.startswith("callbacks/")]


def test_scripts_that_are_named_exist() -> None:
    named = [section for section in metadata().sections() if section.startswith("scripts/")]
    assert not [section for section in named if not (ROOT / section).exists()]


def problems(entry: dict[str, Any]) -> list[str]:
    """What the index would refuse, and what a reader of it could not use."""
    found = [f"{key} is missing or wrong" for key, kind in KEYS.items() if not isinstance(entry.get(key), kind) or not entry[key]]
    if found:
        return found
    found += [f"tag {tag!r} is unknown" for tag in entry["tags"] if tag not in TAGS or tag == "installed"]
    found += ["the address is none"] * (re.fullmatch(r"https://[^ ]+\.git", entry["url"]) is None)
    found += ["the description is too long"] * (len(entry["description"]) > 250 or "\n" in entry["description"])
    found += [f"{key!r} is not known" for key in entry if key not in {*KEYS, "added"}]
    try:
        date.fromisoformat(entry.get("added", "2026-01-01"))
    except ValueError:
        found.append("'added' is no date")
    return found


def test_the_index_would_take_the_entry() -> None:
    entry = json.loads(ENTRY.read_text(encoding="utf-8"))
    assert problems(entry) == []
    assert entry["name"] == "Few-Step Accelerator"
    assert "online" not in entry["tags"], "only what reaches a server in everyday use"


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"url": "github.com/x"}, {"url": "https://x.org/a b.git"}, {"tags": []}, {"tags": ["nonsense"]}, {"tags": ["installed"]},
     {"added": "today"}, {"description": "x" * 251}, {"author": "x"}],
)  # fmt: skip
def test_a_wrong_entry_would_be_found(wrong: dict[str, Any]) -> None:
    assert problems({**json.loads(ENTRY.read_text(encoding="utf-8")), **wrong})
