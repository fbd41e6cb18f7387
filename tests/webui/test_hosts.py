"""How WebUIs are found."""
from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from lib_fewstep.core.profiles import CHECKPOINT, LORA

from . import hosts


def test_a_real_webui_is_linked() -> None:
    if len(hosts.all_hosts()) == 1:
        pytest.skip(f"no WebUI linked under {hosts.links_folder()}: this folder's tests ran on the embedded host alone (see hosts.py)")


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({}, "a1111"),
        ({"modules_forge/x.py": "", "backend/args.py": '"--always-cpu"'}, "forge"),
        ({"modules_forge/x.py": "", "backend/args.py": '"--cpu"'}, "neo"),
        ({"modules_forge/x.py": "", "ldm_patched/x.py": ""}, "reforge"),
    ],
)
def test_a_checkout_tells_its_kind(tmp_path: Path, files: dict[str, str], kind: str) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert hosts.detect_kind(tmp_path) == kind


def test_a_link_is_described_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    link = hosts.links_folder() / "mine"
    link.mkdir(parents=True)
    described = {"kind": "forge", "python": sys.executable, "flags": ["--medvram"], "checkpoints": {"sdxl": "x.safetensors"}, "cpu": False}
    link.with_name("mine.json").write_text(json.dumps(described))
    embedded, found = hosts.all_hosts()
    assert (embedded.name, found.name, found.kind) == ("embedded", "mine", "forge")
    command = found.command(1, tmp_path)
    assert found.families == ["sd15", "sdxl"] and "--medvram" in command and "--always-cpu" not in command


@pytest.mark.parametrize("described", [{"kind": "comfy"}, {"pyhton": "x"}, {"python": "no/such/python"}])
def test_a_link_that_cannot_be_used_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, described: dict[str, str]) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    link = hosts.links_folder() / "mine"
    link.mkdir(parents=True)
    (link / "fewstep-host.json").write_text(json.dumps(described))
    with pytest.raises(ValueError, match="mine"):
        hosts.all_hosts()


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_every_method_has_a_file_that_a_user_could_have(family: str) -> None:
    """A LoRA, a checkpoint, or nothing, as the method's row says."""
    loras = {profile.key: hosts.lora_name(profile, family) for profile in hosts.TABLES.for_family(family) if profile.weights == LORA}
    checkpoints = {profile.key: name for name, profile in hosts.checkpoints_of(family)}
    own = [name for key, name in loras.items() if not hosts.TABLES.profiles[key].files_of]
    assert None not in loras.values() and len(set(own)) == len(own)
    assert checkpoints.keys() >= {profile.key for profile in hosts.TABLES.for_family(family) if profile.weights == CHECKPOINT}
    assert len(set(checkpoints.values())) == len(checkpoints)
