"""Normalized Attention Guidance against its published formula, and what a plan makes of it."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from lib_fewstep.core.controls import ORDER, parse_args
from lib_fewstep.core.decide import make_plan
from lib_fewstep.core.nag import Nag, acts, guided, guided_share
from lib_fewstep.core.plan import Plan
from lib_fewstep.core.request import Request, request_from
from lib_fewstep.core.rows import BadRow, method_from
from lib_fewstep.core.schedules import training_sigmas
from lib_fewstep.words.say import in_language
from tests.core.situations import LCM, TABLES, TCD, facts, ready_for
from tests.core.test_profiles import METHOD

BLURRY = Request(negative_prompt="blurry", method="lcm")


def published(positive: torch.Tensor, negative: torch.Tensor, nag_scale: float, tau: float, alpha: float) -> torch.Tensor:
    """As published code writes equations 7 to 10: with nag_scale, which is phi + 1, and channel by channel."""
    guidance = positive * nag_scale - negative * (nag_scale - 1)
    length_positive = positive.norm(p=1, dim=-1, keepdim=True).expand(*positive.shape)
    length_guidance = guidance.norm(p=1, dim=-1, keepdim=True).expand(*guidance.shape)
    ratio = length_guidance / length_positive
    guidance = guidance * torch.minimum(ratio, torch.ones_like(ratio) * tau) / ratio
    return guidance * alpha + positive * (1 - alpha)


@pytest.mark.parametrize("phi", [0.5, 2, 4, 12])
@pytest.mark.parametrize("tau", [1.0, 1.2, 2.5])
@pytest.mark.parametrize("alpha", [0.125, 0.5, 1.0])
def test_it_is_the_published_formula(phi: float, tau: float, alpha: float) -> None:
    noise = torch.Generator().manual_seed(3)
    positive, negative = (torch.randn(2, 64, 320, generator=noise, dtype=torch.float64) for _ in range(2))
    ours = guided(positive.float(), negative.float(), Nag(phi, tau, alpha, 4))
    expected = published(positive, negative, phi + 1, tau, alpha)
    assert torch.allclose(ours.double(), expected, rtol=1e-6, atol=1e-6)


def test_both_branches_of_the_limit_are_met() -> None:
    """Else the test above would not tell a limit from none."""
    noise = torch.Generator().manual_seed(3)
    positive, negative = (torch.randn(1, 4, 320, generator=noise) for _ in range(2))
    free, limited = (guided(positive, negative, Nag(2, tau, 1, 4)).abs().sum() / positive.abs().sum() for tau in (100.0, 1.5))
    assert free > 2 and limited == pytest.approx(1.5)


def test_half_precision_sums_in_single() -> None:
    """3000 channels of 30 sum to 90000, beyond what half precision holds."""
    positive = torch.full((1, 1, 3000), 30.0, dtype=torch.float16)
    mixed = guided(positive, positive * 0.5, Nag(2, 2.5, 0.5, 4))
    assert mixed.dtype == torch.float16
    assert torch.allclose(mixed.float(), torch.full((1, 1, 3000), 45.0))  # 30 * (1 + 2 * .5) = 60, half of it mixed in


def test_nothing_is_nothing_and_never_nan() -> None:
    zero, one = torch.zeros(1, 2, 8), torch.ones(1, 2, 8)
    for positive, negative in ((zero, zero), (zero, one), (one, one * 1.5)):  # the last extrapolates to 0
        assert guided(positive, negative, Nag(2, 2.5, 0.5, 4)).isfinite().all()
    assert torch.equal(guided(one, zero, Nag(0, 2.5, 0.5, 4)), one)


@pytest.mark.parametrize("timesteps, share", [
    ((999, 749, 499, 249), 0.5), ((999, 759, 499, 259), 0.5), ((999, 874, 749, 624, 499, 374, 249, 124), 3 / 8), ((999,), 1),
    ((999, 499), 0.5),
    ((499, 374, 249, 124), 0.5), ((499, 249, 99), 2 / 3), ((), 0),
])  # fmt: skip
def test_it_acts_down_to_sigma_4_or_in_the_first_half_of_a_pass_that_begins_below(timesteps: tuple[int, ...], share: float) -> None:
    assert guided_share(timesteps, 4) == pytest.approx(share)
    assert guided_share(timesteps, 0) == (1 if timesteps else 0)


def test_the_last_step_that_is_guided_begins_at_the_end_or_above() -> None:
    assert [acts(sigma, 14.6, 0, 4, 4) for sigma in (4.1, 4.0, 3.9)] == [True, True, False]
    assert float(training_sigmas()[749]) > 4 > float(training_sigmas()[739])


# -------------------------------------------------------------------------------------------------------------------- plan


def plan(request: Request, *loras: Any, family: str = "sd15") -> Plan:
    found = make_plan(request, facts(family, *(loras or (LCM, TCD))), TABLES)
    assert found.active, found.notes
    return found


@pytest.mark.parametrize("family, alpha", [("sd15", 0.375), ("sdxl", 0.5)])
def test_a_negative_prompt_acts_by_default_with_the_papers_numbers(family: str, alpha: float) -> None:
    found = make_plan(BLURRY, ready_for(TABLES.profiles["lcm"], family), TABLES)
    assert found.negative == Nag(2, 2.5, alpha, 4) and found.nag == 2
    assert found.evaluations == 4, "no evaluation more"
    assert found.notes == ("Negative prompt on (about +12 % time)",)  # a quarter more in two of four steps


@pytest.mark.parametrize("request_", [
    Request(method="lcm"), replace(BLURRY, negative_prompt=" \n"), replace(BLURRY, nag=0), replace(BLURRY, cfg=2),
], ids=["no negative prompt", "blanks", "off", "CFG does it"])
def test_where_it_does_not_act(request_: Request) -> None:
    found = plan(request_)
    assert found.negative is None and "nag" not in found.noted
    assert not any("Negative prompt on" in note for note in found.notes)


def test_after_two_stage_cfg_it_acts_in_the_steps_at_cfg_1() -> None:
    assert plan(replace(BLURRY, cfg=2, cfg_steps=1)).negative is not None


def test_the_hires_passes_own_negative_prompt_is_enough() -> None:
    found = plan(Request(method="lcm", hires_negative_prompt="blurry", hires_denoise=0.5))
    assert found.negative is not None and found.notes == ("Negative prompt on (about +12 % time)",)


def test_what_is_asked_for_wins_over_the_row() -> None:
    asked = request_from({"nag": 5, "nag_tau": 3, "nag_alpha": 0.25, "nag_until": 1}, BLURRY)
    found = plan(asked)
    assert asked.problems == () and found.negative == Nag(5, 3, 0.25, 1)
    assert found.noted == {"nag": 5, "nag_tau": 3, "nag_alpha": 0.25, "nag_until": 1}
    shown = found.as_dict()
    assert [shown[name] for name in ("nag", "nag_tau", "nag_alpha", "nag_until")] == [5, 3, 0.25, 1]


def test_what_is_asked_for_as_the_row_has_it_is_not_noted() -> None:
    assert plan(request_from({"nag_tau": 2.5, "nag_alpha": 0.375, "nag_until": 4}, BLURRY)).noted == {"nag": 2}


@pytest.mark.parametrize("key, value", [("nag", -1), ("nag", "much"), ("nag_alpha", 1.5), ("nag_tau", 0), ("nag_until", float("nan"))])
def test_what_cannot_be_used_is_named(key: str, value: Any) -> None:
    asked = request_from({key: value}, BLURRY)
    assert len(asked.problems) == 1 and f"'{key}'" in asked.problems[0] and plan(asked).negative == plan(BLURRY).negative


def test_pictures_of_earlier_versions_do_not_name_it_so_it_is_named_wherever_it_acts() -> None:
    assert plan(BLURRY).noted == {"nag": 2} and plan(BLURRY).changed == {}


def test_a_row_without_numbers_is_off_until_somebody_turns_it_on() -> None:
    row = next(row for row in TABLES.profiles.values() if row.takes_nag and not row.nag.phi and "sdxl" in row.families)
    asked, there = replace(BLURRY, method=row.key), ready_for(row, "sdxl")
    assert make_plan(asked, there, TABLES).negative is None
    found = make_plan(replace(asked, nag=2, cfg=1), there, TABLES)
    assert found.negative == Nag(2, 2.5, 0.5, 4) and found.noted["nag"] == 2


@pytest.mark.parametrize("key", ["hyper-flux-8", "sd35-turbo"])
def test_transformers_have_none_and_say_so(key: str) -> None:
    row = TABLES.profiles.get(key) or next(row for row in TABLES.profiles.values() if "sd3" in row.families)
    found = make_plan(replace(BLURRY, method=row.key, nag=2), ready_for(row, row.families[0]), TABLES)
    assert found.nag is None and found.negative is None
    if found.active:
        assert any("its strength is ignored" in note for note in found.notes)


def test_newer_numbers_stand_last_among_the_controls_and_older_scripts_leave_them_out() -> None:
    assert ORDER[10:] == ("nag", "shift", "variety", "beside", "draft", "by_size")
    for filled_for in ("lcm", "tdd"):  # of which one has it on, the other off
        _, request = parse_args([True, filled_for, "auto", 4, 1, 1, 0.3, filled_for, 8, 0], TABLES, BLURRY)
        assert request.nag is None
    _, request = parse_args([True, "lcm", "auto", 4, 1, 1, 0.3, "lcm", 8, 0, 0], TABLES, BLURRY)
    assert request.nag == 0


def test_the_note_is_translated() -> None:
    (note,) = plan(BLURRY).notes
    assert "12" in in_language(note, "ja") and in_language(note, "ja") != note != in_language(note, "zh")


# -------------------------------------------------------------------------------------------------------------------- rows


def row_with(nag: Any) -> Any:
    return method_from("a", {**METHOD, "nag": nag}, {})


def test_a_row_is_read() -> None:
    row = row_with({"phi": 1, "tau": 3, "alpha": {"sd15": 0.2, "sdxl": 0.6}, "until": 2})
    assert (row.nag.phi, row.nag.tau, row.nag.until) == (1, 3, 2)
    assert [row.nag.of(family).alpha for family in ("sd15", "sdxl", "vega", None)] == [0.2, 0.6, 0.2, 0.2]


GOOD: dict[str, Any] = {"phi": 2, "tau": 2.5, "alpha": {"sd15": 0.5}, "until": 4}


@pytest.mark.parametrize("nag, key", [
    (2, "nag"), ({"phi": 2}, "nag"), ({**GOOD, "scale": 3}, "nag"), ({**GOOD, "phi": -1}, "nag.phi"),
    ({**GOOD, "tau": True}, "nag.tau"), ({**GOOD, "until": float("nan")}, "nag.until"),
    *(({**GOOD, "alpha": bad}, "nag.alpha") for bad in (0.5, {}, {"sd15": 2}, {"sd9": 0.5})),
])  # fmt: skip
def test_a_bad_row_is_told_by_its_key(nag: Any, key: str) -> None:
    with pytest.raises(BadRow, match="expected") as caught:
        row_with(nag)
    assert caught.value.key == key


def test_every_row_that_has_numbers_runs_at_cfg_1_and_names_their_source() -> None:
    rows = [row for row in TABLES.profiles.values() if row.nag.phi]
    assert len(rows) >= 15
    for row in rows:
        assert row.cfg.default == 1 and row.takes_nag and row.source["nag"] and set(row.nag.alpha) == set(row.families), row.key


