"""Below full noise: the timesteps that the UNet is asked for in img2img and in the hires pass, at every denoising strength."""
from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .client import Result, WebUI
from .hosts import EMBEDDED
from .test_generation import EULER_METHOD, assert_no_option_changed, hires_fields, published_timesteps, same

STEPS = 4
STRENGTHS = [0.05, 0.2, 0.3, 0.5, 0.75, 1.0]
METHODS = ["lcm", "tcd", "euler"]
SHARE_OF_THE_HOST = {"override_settings": {"fewstep_all_steps": False}}


def key_of(webui: WebUI, which: str) -> str:
    return EULER_METHOD[webui.family] if which == "euler" else which


def rule_of(which: str) -> str:
    return "trailing" if which == "euler" else "lcm"


def within(rule: str, steps: int, strength: float) -> list[int]:
    """The timesteps of diffusers' pipelines with `strength`, by their formulas: LCM's grid cut to a part, or even spacing from its end."""
    if rule == "lcm":
        points = int(50 * strength)
        steps = min(steps, points)
        return (20 * (points - np.floor(np.linspace(0, points, steps, endpoint=False)).astype(int)) - 1).tolist()
    points = int(1000 * strength)
    return [round(points - i * points / steps) - 1 for i in range(steps)]


def share_of_host(rule: str, steps: int, strength: float) -> list[int]:
    """The end of the full schedule that the WebUI's img2img makes: `int(strength * steps) + 1` of the steps."""
    made = min(steps, int(min(strength, 0.999) * steps) + 1)
    return (published_timesteps(rule, steps) or [])[-made:]


def hires_share_of_host(rule: str, steps: int, strength: float) -> list[int]:
    """The hires pass of the WebUI: as many steps as it is told, the last ones of `steps / strength`."""
    return (published_timesteps(rule, int(steps / min(strength, 0.999))) or [])[-steps:]


@pytest.fixture
def start(webui: WebUI) -> str:
    """A picture to start from."""
    key = (webui.name, webui.family)
    if key not in _starts:
        _starts[key] = webui.txt2img(seed=3).files[0]
    return _starts[key]


_starts: dict[tuple[str, str], str] = {}


# ------------------------------------------------------------------------------------------------------------------ img2img


def test_the_formula_gives_the_published_example() -> None:
    assert within("lcm", 4, 0.5) == [499, 379, 259, 139] and within("trailing", 4, 0.5) == [499, 374, 249, 124]


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("which", METHODS)
def test_img2img_makes_all_steps_within_what_is_left(webui: WebUI, start: str, which: str, strength: float) -> None:
    before = webui.options()
    result = webui.img2img(start, {"method": key_of(webui, which)}, denoising_strength=strength)
    assert result.timesteps() == pytest.approx(within(rule_of(which), STEPS, strength), abs=1)
    assert all(call["batch"] == 1 for call in result.passes[0]["calls"])
    assert_no_option_changed(webui, before, result)


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("which", METHODS)
def test_img2img_makes_the_hosts_share_where_the_option_says_so(webui: WebUI, start: str, which: str, strength: float) -> None:
    result = webui.img2img(start, {"method": key_of(webui, which)}, denoising_strength=strength, **SHARE_OF_THE_HOST)
    assert result.timesteps() == pytest.approx(share_of_host(rule_of(which), STEPS, strength), abs=1)


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 8])
def test_img2img_makes_the_steps_that_the_user_set(webui: WebUI, start: str, steps: int) -> None:
    for which in METHODS:
        result = webui.img2img(start, {"method": key_of(webui, which), "steps": steps}, denoising_strength=0.5)
        assert result.timesteps() == pytest.approx(within(rule_of(which), steps, 0.5), abs=1), which


def test_the_hosts_option_for_exactly_as_many_steps_changes_nothing(webui: WebUI, start: str) -> None:
    for which in METHODS:
        fields: dict[str, Any] = {"denoising_strength": 0.5}
        plain = webui.img2img_again(start, {"method": key_of(webui, which)}, **fields)
        exactly = webui.img2img_again(start, {"method": key_of(webui, which)}, override_settings={"img2img_fix_steps": True}, **fields)
        assert exactly.timesteps() == plain.timesteps() and (exactly.image == plain.image).all(), which


def test_img2img_at_no_strength_asks_nothing_and_gives_the_picture_back(webui: WebUI, start: str) -> None:
    before = webui.options()
    result = webui.img2img_again(start, {"method": "lcm"}, denoising_strength=0)
    assert result.timesteps() == []
    again = webui.img2img_again(start, {"method": "lcm"}, denoising_strength=0, seed=8)
    assert same(again.image, result.image) and "Accelerator: lcm" in result.infotext
    assert_no_option_changed(webui, before, result)


# ---------------------------------------------------------------------------------------------------------------- hires fix


def hires(webui: WebUI, which: str, accelerator: dict[str, Any] | None = None, **fields: Any) -> Result:
    """Two passes, and the first checked: it is the method's own, whatever comes after."""
    result = webui.txt2img({"method": key_of(webui, which), **(accelerator or {})}, **{**hires_fields(webui), **fields})
    assert [each["hires"] for each in result.passes] == [False, True]
    assert result.timesteps(0) == pytest.approx(published_timesteps(rule_of(which), STEPS) or [], abs=1)
    assert result.passes[0]["loras"] == result.passes[1]["loras"] != []
    assert all(call["batch"] == 1 for each in result.passes for call in each["calls"])
    return result


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("which", METHODS)
def test_the_hires_pass_makes_all_steps_within_what_is_left(webui: WebUI, which: str, strength: float) -> None:
    result = hires(webui, which, denoising_strength=strength)
    assert result.timesteps(1) == pytest.approx(within(rule_of(which), STEPS, strength), abs=1)


@pytest.mark.parametrize("strength", [0.2, 0.3, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("which", METHODS)
def test_the_hires_pass_is_the_hosts_own_where_the_option_says_so(webui: WebUI, which: str, strength: float) -> None:
    result = hires(webui, which, denoising_strength=strength, **SHARE_OF_THE_HOST)
    assert result.timesteps(1) == pytest.approx(hires_share_of_host(rule_of(which), STEPS, strength), abs=1)


@pytest.mark.parametrize("steps", [1, 3, 6])
@pytest.mark.parametrize("which", METHODS)
def test_the_hires_pass_makes_the_steps_that_the_user_set(webui: WebUI, which: str, steps: int) -> None:
    before = webui.options()
    result = hires(webui, which, hr_second_pass_steps=steps, denoising_strength=0.5)
    assert result.timesteps(1) == pytest.approx(within(rule_of(which), steps, 0.5), abs=1)
    assert f"Hires steps: {steps}" in result.infotext
    by_key = hires(webui, which, {"hires_steps": steps}, denoising_strength=0.5)
    assert by_key.timesteps(1) == result.timesteps(1)
    assert_no_option_changed(webui, before, by_key)


@pytest.mark.parametrize("which", METHODS)
def test_the_hires_pass_of_an_image_upscaler(webui: WebUI, which: str) -> None:
    for upscaler in ("None",) if webui.kind == "neo" else ("Lanczos", "None"):  # Neo has no others without a model of theirs
        result = hires(webui, which, hr_upscaler=upscaler, denoising_strength=0.5)
        assert result.timesteps(1) == pytest.approx(within(rule_of(which), STEPS, 0.5), abs=1)
        assert result.image.shape[:2] == (128, 128) and result.image.std() > 1


@pytest.mark.parametrize("fields", [
    {"hr_sampler_name": "Euler"}, {"hr_scheduler": "Karras"}, {"hr_sampler_name": "Euler", "hr_scheduler": "Karras"},
    {"hr_sampler_name": "TCD Few-Step"}, {"hr_sampler_name": "LCM"}, {"hr_sampler_name": "DPM++ 2M", "hr_scheduler": "Automatic"},
], ids=lambda fields: "+".join(fields.values()))
def test_a_hires_sampler_of_its_own_runs_at_the_methods_timesteps(webui: WebUI, fields: dict[str, Any]) -> None:
    """The user's sampler does the second pass; which timesteps are good is what the LoRA was trained for, so they stay."""
    result = hires(webui, "lcm", denoising_strength=0.5, **fields)
    assert result.passes[0]["sampler"] == "LCM Few-Step"
    assert result.passes[1]["sampler"] == fields.get("hr_sampler_name", "LCM Few-Step")
    assert result.timesteps(1) == pytest.approx(within("lcm", STEPS, 0.5), abs=1)
    assert ("Hires schedule type Karras is ignored" in result.comments) == (fields.get("hr_scheduler") == "Karras")


def test_a_sampler_that_chooses_its_timesteps_itself_may(webui: WebUI) -> None:
    if "DDIM" not in [sampler["name"] for sampler in webui.get("/sdapi/v1/samplers")]:
        pytest.skip("this WebUI has no DDIM")
    second = hires(webui, "lcm", hr_sampler_name="DDIM", denoising_strength=0.5)
    assert second.passes[1]["sampler"] == "DDIM" and second.timesteps(1)
    first = webui.txt2img({"method": "lcm", "sampler": "DDIM"})
    assert first.passes[0]["sampler"] == "DDIM" and 999 not in first.timesteps()
    assert "Sampler DDIM uses its own timesteps" in first.comments and webui.plan(method="lcm", sampler="DDIM")["timesteps"] is None


def test_a_hires_checkpoint_that_is_the_same_changes_nothing(webui: WebUI) -> None:
    if webui.kind == EMBEDDED:
        pytest.skip("the embedded host has one checkpoint and no field for another")
    plain = hires(webui, "lcm", denoising_strength=0.5)
    named = hires(webui, "lcm", denoising_strength=0.5, hr_checkpoint_name=webui.running.host.checkpoint(webui.family).name)
    assert named.timesteps(1) == plain.timesteps(1) and same(named.image, plain.image)


def test_a_method_with_cfg_has_it_in_the_hires_pass_too(webui: WebUI) -> None:
    """Forge has a CFG of its own for that pass: 1 in the API, 7 on the page."""
    method = "hyper-sd15-8-cfg" if webui.family == "sd15" else "hyper-sdxl-8-cfg"
    own = {} if webui.kind in ("a1111", EMBEDDED) else {"hr_cfg": 1.0}
    result = webui.txt2img({"method": method}, **{**hires_fields(webui), "denoising_strength": 0.5, **own})
    assert [sum(call["batch"] for call in each["calls"]) for each in result.passes] == [16, 16]
    assert result.timesteps(1) == pytest.approx(within("trailing", 8, 0.5), abs=1)


def test_a_hires_cfg_of_the_page_does_not_reach_a_method_without(webui: WebUI) -> None:
    if webui.kind in ("a1111", EMBEDDED):
        pytest.skip("this WebUI has no CFG of its own for the hires pass")
    result = hires(webui, "lcm", denoising_strength=0.5, hr_cfg=7.0)
    assert result.evaluations == 8
