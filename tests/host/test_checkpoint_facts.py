"""What the checkpoint and the LoRA folder are, as the page and a generation see them."""
from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tests.core.lora_files import SD15, SDXL, attention_weights, kohya, write

from .fake import Host


@pytest.fixture
def facts(host: Host) -> Any:
    """Of a host with nothing loaded."""
    return host.our("facts").HostFacts()


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


def test_a_unet_that_the_host_keeps_in_4_bits_is_what_its_file_says(host: Host, facts: Any, tmp_path: Path) -> None:
    info = host.select(checkpoint(tmp_path / "x.safetensors", UNET))
    loaded = model(info, PACKED, torch.uint8)
    host.load(loaded)
    before, during = facts.of_page().unet, facts.of_generation(SimpleNamespace(sd_model=loaded)).unet
    assert before == during and before.family == "sd15"
    assert {each.width for each in during.transformers} == {320, 640, 1280}


@pytest.mark.parametrize("suffix", [".ckpt", ".gguf", ".safetensors"])
def test_a_checkpoint_without_header_is_not_taken_for_the_one_loaded_before(suffix: str, host: Host, facts: Any, tmp_path: Path) -> None:
    first = host.select(checkpoint(tmp_path / "first.safetensors", UNET))
    host.load(model(first, UNET))
    assert facts.of_page().family == "sd15"
    path = tmp_path / f"second{suffix}"
    path.write_bytes(b"GGUF or anything")
    second = host.select(path)
    assert facts.of_page().unet is None
    host.load(model(second, attention_weights(SDXL)))
    assert facts.of_page().family == "sdxl"
    assert facts.of_generation(SimpleNamespace(sd_model=host.sd_models.model_data.sd_model)).family == "sdxl"


def test_a_network_that_is_none_of_ours_is_told_from_its_file_and_when_loaded(host: Host, facts: Any, tmp_path: Path) -> None:
    wan = {"blocks.0.self_attn.q.weight": (64, 64)}
    host.select(checkpoint(tmp_path / "wan.safetensors", wan))
    assert facts.of_page().family == "wan"
    gguf = host.select(tmp_path / "wan.gguf")
    assert facts.of_generation(SimpleNamespace(sd_model=model(gguf, wan))).family == "wan"


def called(facts: Any, name: str) -> list[str]:
    return [lora.name for lora in facts.of_page().loras if lora.is_called(name)]


def test_of_files_with_one_alias_only_the_one_that_the_host_loads_is_called_by_it(host: Host, facts: Any, tmp_path: Path) -> None:
    for name in ("TCD-SD15-LoRA", "other one", "other two"):
        host.add_lora(write(tmp_path / f"{name}.safetensors", kohya(SD15)), alias="TCD-SD15-LoRA")
    assert called(facts, "TCD-SD15-LoRA") == ["TCD-SD15-LoRA"]
    assert called(facts, "other one") == ["other one"]


def test_an_alias_of_two_files_calls_neither_and_one_of_one_file_calls_it(host: Host, facts: Any, tmp_path: Path) -> None:
    for name, alias in (("a", "Shared"), ("b", "Shared"), ("c", "mine")):
        host.add_lora(write(tmp_path / f"{name}.safetensors", kohya(SD15)), alias=alias)
    assert called(facts, "Shared") == [] and called(facts, "mine") == ["c"]


def test_a_name_wins_over_the_alias_of_an_earlier_file(host: Host, facts: Any, tmp_path: Path) -> None:
    host.add_lora(write(tmp_path / "a.safetensors", kohya(SD15)), alias="z")
    host.add_lora(write(tmp_path / "z.safetensors", kohya(SD15)), alias="q")
    assert called(facts, "z") == ["z"]


def test_files_that_the_host_passes_over_for_their_name_are_told(host: Host, facts: Any, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    paths = [write(folder / "lcm-lora-sdv1-5.safetensors", kohya(SD15)) for folder in (tmp_path, tmp_path / "sub")]
    for path in (*paths, write(tmp_path / "style.safetensors", kohya(SD15))):
        host.add_lora(path)
    assert {lora.name: lora.shadowed for lora in facts.of_page().loras} == {"lcm-lora-sdv1-5": (str(paths[0]),), "style": ()}


def test_what_is_known_of_deleted_files_is_forgotten(host: Host, facts: Any, tmp_path: Path) -> None:
    for name in ("lcm-lora-sdv1-5", "TCD-SD15-LoRA"):
        host.add_lora(write(tmp_path / f"{name}.safetensors", kohya(SD15)))
    facts.of_page()
    kept = tmp_path / "cache" / "fewstep-loras.json"
    assert b"TCD-SD15-LoRA" in kept.read_bytes()
    os.unlink(tmp_path / "TCD-SD15-LoRA.safetensors")
    del host.loras().available_networks["TCD-SD15-LoRA"]
    facts.of_page()
    assert b"TCD-SD15-LoRA" not in kept.read_bytes() and b"lcm-lora-sdv1-5" in kept.read_bytes()
