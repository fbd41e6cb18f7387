"""What the checkpoint and the LoRA folder are, as the page and a generation see them."""
from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
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


# ----------------------------------------------------------------------------------------------------- what is asked for and saved


def test_a_file_that_nothing_recognises_is_read_as_a_whole_when_it_is_named(host: Host, facts: Any, tmp_path: Path) -> None:
    for name in ("mine", "style"):
        host.add_lora(write(tmp_path / f"{name}.safetensors", kohya(SD15), metadata={"ss_output_name": "x"}), alias=f"my {name}")
    job = SimpleNamespace(sd_model=None)
    looks = {"auto": (), "none": (), "my mine": ("mine",), "gone": ("mine",), "style": ("mine", "style")}
    for asked, whole in looks.items():  # once read, it stays known
        for found in (facts.of_page(lora=asked), facts.of_generation(job, asked)):
            assert tuple(lora.name for lora in found.loras if lora.detection.whole) == whole, asked


@pytest.mark.parametrize("saved, whole", [("mine", True), ("auto", False), (["mine"], False)])
def test_so_is_one_that_is_saved_for_the_checkpoint(host: Host, facts: Any, tmp_path: Path, saved: Any, whole: bool) -> None:
    host.add_lora(write(tmp_path / "mine.safetensors", kohya(SD15), metadata={"ss_output_name": "x"}))
    host.select(checkpoint(tmp_path / "x.safetensors", UNET))
    facts.keep({"method": "lcm", "lora": saved})
    found = facts.of_page()
    assert found.saved == {"method": "lcm", "lora": saved} and found.loras[0].detection.whole == whole


def test_a_named_file_that_cannot_be_read_says_so(host: Host, facts: Any, tmp_path: Path) -> None:
    """Its beginning looked like a style's; nothing else of it is there."""
    path = write(tmp_path / "mine.safetensors", kohya(SD15), metadata={"ss_output_name": "x"})
    host.add_lora(path)
    assert not facts.of_page().loras[0].detection.whole
    os.truncate(path, 300)
    assert not facts.of_page(lora="mine").loras[0].detection.readable


def test_nothing_can_be_saved_without_a_checkpoint(facts: Any) -> None:
    with pytest.raises(ValueError, match="No checkpoint is selected"):
        facts.keep({"method": "lcm"})


def test_what_was_found_so_far_is_known_at_once(host: Host, facts: Any, tmp_path: Path) -> None:
    host.add_lora(write(tmp_path / "TCD-SD15-LoRA.safetensors", kohya(SD15)))
    assert [(lora.name, lora.detection.method) for lora in facts.installed()] == [("TCD-SD15-LoRA", "tcd")]


def test_a_row_of_the_users_that_cannot_be_used_is_logged(host: Host, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "fewstep.yaml").write_text("methods: {mine: {steps: many}}", encoding="utf-8")
    assert host.our("facts").HostFacts().tables.problems and "mine" in caplog.text


# ------------------------------------------------------------------------------------------------------------- what a host can do


def test_what_the_hosts_samplers_say_of_themselves_is_heeded(facts: Any, monkeypatch: pytest.MonkeyPatch, host: Host) -> None:
    """`options["second_order"]` in all hosts; A1111's own list of those with timesteps of their own; some by their function."""
    def ddim_cfgpp() -> None: ...
    def unipc() -> None: ...

    self_timed = SimpleNamespace(samplers_timesteps=[("DDIM CFG++", ddim_cfgpp, ["ddim_cfgpp"], {}), ("UniPC", unipc, ["unipc"], {})])
    monkeypatch.setitem(sys.modules, "modules.sd_samplers_timesteps", self_timed)  # type: ignore[arg-type]
    more = [("HeunPP2", "sample_heunpp2", ["heunpp2"], {}), ("DPM adaptive", "sample_dpm_adaptive", ["k_dpm_ad"], {})]
    more += [("DPM++ 2s a RF", "sample_dpmpp_2s_ancestral_RF", [], {}), ("Kohaku LoNyu Yog", "sample_Kohaku_LoNyu_Yog", [], {})]  # Neo's
    monkeypatch.setattr(host.sd_samplers_kdiffusion, "samplers_k_diffusion", [*host.sd_samplers_kdiffusion.samplers_k_diffusion, *more])
    alter = [SimpleNamespace(name=name, aliases=[alias], options={}) for name, alias in (("SEEDS 2 DP", "SEEDS_2"), ("DEIS", "deis"))]
    monkeypatch.setattr(host.sd_samplers, "all_samplers", [*host.sd_samplers.all_samplers, *alter])  # reForge's
    found = facts.of_page()
    assert found.self_timed == {"DDIM CFG++": 1, "UniPC": 0}
    twice = {"DPM++ SDE", "DPM++ 2S a", "Heun", "DPM2", "DPM2 a"}
    assert found.calls_per_step == {
        **dict.fromkeys(twice, 2), "DPM++ 2s a RF": 2, "SEEDS 2 DP": 2, "HeunPP2": 3, "DPM adaptive": 0, "Kohaku LoNyu Yog": 0,
    }


@pytest.mark.parametrize("forge, parameters, unloads_all", [
    (False, "names, te_multipliers=None, unet_multipliers=None, dyn_dims=None", False),
    (True, "names, te_multipliers=None, unet_multipliers=None, dyn_dims=None", True), (True, "names, te_multipliers=None", False),
])  # fmt: skip
def test_forge_and_its_kin_are_told_apart(
    host: Host, facts: Any, monkeypatch: pytest.MonkeyPatch, forge: bool, parameters: str, unloads_all: bool
) -> None:
    """Forge skips the negative prompt at CFG 1; its older loader stumbles over an unknown name, Neo's does not."""
    if forge:
        monkeypatch.setitem(sys.modules, "modules_forge", ModuleType("modules_forge"))
        alter = SimpleNamespace(samplers_data_alter=[SimpleNamespace(name="Euler a CFG++"), SimpleNamespace(name="DDPM")])
        monkeypatch.setitem(sys.modules, "modules_forge.forge_alter_samplers", alter)  # type: ignore[arg-type]
    host.loras().load_networks = eval(f"lambda {parameters}: None")
    timesteps, ddim_cfgpp = ModuleType("modules.sd_samplers_timesteps"), lambda: None
    ddim_cfgpp.__name__ = "ddim_cfgpp"
    timesteps.samplers_timesteps = [("DDIM CFG++", ddim_cfgpp, [], {})]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "modules.sd_samplers_timesteps", timesteps)
    found = facts.of_page()
    assert (found.skips_uncond, found.unknown_lora_unloads_all) == (forge, unloads_all)
    assert found.keeps_uncond == {"Euler a CFG++" if forge else "DDIM CFG++"}
