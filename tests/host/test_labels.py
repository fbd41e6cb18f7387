"""Labels of the plot's axis Method: what a method costs, and once the pictures are made, how long they took."""
from __future__ import annotations

from copy import copy
from types import SimpleNamespace
from typing import Any

import pytest

from tests.core.situations import TABLES

from .fake import Host


@pytest.fixture
def xyz(host: Host) -> Any:
    return host.our("xyz")


def made(xyz: Any, p: Any, method: str, plan: object) -> None:
    """A cell, as the host makes it: a shallow copy of the plot's object."""
    cell = copy(p)
    xyz._put("method", SimpleNamespace(tables=TABLES))(cell, method, [])
    xyz.start(cell)
    xyz.note(cell, plan=plan)
    xyz.stop(cell)


def plotted(**fields: Any) -> Any:
    """The plot's own object, with the accordion's arguments after those of another script."""
    ours = SimpleNamespace(title=lambda: "Accelerator", args_from=1, args_to=3)
    return SimpleNamespace(scripts=SimpleNamespace(alwayson_scripts=[ours]), script_args=("another's", False, "LCM-LoRA"), **fields)


def test_a_label_asked_for_before_the_pictures_tells_their_seconds_when_it_is_drawn(xyz: Any) -> None:
    p = plotted(n_iter=1, batch_size=2)
    label = xyz._labelled(lambda p, method: f"{method}: 4 evaluations")
    lcm, tcd, off = (label(p, None, method) for method in ("lcm", "tcd", "None"))
    assert (lcm, lcm.split(), off) == ("lcm: 4 evaluations", ["lcm:", "4", "evaluations"], "None: 4 evaluations")
    made(xyz, p, "lcm", object())
    made(xyz, p, "None", None)
    assert lcm.split()[:3] == ["lcm:", "4", "evaluations,"] and lcm.split()[-1] == "s" and float(lcm.split()[-2]) >= 0
    assert off.split()[0] == "None:" and off.split()[-1] == "s" and tcd.split() == ["tcd:", "4", "evaluations"]


def test_a_label_says_where_the_method_did_not_fit(xyz: Any) -> None:
    p = plotted(n_iter=1, batch_size=1)
    label = xyz._labelled(lambda p, method: method)(p, None, "lcm")
    made(xyz, p, "lcm", None)
    assert " ".join(label.split()) == "lcm (own settings where it does not fit)"
    made(xyz, p, "lcm", object())
    assert " ".join(label.split()).endswith(" s (own settings where it does not fit)")


@pytest.mark.parametrize(
    "axes, expected",
    [
        ([("weight", 0.5)], {"enabled": True, "method": "tcd", "lora": "auto", "steps": 6, "weight": 0.5}),
        ([("steps", 3), ("weight", 0.5)], {"enabled": True, "method": "tcd", "lora": "auto", "steps": 3, "weight": 0.5}),
        ([("weight", 0.5), ("method", "lcm")], {"enabled": True, "method": "lcm", "weight": 0.5}),
        ([("method", "None"), ("cfg", 2.0)], {"enabled": False}),
    ],
)
def test_a_cells_values_stand_in_the_scripts_own_arguments(xyz: Any, axes: list[tuple[str, Any]], expected: dict[str, Any]) -> None:
    """There a generation reads them, and whatever sends the cell to another machine. The plot's own object stays as it is."""
    p, facts = plotted(), SimpleNamespace(tables=TABLES)
    p.script_args = ("another's", True, "tcd", "auto", 6, 1.0, 1.0, 0.3, "tcd", "next one's")
    p.scripts.alwayson_scripts[0].args_to = 9
    cell = copy(p)
    for name, value in axes:
        xyz._put(name, facts)(cell, value, [])
    assert cell.script_args[1] == expected
    assert (cell.script_args[0], cell.script_args[-1]) == ("another's", "next one's") and len(cell.script_args) == 10
    assert p.script_args[1] is True


def test_an_axis_does_nothing_where_the_script_is_switched_off(xyz: Any) -> None:
    p = SimpleNamespace(scripts=SimpleNamespace(alwayson_scripts=[]), script_args=("x",))
    xyz._put("steps", SimpleNamespace(tables=TABLES))(p, 4, [])
    assert p.script_args == ("x",)
