"""X/Y/Z plot of our axes with the host's own: the host's win in their cell, and each cell is as if made alone."""
from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from lib_fewstep.core.families import FAMILIES

from .client import PROMPT, Result, WebUI
from .hosts import EMBEDDED, TABLES, lora_name, methods_of
from .test_generation import hires_fields, plot, same

Fields = dict[str, Any]
EIGHT = {"sd15": "hyper-sd15-8", "sdxl": "lightning-8"}
"""A method of 8 steps, on Euler and even timesteps."""


@pytest.fixture(autouse=True)
def nothing_stays(webui: WebUI) -> Iterator[None]:
    """A generation without the Accelerator comes out the same after the plot as before."""
    before = webui.txt2img(steps=3)
    yield
    after = webui.txt2img(steps=3)
    assert after.files == before.files and after.infotext == before.infotext


def assert_cells(made: Result, alone: list[Result]) -> None:
    texts, pictures = made.info["infotexts"][-len(alone):], made.images[-len(alone):]
    for number, (text, picture, each) in enumerate(zip(texts, pictures, alone, strict=True)):
        assert text == each.infotext, number
        assert same(picture, each.image), number
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(("axis", "key", "values"), [
    ("Steps", "steps", [4, 6]), ("CFG Scale", "cfg", [1, 2]), ("Sampler", "sampler", ["Euler", "DPM++ 2M"]),
    ("Schedule type", "scheduler", ["Karras", "Exponential"]),
], ids=["steps", "cfg", "sampler", "schedule"])
def test_a_built_in_axis_wins_over_each_method(webui: WebUI, axis: str, key: str, values: list[Any]) -> None:
    methods = ["lcm", EIGHT[webui.family]]
    made = plot(webui, {"[Accelerator] Method": ", ".join(methods), axis: ", ".join(map(str, values))})
    assert_cells(made, [webui.txt2img({"method": method, key: value}) for value in values for method in methods])


@pytest.mark.parametrize(("axis", "key", "values"), [("Steps", "steps", [4, 6]), ("CFG Scale", "cfg", [1, 2])], ids=["steps", "cfg"])
def test_a_built_in_axis_wins_over_the_accordion(webui: WebUI, axis: str, key: str, values: list[Any]) -> None:
    settings = {"method": EIGHT[webui.family], "steps": 5, "cfg": 1.5}
    made = plot(webui, {axis: ", ".join(map(str, values))}, settings)
    assert_cells(made, [webui.txt2img({**settings, key: value}) for value in values])


def test_a_plotted_method_runs_as_recommended_whatever_the_accordion_shows(webui: WebUI) -> None:
    methods = ["lcm", EIGHT[webui.family]]
    shown = {"method": "tcd", "steps": 7, "cfg": 1.5, "weight": 0.6, "lora": webui.plan(method="tcd")["lora"]}
    made = plot(webui, {"[Accelerator] Method": ", ".join(methods)}, shown)
    assert_cells(made, [webui.txt2img({"method": method}) for method in methods])


def test_an_8_step_method_in_a_cell_of_4_steps_makes_4(webui: WebUI) -> None:
    began = time.time()
    plot(webui, {"[Accelerator] Method": EIGHT[webui.family], "Steps": "4, 8"})
    asked = [[call["t"][0] for call in cell["passes"][0]["calls"]] for cell in webui.generations(began)]
    assert asked == [pytest.approx([999, 749, 499, 249], abs=1), pytest.approx([999, 874, 749, 624, 499, 374, 249, 124], abs=1)]


@pytest.mark.parametrize(("axis", "field", "values"), [
    ("Hires steps", "hr_second_pass_steps", [2, 3]), ("Denoising", "denoising_strength", [0.3, 0.6]), ("Seed", "seed", [5, 6]),
], ids=["hires-steps", "denoising", "seed"])
def test_an_axis_of_the_hires_pass_reaches_each_method(webui: WebUI, axis: str, field: str, values: list[Any]) -> None:
    methods, fields = ["lcm", EIGHT[webui.family]], hires_fields(webui)
    made = plot(webui, {"[Accelerator] Method": ", ".join(methods), axis: ", ".join(map(str, values))}, **fields)
    assert_cells(made, [webui.txt2img({"method": method}, **{**fields, field: value}) for value in values for method in methods])


def test_tags_replaced_in_the_prompt_choose_the_method_of_their_cell(webui: WebUI) -> None:
    keys = ["lcm", "tcd", EIGHT[webui.family]]
    names = {profile.key: lora_name(profile, webui.family) for profile in methods_of(webui.family)}
    tags = [f"<lora:{names[key]}:{weight}>" for key, weight in zip(keys, (1, 0.8, 0.9), strict=True)]
    made = plot(webui, {"Prompt S/R": ", ".join(tags)}, {}, prompt=f"{PROMPT} {tags[0]}")
    assert_cells(made, [webui.txt2img({}, prompt=f"{PROMPT} {tag}") for tag in tags])
    for key, text in zip(keys, made.info["infotexts"][-3:], strict=True):
        assert f"Accelerator: {key}" in text and "Accelerator LoRA" not in text


def test_words_replaced_in_the_prompt_keep_the_method(webui: WebUI) -> None:
    made = plot(webui, {"Prompt S/R": "red, blue", "[Accelerator] Method": "None, lcm"})
    alone = [webui.txt2img(accelerator, prompt=prompt)
             for accelerator in (None, {"method": "lcm"}) for prompt in (PROMPT, PROMPT.replace("red", "blue"))]
    assert_cells(made, alone)


def test_a_plot_over_checkpoints_refuses_only_the_cells_that_do_not_fit(webui: WebUI) -> None:
    host = webui.running.host
    if host.kind == EMBEDDED or len(host.families) < 2:
        pytest.skip(f"{webui.name} has checkpoints of one family only")
    if webui.family != host.families[0]:
        pytest.skip("asked once a host: the plot has both families")
    methods, checkpoints = ["lcm", "hyper-sd15-4", "lightning-4"], {host.checkpoint(family).name: family for family in ("sd15", "sdxl")}
    began = time.time()
    made = plot(webui, {"[Accelerator] Method": ", ".join(methods), "Checkpoint name": ", ".join(checkpoints)})
    comments = {cell["infotexts"][0]: cell["comments"] for cell in webui.generations(began)}
    fits = {("lcm", "sd15"), ("lcm", "sdxl"), ("hyper-sd15-4", "sd15"), ("lightning-4", "sdxl")}
    cells = [(method, family) for family in checkpoints.values() for method in methods]
    for (method, family), text in zip(cells, made.info["infotexts"][-6:], strict=True):
        refused = f"{TABLES.profiles[method].label} is made for {FAMILIES[TABLES.profiles[method].families[0]]}, and the loaded checkpoint"
        if (method, family) in fits:
            assert f"Accelerator: {method}" in text, (method, family)
        else:
            assert "Accelerator" not in text and "Steps: 6, Sampler: Euler" in text, (method, family)
        # a plot's cells share their comments, so a note may come from a cell before
        assert (f"{refused} is {FAMILIES[family]}" in comments[text]) == ((method, family) not in fits), (method, family)
