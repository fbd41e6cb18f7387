"""The first look through a large LoRA folder, with the host's modules stood in for: in pieces, which show how far it is and can be left."""
from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.core.lora_files import SD15, kohya, write

COUNT = 25
OURS = ("lib_fewstep.host.facts", "lib_fewstep.host.folder", "lib_fewstep.host.settings", "lib_fewstep.host.network",
        "lib_fewstep.host.timesteps", "lib_fewstep.host.request")


class State(SimpleNamespace):
    """The host's state, which keeps all that its progress line has said."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "textinfo":
            self.said.append(value)
        super().__setattr__(name, value)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    state = State(said=[], interrupted=False, textinfo=None)
    state.said.clear()
    files = [write(tmp_path / f"style {number}.safetensors", kohya(SD15), metadata={"ss_output_name": "style"}) for number in range(2)]
    listed = {f"style {n}": SimpleNamespace(name=f"style {n}", alias=None, filename=str(files[n % 2])) for n in range(COUNT)}
    fakes: dict[str, dict[str, Any]] = {
        "modules": {},
        "modules.shared": {"state": state, "opts": SimpleNamespace(data={}, sd_model_checkpoint=None)},
        "modules.call_queue": {"queue_lock": Lock()},
        "modules.paths": {"data_path": str(tmp_path)},
        "modules.options": {"OptionHTML": object},
        "modules.sd_models": {"checkpoint_aliases": {}, "model_data": SimpleNamespace(sd_model=None)},
        "modules.sd_samplers": {"all_samplers_map": {}, "all_samplers": []},
        "modules.sd_schedulers": {"schedulers": []},
        "networks": {"available_networks": listed},
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
    facts = importlib.import_module("lib_fewstep.host.facts").HostFacts()
    monkeypatch.setattr(sys.modules["lib_fewstep.host.folder"], "PIECE_SECONDS", 0)  # a file a piece
    yield SimpleNamespace(state=state, facts=facts)
    for name in OURS:
        sys.modules.pop(name, None)


GENERATION = SimpleNamespace(sd_model=None)


def test_a_generation_sees_how_far_the_first_look_is(host: SimpleNamespace) -> None:
    found = host.facts.of_generation(GENERATION)
    assert len(found.loras) == COUNT and found.unseen == 0
    assert host.state.said == [*(f"Accelerator: Looking at LoRA {number} of {COUNT}" for number in range(1, COUNT)), None]
    host.facts.of_generation(GENERATION)
    assert len(host.state.said) == COUNT, "the second look has nothing to tell"


def test_what_others_say_in_the_progress_line_stays(host: SimpleNamespace) -> None:
    host.facts.of_page()
    host.state.textinfo = "Loading another extension's model"
    host.facts.of_generation(GENERATION)
    assert host.state.textinfo == "Loading another extension's model"


def test_interrupt_leaves_the_first_look_and_the_next_one_sees_all(host: SimpleNamespace) -> None:
    host.state.interrupted = True
    found = host.facts.of_generation(GENERATION)
    assert (len(found.loras), found.unseen) == (1, COUNT - 1) and host.state.textinfo is None
    host.state.interrupted = False
    assert len(host.facts.of_generation(GENERATION).loras) == COUNT
    assert host.state.said[-2] == f"Accelerator: Looking at LoRA {COUNT - 1} of {COUNT}"


def test_the_page_looks_in_pieces_and_goes_on_where_it_was(host: SimpleNamespace) -> None:
    for seen in range(1, COUNT + 1):
        found = host.facts.of_page(whole=False)
        assert (len(found.loras), found.unseen) == (seen, COUNT - seen)
    assert host.facts.of_page(whole=False).unseen == 0 and host.state.said == []


def test_a_preview_that_needs_all_gets_all_whatever_an_earlier_job_left(host: SimpleNamespace) -> None:
    host.state.interrupted = True
    assert len(host.facts.of_page().loras) == COUNT and host.state.said == []


def test_a_list_that_changes_meanwhile_is_looked_at_anew(host: SimpleNamespace) -> None:
    host.facts.of_page(whole=False)
    sys.modules["networks"].available_networks.pop("style 0")
    assert [lora.name for lora in host.facts.of_page().loras] == [f"style {number}" for number in range(1, COUNT)]


def test_a_style_named_once_and_then_taken_away_with_all_others_is_gone(host: SimpleNamespace, tmp_path: Path) -> None:
    write(tmp_path / "lcm-lora-sdv1-5.safetensors", kohya(SD15))
    listed = sys.modules["networks"].available_networks
    listed["lcm"] = SimpleNamespace(name="lcm", alias=None, filename=str(tmp_path / "lcm-lora-sdv1-5.safetensors"))
    loras = host.facts.of_page().loras
    assert loras[0].examined().detection.family == "sd15"
    listed.clear()
    assert host.facts.of_page().loras == ()
