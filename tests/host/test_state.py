"""What we keep on a processing object hinders nobody who copies the object, or sends its fields on."""
from __future__ import annotations

import copy
import json
from types import SimpleNamespace

from lib_fewstep.core.plan import Plan
from lib_fewstep.host.state import generation_of, note, plan_of


def test_the_fields_of_p_can_be_sent_on_as_json() -> None:
    """As stable-diffusion-webui-distributed does: what it cannot write as JSON keeps the whole job from its workers."""
    p = SimpleNamespace(steps=4)
    note(p, plan=Plan(active=True), axes={"steps": 2})
    assert json.loads(json.dumps(vars(p)))["steps"] == 4
    assert plan_of(SimpleNamespace(**copy.deepcopy(vars(p)))) == Plan(active=True)


def test_a_shallow_copy_goes_its_own_way() -> None:
    p = SimpleNamespace()
    note(p, axes={"steps": 2})
    cell = copy.copy(p)
    note(cell, axes={"steps": 3})
    assert generation_of(p).axes == {"steps": 2} and generation_of(cell).axes == {"steps": 3}


def test_what_another_has_put_there_is_not_taken_for_ours() -> None:
    assert plan_of(SimpleNamespace(fewstep={"plan": "another's"})) is None
