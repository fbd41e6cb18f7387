"""The stages and their order, without training: what is there is skipped, what is missing is made from what came before."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import pipeline as pipeline_module
from lab.__main__ import CHAINS
from lab.pipeline import Pipeline
from lab.settings import DMD, HYPER, LCM, LIGHTNING, TURBO, full_settings, quick_settings, timing_settings
from lab.timing import table, trainings


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """Distillations leave empty files; what each started from is noted as (target, the LoRA it began with)."""
    notes: list[tuple[str, str | None]] = []

    def leave(*arguments: object) -> None:
        target = arguments[-1]
        assert isinstance(target, Path)
        starts = [each.stem for each in arguments[:-2] if isinstance(each, Path) and each.parent.name == "Lora"]
        notes.append((target.stem, starts[0] if starts else None))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()

    for name in ("distil_lcm", "distil_tcd", "distil_lightning", "distil_hyper", "distil_hyper_cfg", "distil_dmd", "distil_turbo"):
        monkeypatch.setattr(pipeline_module, name, leave)
    return notes


def test_each_lora_starts_from_the_stage_before(tmp_path: Path, made: list[tuple[str, str | None]]):
    stages = Pipeline(quick_settings(tmp_path, tmp_path / "packed")).stages
    for stage in ("lightning", "hyper", "lcm", "tcd", "dmd", "turbo", "hyper-cfg"):
        stages[stage]()
    started = dict(made)
    assert set(started) == set(full_settings(tmp_path, tmp_path).distillations)
    assert [started[LIGHTNING[steps]] for steps in (8, 4, 2, 1)] == [None, LIGHTNING[8], LIGHTNING[4], LIGHTNING[2]]
    assert [started[HYPER[steps]] for steps in (8, 4, 2, 1)] == [None, HYPER[8], HYPER[4], HYPER[2]]
    assert {started[DMD[4]], started[DMD[1]], started[TURBO]} == {LCM}


def test_the_chains_hold_every_distillation_behind_what_it_needs(tmp_path: Path, made: list[tuple[str, str | None]]):
    stages = Pipeline(quick_settings(tmp_path, tmp_path / "packed")).stages
    for chain in CHAINS:
        before = len(made)
        for stage in chain:
            stages[stage]()
        names = [name for name, _ in made[before:]]
        starts = [start for _, start in made[before:] if start]
        assert starts and set(starts) <= set(names)
    assert len(made) == len(full_settings(tmp_path, tmp_path).distillations)


def test_what_is_there_is_not_made_again(tmp_path: Path, made: list[tuple[str, str | None]]):
    stages = Pipeline(quick_settings(tmp_path, tmp_path / "packed")).stages
    stages["lightning"]()
    made.clear()
    (tmp_path / "models" / "Lora" / f"{LIGHTNING[2]}.safetensors").unlink()
    stages["lightning"]()
    assert made == [(LIGHTNING[2], LIGHTNING[4])]


def test_the_time_table_names_every_training(tmp_path: Path):
    for name in trainings():
        (tmp_path / f"{name}.json").write_text('{"steps": 5, "seconds": 10.0, "processor_seconds": 5.0}', encoding="utf-8")
    lines = table(tmp_path)
    training = trainings()["base"]
    assert f"| base | {training.steps} x {training.batch} | 2.00 | 1.00 | {training.steps / 30:.0f} |" in lines
    assert len(lines) == 2 + len(trainings()) + 1
    assert {each.steps for each in timing_settings(tmp_path).distillations.values()} == {5}
