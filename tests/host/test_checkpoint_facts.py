"""What the checkpoint and the LoRA folder are, as the page and a generation see them; the host's modules are stood in for."""
from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Lock
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from tests.core.lora_files import SD15, SDXL, attention_weights, kohya, write

OURS = ("lib_fewstep.host.facts", "lib_fewstep.host.folder", "lib_fewstep.host.settings", "lib_fewstep.host.network")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A host with nothing loaded, and its tables of LoRA files filled by the rules of A1111 1.10.1 (`process_network_files`)."""
    opts = SimpleNamespace(data={}, sd_model_checkpoint="")
    checkpoints: dict[str, Any] = {}
    model_data = SimpleNamespace(sd_model=None)
    tables: dict[str, dict[str, Any]] = {"available_networks": {}, "available_network_aliases": {}, "forbidden_network_aliases": {}}
    fakes: dict[str, dict[str, Any]] = {
        "modules": {},
        "modules.shared": {"state": SimpleNamespace(interrupted=False, textinfo=None), "opts": opts},
        "modules.call_queue": {"queue_lock": Lock()},
        "modules.paths": {"data_path": str(tmp_path)},
        "modules.options": {"OptionHTML": object},
        "modules.sd_models": {"checkpoint_aliases": checkpoints, "model_data": model_data},
        "modules.sd_samplers": {"all_samplers_map": {}, "all_samplers": []},
        "modules.sd_schedulers": {"schedulers": []},
        "networks": tables,
    }
    for name, attributes in fakes.items():
        module = ModuleType(name)
        vars(module).update(attributes)
        monkeypatch.setitem(sys.modules, name, module)
        parent, _, child = name.rpartition(".")
        if parent:
            monkeypatch.setattr(sys.modules[parent], child, module, raising=False)
    for name in OURS:
        monkeypatch.delitem(sys.modules, name, raising=False)

    def add_lora(path: Path, alias: str = "") -> None:
        entry = SimpleNamespace(name=path.stem, alias=alias or path.stem, filename=str(path))
        tables["available_networks"][entry.name] = entry
        if entry.alias in tables["available_network_aliases"]:
            tables["forbidden_network_aliases"][entry.alias.lower()] = 1
        tables["available_network_aliases"] |= {entry.name: entry, entry.alias: entry}

    def select(path: Path) -> SimpleNamespace:
        info = SimpleNamespace(filename=str(path), name=path.name, sha256=None)
        checkpoints[path.name], opts.sd_model_checkpoint = info, path.name
        return info

    facts = importlib.import_module("lib_fewstep.host.facts").HostFacts()
    yield SimpleNamespace(facts=facts, tables=tables, add_lora=add_lora, select=select, model_data=model_data)
    for name in OURS:
        sys.modules.pop(name, None)


class Weights(torch.nn.Module):
    """A network of these weights, which takes no memory."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], dtype: torch.dtype = torch.float16):
        super().__init__()
        for name, shape in shapes.items():
            empty = torch.empty(shape, dtype=dtype, device="meta")
            self.register_parameter(name.replace(".", "/"), torch.nn.Parameter(empty, requires_grad=False))

    def named_parameters(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, torch.nn.Parameter]]:
        for name, weight in super().named_parameters(*args, **kwargs):
            yield name.replace("/", "."), weight


def model(info: Any, shapes: Mapping[str, tuple[int, ...]], dtype: torch.dtype = torch.float16) -> Any:
    return SimpleNamespace(sd_checkpoint_info=info, model=SimpleNamespace(diffusion_model=Weights(shapes, dtype)))


def checkpoint(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> Path:
    return write(path, {f"model.diffusion_model.{name}": shape for name, shape in shapes.items()})


UNET = attention_weights(SD15)
PACKED = {name: (shape[0] * shape[1] // 2, 1) for name, shape in UNET.items()}


def test_a_unet_that_the_host_keeps_in_4_bits_is_what_its_file_says(host: SimpleNamespace, tmp_path: Path) -> None:
    info = host.select(checkpoint(tmp_path / "x.safetensors", UNET))
    loaded = model(info, PACKED, torch.uint8)
    host.model_data.sd_model = loaded
    before, during = host.facts.of_page().unet, host.facts.of_generation(SimpleNamespace(sd_model=loaded)).unet
    assert before == during and before.family == "sd15"
    assert {each.width for each in during.transformers} == {320, 640, 1280}


@pytest.mark.parametrize("suffix", [".ckpt", ".gguf", ".safetensors"])
def test_a_checkpoint_without_header_is_not_taken_for_the_one_loaded_before(suffix: str, host: SimpleNamespace, tmp_path: Path) -> None:
    first = host.select(checkpoint(tmp_path / "first.safetensors", UNET))
    host.model_data.sd_model = model(first, UNET)
    assert host.facts.of_page().family == "sd15"
    path = tmp_path / f"second{suffix}"
    path.write_bytes(b"GGUF or anything")
    second = host.select(path)
    assert host.facts.of_page().unet is None
    host.model_data.sd_model = model(second, attention_weights(SDXL))
    assert host.facts.of_page().family == "sdxl"
    assert host.facts.of_generation(SimpleNamespace(sd_model=host.model_data.sd_model)).family == "sdxl"


def test_a_network_that_is_none_of_ours_is_told_from_its_file_and_when_loaded(host: SimpleNamespace, tmp_path: Path) -> None:
    wan = {"blocks.0.self_attn.q.weight": (64, 64)}
    host.select(checkpoint(tmp_path / "wan.safetensors", wan))
    assert host.facts.of_page().family == "wan"
    gguf = host.select(tmp_path / "wan.gguf")
    assert host.facts.of_generation(SimpleNamespace(sd_model=model(gguf, wan))).family == "wan"


def called(host: SimpleNamespace, name: str) -> list[str]:
    return [lora.name for lora in host.facts.of_page().loras if lora.is_called(name)]


def test_of_files_with_one_alias_only_the_one_that_the_host_loads_is_called_by_it(host: SimpleNamespace, tmp_path: Path) -> None:
    for name in ("TCD-SD15-LoRA", "other one", "other two"):
        host.add_lora(write(tmp_path / f"{name}.safetensors", kohya(SD15)), alias="TCD-SD15-LoRA")
    assert called(host, "TCD-SD15-LoRA") == ["TCD-SD15-LoRA"]
    assert called(host, "other one") == ["other one"]


def test_an_alias_of_two_files_calls_neither_and_one_of_one_file_calls_it(host: SimpleNamespace, tmp_path: Path) -> None:
    for name, alias in (("a", "Shared"), ("b", "Shared"), ("c", "mine")):
        host.add_lora(write(tmp_path / f"{name}.safetensors", kohya(SD15)), alias=alias)
    assert called(host, "Shared") == [] and called(host, "mine") == ["c"]


def test_a_name_wins_over_the_alias_of_an_earlier_file(host: SimpleNamespace, tmp_path: Path) -> None:
    host.add_lora(write(tmp_path / "a.safetensors", kohya(SD15)), alias="z")
    host.add_lora(write(tmp_path / "z.safetensors", kohya(SD15)), alias="q")
    assert called(host, "z") == ["z"]


def test_files_that_the_host_passes_over_for_their_name_are_told(host: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    paths = [write(folder / "lcm-lora-sdv1-5.safetensors", kohya(SD15)) for folder in (tmp_path, tmp_path / "sub")]
    for path in (*paths, write(tmp_path / "style.safetensors", kohya(SD15))):
        host.add_lora(path)
    assert {lora.name: lora.shadowed for lora in host.facts.of_page().loras} == {"lcm-lora-sdv1-5": (str(paths[0]),), "style": ()}


def test_what_is_known_of_deleted_files_is_forgotten(host: SimpleNamespace, tmp_path: Path) -> None:
    for name in ("lcm-lora-sdv1-5", "TCD-SD15-LoRA"):
        host.add_lora(write(tmp_path / f"{name}.safetensors", kohya(SD15)))
    host.facts.of_page()
    kept = tmp_path / "cache" / "fewstep-loras.json"
    assert b"TCD-SD15-LoRA" in kept.read_bytes()
    os.unlink(tmp_path / "TCD-SD15-LoRA.safetensors")
    del host.tables["available_networks"]["TCD-SD15-LoRA"]
    host.facts.of_page()
    assert b"TCD-SD15-LoRA" not in kept.read_bytes() and b"lcm-lora-sdv1-5" in kept.read_bytes()
