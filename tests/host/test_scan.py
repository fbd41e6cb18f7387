"""The first look through a large LoRA folder: in pieces, which show how far it is and can be left."""
from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.core.lora_files import SD15, kohya, write

from .fake import Host

COUNT = 25


class State(SimpleNamespace):
    """The host's state, which keeps all that its progress line has said."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "textinfo":
            self.said.append(value)
        super().__setattr__(name, value)


@pytest.fixture
def scan(host: Host, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    state = State(said=[], interrupted=False, textinfo=None)
    state.said.clear()
    monkeypatch.setattr(host.shared, "state", state)
    monkeypatch.setattr(host.our("folder"), "PIECE_SECONDS", 0)  # a file a piece
    files = [write(host.data / f"style {number}.safetensors", kohya(SD15), metadata={"ss_output_name": "style"}) for number in range(2)]
    for number in range(COUNT):
        host.add_lora(files[number % 2], f"style {number}")
    return SimpleNamespace(state=state, facts=host.our("facts").HostFacts(), listed=host.loras().available_networks)


GENERATION = SimpleNamespace(sd_model=None)


def test_a_generation_sees_how_far_the_first_look_is(scan: SimpleNamespace) -> None:
    found = scan.facts.of_generation(GENERATION)
    assert len(found.loras) == COUNT and found.unseen == 0
    assert scan.state.said == [*(f"Accelerator: Looking at LoRA {number} of {COUNT}" for number in range(1, COUNT)), None]
    scan.facts.of_generation(GENERATION)
    assert len(scan.state.said) == COUNT, "the second look has nothing to tell"


def test_what_others_say_in_the_progress_line_stays(scan: SimpleNamespace) -> None:
    scan.facts.of_page()
    scan.state.textinfo = "Loading another extension's model"
    scan.facts.of_generation(GENERATION)
    assert scan.state.textinfo == "Loading another extension's model"


def test_interrupt_leaves_the_first_look_and_the_next_one_sees_all(scan: SimpleNamespace) -> None:
    scan.state.interrupted = True
    found = scan.facts.of_generation(GENERATION)
    assert (len(found.loras), found.unseen) == (1, COUNT - 1) and scan.state.textinfo is None
    scan.state.interrupted = False
    assert len(scan.facts.of_generation(GENERATION).loras) == COUNT
    assert scan.state.said[-2] == f"Accelerator: Looking at LoRA {COUNT - 1} of {COUNT}"


def test_the_page_looks_in_pieces_and_goes_on_where_it_was(scan: SimpleNamespace) -> None:
    for seen in range(1, COUNT + 1):
        found = scan.facts.of_page(whole=False)
        assert (len(found.loras), found.unseen) == (seen, COUNT - seen)
    assert scan.facts.of_page(whole=False).unseen == 0 and scan.state.said == []


def test_a_preview_that_needs_all_gets_all_whatever_an_earlier_job_left(scan: SimpleNamespace) -> None:
    scan.state.interrupted = True
    assert len(scan.facts.of_page().loras) == COUNT and scan.state.said == []


def test_a_list_that_changes_meanwhile_is_looked_at_anew(scan: SimpleNamespace) -> None:
    scan.facts.of_page(whole=False)
    scan.listed.pop("style 0")
    assert [lora.name for lora in scan.facts.of_page().loras] == [f"style {number}" for number in range(1, COUNT)]


def test_a_style_named_once_and_then_taken_away_with_all_others_is_gone(scan: SimpleNamespace, tmp_path: Path) -> None:
    write(tmp_path / "lcm-lora-sdv1-5.safetensors", kohya(SD15))
    scan.listed["lcm"] = SimpleNamespace(name="lcm", alias=None, filename=str(tmp_path / "lcm-lora-sdv1-5.safetensors"))
    found = {lora.name: lora.detection.family for lora in scan.facts.of_page(lora="style 0").loras}
    assert found == {**{f"style {number}": None for number in range(COUNT)}, "style 0": "sd15", "lcm": "sd15"}
    scan.listed.clear()
    assert scan.facts.of_page().loras == ()
