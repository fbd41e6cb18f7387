"""Labels of the plot's axis Method: what a method costs, and once the pictures are made, how long they took."""
from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from copy import copy
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

OURS = "lib_fewstep.host.xyz"


@pytest.fixture
def xyz(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    modules = ModuleType("modules")
    monkeypatch.setattr(modules, "scripts", SimpleNamespace(scripts_data=[]), raising=False)
    monkeypatch.setitem(sys.modules, "modules", modules)
    monkeypatch.delitem(sys.modules, OURS, raising=False)
    yield importlib.import_module(OURS)
    sys.modules.pop(OURS, None)


def made(xyz: Any, p: Any, method: str, plan: object) -> None:
    """A cell, as the host makes it: a shallow copy of the plot's object."""
    cell = copy(p)
    xyz._set("method")(cell, method, [])
    xyz.start(cell)
    cell.fewstep_plan = plan
    xyz.stop(cell)


def test_a_label_asked_for_before_the_pictures_tells_their_seconds_when_it_is_drawn(xyz: Any) -> None:
    p = SimpleNamespace(n_iter=1, batch_size=2)
    label = xyz._labelled(lambda p, method: f"{method}: 4 evaluations")
    lcm, tcd, off = (label(p, None, method) for method in ("lcm", "tcd", "None"))
    assert (lcm, lcm.split(), off) == ("lcm: 4 evaluations", ["lcm:", "4", "evaluations"], "None")
    made(xyz, p, "lcm", object())
    made(xyz, p, "None", None)
    assert lcm.split()[:3] == ["lcm:", "4", "evaluations,"] and lcm.split()[-1] == "s" and float(lcm.split()[-2]) >= 0
    assert off.split()[0] == "None," and off.split()[-1] == "s" and tcd.split() == ["tcd:", "4", "evaluations"]


def test_a_label_says_where_the_method_did_not_fit(xyz: Any) -> None:
    p = SimpleNamespace(n_iter=1, batch_size=1)
    label = xyz._labelled(lambda p, method: method)(p, None, "lcm")
    made(xyz, p, "lcm", None)
    assert " ".join(label.split()) == "lcm (own settings where it does not fit)"
    made(xyz, p, "lcm", object())
    assert " ".join(label.split()).endswith(" s (own settings where it does not fit)")
