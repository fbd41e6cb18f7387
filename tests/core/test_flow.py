"""The noise levels of flow models: against diffusers' scheduler, its pipelines' own shifts, and published lists."""
from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from lib_fewstep.core.controls import ORDER, as_dict, parse_args
from lib_fewstep.core.decide import make_plan
from lib_fewstep.core.flow import flow_levels, flux2_mu, flux_mu, shift_for
from lib_fewstep.core.profiles import Profile
from lib_fewstep.core.request import Request, host_request, request_from
from lib_fewstep.core.rows import BadRow, method_from
from lib_fewstep.core.schedules import is_flow, max_steps, sigmas_for, timesteps_for, training_sigmas
from tests.core.situations import TABLES, facts, ready_for

SIZES = [(256, 256), (512, 768), (832, 1216), (1024, 1024), (1536, 1536), (2048, 1024)]
TABLE = training_sigmas()


def scheduler(**config: Any) -> Any:
    return pytest.importorskip("diffusers").FlowMatchEulerDiscreteScheduler(**config)


def even(steps: int) -> np.ndarray:
    """What diffusers' pipelines hand to the scheduler."""
    return np.linspace(1.0, 1 / steps, steps)


def levels(rule: Any, steps: int, strength: float = 1.0, shift: float = 1.0) -> list[float]:
    return sigmas_for(rule, timesteps_for(rule, steps, strength, shift), TABLE).tolist()


@pytest.mark.parametrize("shift", [1.0, 3.0, 3.1, 5.0, 9.0])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 8, 9, 25])
def test_a_shift_is_that_of_diffusers(steps: int, shift: float) -> None:
    theirs = scheduler(shift=shift)
    theirs.set_timesteps(sigmas=even(steps))
    assert levels("flow", steps, shift=shift) == pytest.approx(theirs.sigmas.tolist(), abs=1e-6)


@pytest.mark.parametrize("steps", [4, 8])
def test_qwen_image_lightning_has_the_levels_of_its_authors_scheduler(steps: int) -> None:
    """Their scheduler: dynamic, with base_shift and max_shift ln 3, whatever the size."""
    theirs = scheduler(use_dynamic_shifting=True, base_shift=math.log(3), max_shift=math.log(3))
    theirs.set_timesteps(sigmas=even(steps), mu=math.log(3))
    assert levels("flow", steps, shift=3) == pytest.approx(theirs.sigmas.tolist(), abs=1e-6)


@pytest.mark.parametrize("shift, steps, published", [
    (3, 4, [1, 0.9, 0.75, 0.5, 0]), (3, 8, [1, 0.955, 0.9, 0.833, 0.75, 0.643, 0.5, 0.3, 0]), (5, 4, [1, 0.938, 0.833, 0.625, 0]),
    (1, 4, [1, 0.75, 0.5, 0.25, 0]),
])  # fmt: skip
def test_levels_are_as_published(shift: float, steps: int, published: list[float]) -> None:
    assert levels("flow", steps, shift=shift) == pytest.approx(published, abs=5e-4)


@pytest.mark.parametrize("width, height", SIZES)
def test_flux_is_shifted_by_the_size_as_its_pipeline_does(width: int, height: int) -> None:
    pytest.importorskip("diffusers")
    from diffusers.pipelines.flux.pipeline_flux import calculate_shift

    mu = calculate_shift((width // 16) * (height // 16), base_shift=0.5, max_shift=1.15)  # as FLUX.1-dev's scheduler_config.json
    assert flux_mu(8, width, height) == pytest.approx(mu)
    theirs = scheduler(use_dynamic_shifting=True, shift=3.0)
    theirs.set_timesteps(sigmas=even(8), mu=mu)
    assert levels("flux", 8, shift=shift_for("flux", None, 8, width, height)) == pytest.approx(theirs.sigmas.tolist(), abs=1e-6)


@pytest.mark.parametrize("steps", [4, 8, 28, 200])
@pytest.mark.parametrize("width, height", SIZES)
def test_flux2_is_shifted_by_size_and_steps_as_its_pipeline_does(width: int, height: int, steps: int) -> None:
    pipeline = pytest.importorskip("diffusers.pipelines.flux2.pipeline_flux2_klein", reason="this diffusers is older than FLUX.2")
    mu = pipeline.compute_empirical_mu((width // 16) * (height // 16), steps)
    assert flux2_mu(steps, width, height) == pytest.approx(mu)
    theirs = scheduler(use_dynamic_shifting=True, shift=3.0)
    theirs.set_timesteps(sigmas=even(steps), mu=mu)
    assert levels("flux2", steps, shift=shift_for("flux2", None, steps, width, height)) == pytest.approx(theirs.sigmas.tolist(), abs=1e-6)


def test_flux2_is_as_published() -> None:
    """FLUX.2-klein at 1024 x 1024; a picture of unknown size counts as one."""
    for size in ((1024, 1024), (0, 0)):
        assert levels("flux2", 4, shift=shift_for("flux2", None, 4, *size)) == pytest.approx([1, 0.967, 0.908, 0.767, 0], abs=5e-4)


def test_z_image_has_the_levels_of_its_pipeline() -> None:
    """Which asks for a step more, whose last evaluation it leaves out: it is made at no noise."""
    pipeline = pytest.importorskip("diffusers.pipelines.z_image.pipeline_z_image", reason="this diffusers is older than Z-Image")
    theirs = scheduler(shift=3.0)
    theirs.sigma_min = 0.0
    timesteps, _ = pipeline.retrieve_timesteps(theirs, 9, "cpu", mu=1.15)
    assert levels("flow", 8, shift=3) == pytest.approx((timesteps / 1000).tolist(), abs=1e-6)


# ------------------------------------------------------------------------------------------------------------------ part strength


@pytest.mark.parametrize("shift", [1.0, 3.0, 3.158])
@pytest.mark.parametrize("strength", [1.0, 0.75, 0.5, 0.3])
def test_all_steps_lie_in_the_noise_that_is_left(strength: float, shift: float) -> None:
    """From where diffusers' image-to-image pipelines begin at that strength, which keep the last part of the schedule."""
    theirs = scheduler(shift=shift)
    theirs.set_timesteps(sigmas=even(20))
    begin = theirs.sigmas[20 - int(20 * strength)].item()
    for steps in (1, 2, 4, 8):
        found = levels("flow", steps, strength, shift)
        assert len(found) == steps + 1 and found[0] == pytest.approx(begin, abs=1e-6) and found[-1] == 0
        assert found == sorted(set(found), reverse=True)


# ------------------------------------------------------------------------------------------------------------------ explicit levels

TURBO = (1.0, 0.6509, 0.4374, 0.2932, 0.1893, 0.1108, 0.0495, 0.00031)
"""FLUX.2-dev-Turbo's, as its card lists them."""


def test_listed_levels_are_visited_as_they_are() -> None:
    assert is_flow(TURBO) and not is_flow((999, 749)) and not is_flow("lcm") and max_steps(TURBO) == 8
    assert levels(TURBO, 8) == pytest.approx([*TURBO, 0], abs=1e-6)
    assert levels(TURBO, 2) == pytest.approx([1, 0.6509, 0], abs=1e-6)
    assert levels(TURBO, 4, 0.5) == [0.5, 0.375, 0.25, 0.125, 0]
    assert levels(TURBO[1:], 2, 0.9) == pytest.approx([0.6509, 0.32545, 0], abs=1e-6), "from no higher than the list begins"
    with pytest.raises(ValueError, match="9 steps"):
        timesteps_for(TURBO, 9)


def test_a_flow_rule_has_room_for_its_steps_only() -> None:
    for steps in (0, 1001):
        with pytest.raises(ValueError, match=f"{steps} steps"):
            timesteps_for("flow", steps)


# ------------------------------------------------------------------------------------------------------------------------------ rows

ROW: dict[str, Any] = {
    "label": "X", "families": ["flux"], "steps": 4, "cfg": 1, "weights": "checkpoint", "sampler": "Euler", "scheduler": "Simple",
    "timesteps": "flow", "negative_prompt": "no",
}


def row(**changes: Any) -> Profile:
    return method_from("x", {**ROW, **changes}, {})


def test_a_row_names_a_rule_and_its_shift_or_lists_levels() -> None:
    assert row(shift={"default": 3, "min": 1, "max": 6}).shift == row(shift={"default": 3.0, "min": 1.0, "max": 6.0}).shift
    assert row().shift is None and row(timesteps="flux2").timesteps == "flux2"
    assert row(timesteps=list(TURBO), steps=8).timesteps == TURBO


def test_a_row_of_old_means_by_shift_what_is_called_timestep_shift_now() -> None:
    old, new = row(timesteps="trailing", shift=250), row(timesteps="trailing", timestep_shift=250)
    assert old == new and old.timestep_shift == 250 and old.shift is None


@pytest.mark.parametrize("key, value, told", [
    ("shift", 0, "0.1 to 20"), ("shift", float("nan"), "0.1 to 20"), ("shift", "3", "a number"), ("timesteps", [1.5, 0.5], "noise levels"),
    ("timesteps", [0.5, 1.0], "descending"), ("timesteps", [1.0, 0.0], "noise levels"), ("timesteps", [1.0, float("nan")], "noise levels"),
    ("timesteps", [999, 0.5], "noise levels"), ("timesteps", [True, 0.5], "noise levels"),
])  # fmt: skip
def test_a_bad_value_is_told(key: str, value: Any, told: str) -> None:
    with pytest.raises(BadRow, match=told):
        row(**{key: value})


# ------------------------------------------------------------------------------------------------------------------------------ plans


def plan(request: Request, **changes: Any) -> Any:
    profile = row(**changes)
    tables = replace(TABLES, profiles={**TABLES.profiles, "x": profile})
    return make_plan(replace(request, method="x"), ready_for(profile, "flux"), tables)


SHIFT = {"shift": {"default": 3, "min": 1, "max": 6}}


def test_the_rows_shift_is_planned_and_another_is_told() -> None:
    made = plan(Request(), **SHIFT)
    assert (made.shift, made.first.timesteps, made.changed) == (3, (1000, 900, 750, 500), {}) and "shift 3" in made.summary
    made = plan(Request(shift=9), **SHIFT)
    assert made.changed == {"shift": 9} and "Shift 9 is outside" in made.notes[0]
    assert made.first.timesteps == pytest.approx([1000 * level for level in flow_levels(4, 1, 9)], abs=1e-3)


def test_each_pass_is_shifted_for_its_own_size() -> None:
    base = Request(width=512, height=512, hires_denoise=0.5, hires_size=(1024, 1024))
    made = plan(base, timesteps="flux")
    assert made.shift is None and made.first.shift == pytest.approx(math.exp(flux_mu(4, 512, 512)))
    assert made.hires.shift == pytest.approx(math.exp(1.15)) and made.first.shift != made.hires.shift
    assert made.hires.timesteps[0] / 1000 == pytest.approx(flow_levels(1, 0.5, math.exp(1.15))[0], abs=1e-6)


@pytest.mark.parametrize("values, size", [
    ({}, (1024, 1536)), ({"hr_scale": 1.5}, (768, 1152)), ({"hr_resize_x": 1024}, (1024, 1536)), ({"hr_resize_y": 768}, (512, 768)),
    ({"hr_resize_x": 640, "hr_resize_y": 640}, (640, 640)), ({"width": 0}, (0, 0)), ({"hr_scale": "x"}, (1024, 1536)),
])  # fmt: skip
def test_the_hires_pass_size_is_what_the_host_makes_of_it(values: dict[str, Any], size: tuple[int, int]) -> None:
    asked = {"enable_hr": True, "denoising_strength": 0.5, "width": 512, "height": 768, **values}
    assert host_request(asked, False).hires_size == size
    assert host_request({**asked, "enable_hr": False}, False).hires_size == (0, 0)


# ------------------------------------------------------------------------------------------------------------------------ FLUX, by hand


def flux(**asked: Any) -> Any:
    return make_plan(Request(method="hyper-flux-8", **asked), ready_for(TABLES.profiles["hyper-flux-8"], "flux"), TABLES)


def test_flux_runs_on_the_hosts_schedule_unless_the_authors_is_asked_for_and_it_is_said_which() -> None:
    small = flux(width=512, height=512)
    assert small.rule is None and small.first.timesteps is None
    assert any("shift 3.16 at every size" in note and "1.88 at 512 x 512" in note and "Shift by size" in note for note in small.notes)
    theirs = flux(width=512, height=512, scheduler="flux")
    assert theirs.rule == "flux" and theirs.scheduler == "Simple" and not theirs.notes
    expected = [1000 * level for level in flow_levels(8, 1, math.exp(flux_mu(8, 512, 512)))]
    assert theirs.first.timesteps == pytest.approx(expected, abs=1e-3)
    assert not flux(width=1024, height=1024).notes and not flux(width=832, height=1216).notes and not flux().notes


def test_in_img2img_all_its_steps_fit_into_the_noise_that_is_left_on_the_hosts_own_shift() -> None:
    half = flux(width=512, height=512, denoise=0.5)
    expected = [1000 * level for level in flow_levels(8, 0.5, math.exp(1.15))]
    assert half.first.timesteps == pytest.approx(expected, abs=1e-3) and half.first.evaluations == 8
    assert half.scheduler == "Simple" and not half.by_size and any("shift 3.16 at every size" in note for note in half.notes)
    by_size = flux(width=512, height=512, denoise=0.5, by_size=True)
    assert by_size.first.timesteps[0] == pytest.approx(1000 * flow_levels(8, 0.5, math.exp(flux_mu(8, 512, 512)))[0], abs=1e-3)


@pytest.mark.parametrize("wish", [{"scheduler": "Beta"}, {}], ids=["a schedule of the user's", "the share is wanted"])
def test_in_img2img_the_host_makes_its_share_where_that_is_wanted(wish: dict[str, Any]) -> None:
    there = replace(
        ready_for(TABLES.profiles["hyper-flux-8"], "flux"), schedulers=frozenset({"Simple", "Beta"}), fit_steps_to_strength=bool(wish)
    )
    found = make_plan(Request(method="hyper-flux-8", denoise=0.5, **wish), there, TABLES)
    assert found.rule is None and found.first.timesteps is None and found.first.evaluations == 5


def test_in_img2img_a_sampler_with_timesteps_of_its_own_makes_the_hosts_share_and_it_is_said() -> None:
    there = replace(ready_for(TABLES.profiles["hyper-flux-8"], "flux"), self_timed={"DDIM": 1})
    found = make_plan(Request(method="hyper-flux-8", sampler="DDIM", denoise=0.5), there, TABLES)
    assert found.rule is None and found.first.timesteps is None and any("0.5" in note and "8 steps" in note for note in found.notes)


def test_the_switch_asks_for_the_same() -> None:
    size = {"width": 512, "height": 512}
    by_name, by_switch = flux(**size, scheduler="flux"), flux(**size, by_size=True)
    assert by_switch == by_name and by_switch.by_size and by_switch.as_dict()["by_size"] is True
    assert not flux(**size).by_size and flux(**size, by_size=False) == flux(**size)


@pytest.mark.parametrize("asked", [{"method": "flux-schnell"}, {"method": "lcm"}, {"method": "hyper-flux-8", "scheduler": "Beta"}], ids=str)
def test_it_changes_nothing_where_the_row_or_the_user_has_a_schedule(asked: dict[str, Any]) -> None:
    family = "sd15" if asked["method"] == "lcm" else "flux"
    there = replace(ready_for(TABLES.profiles[asked["method"]], family), schedulers=frozenset({"Simple", "Beta"}))
    without, with_it = (make_plan(Request(**asked, by_size=on, width=512, height=512), there, TABLES) for on in (False, True))
    assert without.active and with_it == without and not with_it.by_size


def test_it_is_a_setting_like_others() -> None:
    assert request_from({"by_size": True}).by_size and not request_from({}).by_size
    assert "by_size" in request_from({"by_size": "yes"}).problems[0]
    values = [True, "hyper-flux-8", *([None] * (len(ORDER) - 3)), True]
    assert ORDER[-1] == "by_size" and parse_args(values, TABLES, Request())[1].by_size and as_dict(values, TABLES)["by_size"] is True


def test_a_schedule_by_size_is_another_familys_business() -> None:
    schedules = facts("sd15", *ready_for(TABLES.profiles["lcm"], "sd15").loras, schedulers=frozenset({"Simple"}))
    assert any("flux" in note for note in make_plan(Request(method="lcm", scheduler="flux"), schedules, TABLES).notes)


def test_levels_are_on_the_device_and_of_the_type_of_the_models_table() -> None:
    found = sigmas_for("flow", timesteps_for("flow", 2), torch.zeros(5, dtype=torch.float64))
    assert found.dtype == torch.float64 and found.tolist() == [1, 0.5, 0]
