"""A LoRA that we add is gone with the picture it was added for: with, without and with another weight come out alike in any order."""
from __future__ import annotations

from typing import Any

import pytest

from .checkpoints import chosen
from .client import Result, WebUI

WITH: dict[str, Any] = {"method": "lcm"}


def files(*results: Result) -> list[list[str]]:
    return [result.files for result in results]


def test_with_and_without_come_out_alike_in_any_order(webui: WebUI) -> None:
    without, with_it, weaker = webui.txt2img(steps=3), webui.txt2img(WITH), webui.txt2img({**WITH, "weight": 0.5})
    assert without.loras == [] and with_it.loras != [] and len({*map(str, files(without, with_it, weaker))}) == 3
    assert files(webui.txt2img({**WITH, "weight": 0.5}), webui.txt2img(steps=3), webui.txt2img(WITH)) == files(weaker, without, with_it)
    assert files(webui.txt2img(WITH), webui.txt2img(steps=3)) == files(with_it, without)


def test_they_do_across_checkpoints(webui: WebUI) -> None:
    without, with_it = webui.txt2img(steps=3), webui.txt2img(WITH)

    def brighter(tensors: dict[str, Any]) -> None:
        name = next(name for name in tensors if name.endswith("out.2.bias"))
        tensors[name] = tensors[name] + 0.1

    with chosen(webui, "another", brighter):
        other, other_with = webui.txt2img(steps=3), webui.txt2img(WITH)
        assert other.files != without.files and other_with.files != with_it.files
        assert files(webui.txt2img(steps=3), webui.txt2img(WITH)) == files(other, other_with)
    assert files(webui.txt2img(WITH), webui.txt2img(steps=3)) == files(with_it, without)


def test_they_do_after_requests_that_cannot_be_carried_out(webui: WebUI) -> None:
    """A weight out of range, a LoRA and a method that do not exist: whatever is made of them, the next picture is as before."""
    without, with_it = webui.txt2img(steps=3), webui.txt2img(WITH)
    for wrong in ({**WITH, "weight": 1e6}, {**WITH, "lora": "nowhere"}, {"method": "nope"}):
        webui.txt2img(wrong, steps=2)
    assert files(webui.txt2img(steps=3), webui.txt2img(WITH)) == files(without, with_it)


@pytest.mark.parametrize("first", [True, False])
def test_a_tag_of_the_users_own_is_not_ours_to_keep(webui: WebUI, first: bool) -> None:
    tag = webui.plan(method="lcm")["tag"]
    by_hand = {"prompt": f"red circle {tag}", "steps": 3}
    orders = [webui.txt2img(**by_hand), webui.txt2img(WITH)] if first else [webui.txt2img(WITH), webui.txt2img(**by_hand)][::-1]
    again = webui.txt2img(**by_hand), webui.txt2img(WITH)
    assert files(*orders) == files(*again)
