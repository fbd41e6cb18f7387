"""Our axes in the X/Y/Z plot: the host's own script, whose cells are generations."""
from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.core.situations import TABLES

from .fake import MODULES, Host
from .generator import HIRES, HYPER, LCM, TCD, Generator

LABELS = ["Method", "LoRA", "LoRA weight", "Steps", "CFG", "Gamma", "NAG", "Shift", "Variety"]
"""Users' scripts choose axes by their place."""


@pytest.fixture
def grid(host: Host) -> Any:
    """The host's X/Y/Z script, loaded before ours."""
    pytest.importorskip("gradio")
    path = str(MODULES / "scripts" / "xyz_grid.py")
    module = host.script_loading.load_module(path)
    host.scripts._register(module, host.scripts.ScriptFile(str(MODULES), "xyz_grid.py", path))
    return module


@pytest.fixture
def plot(grid: Any, generator: Generator) -> Any:
    """Makes a plot of axes, {label: its values}, and gives the cells' infotexts."""

    def made(p: Any, settings: dict[str, Any] | None, margin: int = 0, **axes: list[Any]) -> list[str]:
        p.script_args, p.scripts = (settings or {"enabled": False},), generator.runner
        generator.asked.clear()
        chosen = [axis(grid, label, values) for label, values in axes.items()]
        chosen += [axis(grid, "Nothing", [0])] * (3 - len(chosen))
        running = grid.Plot(p, tuple(chosen), [False] * 3)
        labels = dict(zip(("x_labels", "y_labels", "z_labels"), (each.labels(p) for each in chosen), strict=True))
        made.labels = [grid.images.GridAnnotation(label) for label in labels["x_labels"]]
        made.pictures = grid.draw_xyz_grid(running, **labels, draw_legend=True, margin_size=margin).images
        assert len(made.pictures) == len(running.cells) + 2
        return [cell.infotexts[0] for _, cell in sorted(running.cells.items())]

    return made


def axis(grid: Any, label: str, values: list[Any]) -> Any:
    label = label if label in ("Nothing", "Steps", "Sampler") else f"[Accelerator] {label}"
    option = next(option for option in grid.axis_options if option.label == label)
    return grid.Axis(option, "", values)


def test_the_axes_stand_once_and_in_order_however_often_they_are_registered(grid: Any, generator: Generator) -> None:
    own = [option.label for option in grid.axis_options if not option.label.startswith("[Accelerator] ")]
    for _ in range(2):
        generator.host.our("xyz").register(generator.facts, lambda p, method: method)
        labels = [option.label for option in grid.axis_options]
        assert labels == own + [f"[Accelerator] {label}" for label in LABELS]
    types = [axis(grid, label, []).option.type for label in LABELS]
    assert types == [str, str, float, int, float, float, float, float, float]
    choices = [axis(grid, label, []).option.choices() for label in LABELS[:2]]
    assert choices == [["None", "auto", *TABLES.profiles], ["auto", HYPER, TCD, LCM]]


def test_without_the_plot_or_in_another_one_nothing_is_added(host: Host) -> None:
    another = ModuleType("another")
    script = type("Script", (), {"__module__": "scripts.xyz_grid"})
    host.scripts.scripts_data[:] = [SimpleNamespace(module=another, script_class=script)]
    host.our("xyz").register(SimpleNamespace(tables=TABLES), lambda p, method: method)
    assert not hasattr(another, "axis_options")


def test_a_value_that_is_no_method_stops_the_plot_before_its_first_picture(grid: Any, generator: Generator) -> None:
    confirm = axis(grid, "Method", []).option.confirm
    confirm(None, ["None", "auto", "lcm"])
    with pytest.raises(RuntimeError, match="'warp-9' is unknown; expected None, auto"):
        confirm(None, ["lcm", "warp-9"])


def test_each_cell_is_as_if_made_alone(plot: Any, generator: Generator) -> None:
    methods = ["tcd", "None", "lcm", "auto"]
    texts = plot(generator.txt2img(), {"method": "tcd", "steps": 7}, Method=methods)
    alone = [generator.make(generator.txt2img(), settings).infotexts[0] for settings in ({"method": "tcd"}, None, {"method": "lcm"}, {})]
    assert texts == alone
    assert [label.text.rpartition(", ")[0] for label in plot.labels] == ["TCD-LoRA", "your settings", "LCM-LoRA", "Hyper-SD SD1.5, 8 steps"]


def test_a_label_says_how_long_its_pictures_took(plot: Any, generator: Generator) -> None:
    plot(generator.txt2img(), None, Method=["lcm", "lightning-4"])
    drawn = [label.drawn() for label in plot.labels]
    assert drawn[0].startswith("LCM-LoRA, 4 evaluations, ") and drawn[0].endswith(" s")
    assert drawn[1] == "lightning-4: not possible (own settings where it does not fit)"


def test_a_long_row_of_methods_is_broken_into_lines(
    plot: Any, generator: Generator, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Captions hold measured seconds, whose digits may break a caption's lines otherwise in one plot than in the other.
    monkeypatch.setattr(host.our("xyz"), "time", SimpleNamespace(perf_counter=lambda: 0.0))
    methods = ["lcm", "tcd", "None", "auto", "hyper-sd15-8", "lcm", "tcd"]
    plot(generator.txt2img(), None, margin=4, Method=methods[:6])
    row = plot.pictures[0]
    step = (row.width + 4) // 6
    plot(generator.txt2img(), None, margin=4, Method=methods)
    whole, same = (np.asarray(picture) for picture in plot.pictures[:2])
    assert (whole == same).all()
    assert whole.shape[:2] == (2 * row.height + 4, 4 * step - 4)
    pictures = [np.asarray(picture) for picture in plot.pictures[2:]]
    height, width, _ = pictures[0].shape
    for number, picture in enumerate(pictures):
        line, column = divmod(number, 4)
        left, bottom = column * step + (step - 4 - width) // 2, (line + 1) * row.height + 4 * line
        assert (whole[bottom - height : bottom, left : left + width] == picture).all(), number
    assert (whole[row.height + 4 :, 3 * step :] == 255).all()  # the place of the eighth


def test_rows_of_other_axes_and_of_two_axes_stay_whole(plot: Any, generator: Generator) -> None:
    plot(generator.txt2img(), None, Steps=[1, 2, 3, 4, 5, 6, 7])
    other = plot.pictures[0].size
    plot(generator.txt2img(), None, Method=["None"] * 7, Steps=[1, 2])
    assert other[0] > 4 * other[1] and plot.pictures[0].width > 3 * plot.pictures[0].height


def test_lines_are_as_even_as_possible(host: Host) -> None:
    columns = host.our("grid").columns_for
    assert [columns(pictures) for pictures in (2, 6, 7, 9, 12, 13, 18, 19)] == [2, 6, 4, 5, 6, 5, 6, 5]


def test_the_hosts_own_axes_win_in_their_cell(plot: Any, generator: Generator) -> None:
    texts = plot(generator.txt2img(), None, Method=["tcd", "lcm"], Steps=[2, 3])
    alone = [{"method": method, "steps": steps} for method in ("tcd", "lcm") for steps in (2, 3)]
    assert texts == [generator.make(generator.txt2img(), settings).infotexts[0] for settings in alone]


def test_they_win_over_the_accordion_too_and_mean_what_they_say_without_us(plot: Any, generator: Generator) -> None:
    texts = plot(generator.txt2img(), {"method": "tcd", "steps": 5, "gamma": 0.8}, Sampler=["Euler", "LCM Few-Step"])
    alone = [{"method": "tcd", "steps": 5, "gamma": 0.8, "sampler": sampler} for sampler in ("Euler", "LCM Few-Step")]
    assert texts == [generator.make(generator.txt2img(), settings).infotexts[0] for settings in alone]
    off = plot(generator.txt2img(), None, Steps=[2, 3])
    assert off == [generator.make(generator.txt2img(steps=steps)).infotexts[0] for steps in (2, 3)]


def test_axes_of_one_cell_add_up(plot: Any, generator: Generator) -> None:
    texts = plot(generator.txt2img(**HIRES), {"method": "lcm"}, LoRA=[TCD], **{"LoRA weight": [0.5], "Gamma": [0.9]})
    settings = {"method": "lcm", "lora": TCD, "weight": 0.5, "gamma": 0.9}
    assert texts == generator.make(generator.txt2img(**HIRES), settings).infotexts
    assert f"<lora:{TCD}:0.5>" in texts[0]
