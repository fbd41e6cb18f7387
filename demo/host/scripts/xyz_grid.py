"""The X/Y/Z plot: one picture per combination of up to three parameters' values, in labelled grids.

Extensions add their own `AxisOption` to `axis_options`; they find this module through `scripts.scripts_data`.
"""

from __future__ import annotations

import csv
import itertools
import random
import re
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, NamedTuple

import gradio as gr
import numpy as np
from modules import errors, images, processing, scripts, sd_models, sd_samplers, sd_schedulers, shared
from modules.processing import Processed
from modules.shared import opts, state
from modules.ui_components import ToolButton
from PIL import Image

Apply = Callable[[Any, Any, list[Any]], None]

RANGE = re.compile(r"\s*([+-]?[\d.]+)\s*-\s*([+-]?[\d.]+)\s*(?:\(([+-][\d.]+)\)|\[(\d+)\])?\s*")
"""1-5, 1-5 (+2), 1-10 [5]: steps of one, steps of two, five values."""
SEEDS = ("Seed", "Var. seed")


class AxisInfo(NamedTuple):
    """A running plot's axis and its values."""

    axis: AxisOption
    values: list[Any]


# --- what an axis can do


def apply_field(name: str) -> Apply:
    """Set a field of the job."""
    return lambda p, x, xs: setattr(p, name, x)


def apply_override(name: str, boolean: bool = False) -> Apply:
    """Set a setting for the job."""

    def apply(p: Any, x: Any, xs: list[Any]) -> None:
        p.override_settings[name] = x.lower() == "true" if boolean else x

    return apply


def apply_prompt(p: Any, x: str, xs: list[str]) -> None:
    """Replace the first value, which stands in the prompt, by this one."""
    if xs[0] not in p.prompt and xs[0] not in p.negative_prompt:
        raise RuntimeError(f"Prompt S/R did not find {xs[0]} in prompt or negative prompt.")
    p.prompt, p.negative_prompt = p.prompt.replace(xs[0], x), p.negative_prompt.replace(xs[0], x)


def apply_size(p: Any, x: str, xs: list[str]) -> None:
    """Set "width x height"."""
    p.width, p.height = (int(side) for side in x.split("x"))


def apply_checkpoint(p: Any, x: str, xs: list[str]) -> None:
    """Use another model."""
    info = sd_models.get_closet_checkpoint_match(x)
    if info is None:
        raise RuntimeError(f"Unknown checkpoint: {x}")
    p.override_settings["sd_model_checkpoint"] = info.name


def do_nothing(p: Any, x: Any, xs: list[Any]) -> None:
    """The empty axis."""


def confirm_samplers(p: Any, xs: list[str]) -> None:
    """Refuse samplers that were not registered through `set_samplers`."""
    for x in xs:
        if x.lower() not in sd_samplers.samplers_map:
            raise RuntimeError(f"Unknown sampler: {x}")


def confirm_checkpoints(p: Any, xs: list[str]) -> None:
    """Refuse models that are not there."""
    for x in xs:
        if sd_models.get_closet_checkpoint_match(x) is None:
            raise RuntimeError(f"Unknown checkpoint: {x}")


def format_value_add_label(p: Any, opt: AxisOption, x: Any) -> str:
    """The label of a row or column: "Steps: 4"."""
    return f"{opt.label}: {format_value(p, opt, x)}"


def format_value(p: Any, opt: AxisOption, x: Any) -> Any:
    """The bare value."""
    return round(x, 8) if isinstance(x, float) else x


def format_nothing(p: Any, opt: AxisOption, x: Any) -> str:
    """No label."""
    return ""


class AxisOption:
    """A parameter to vary. `choices()` lists its values where there is a list; the highest `cost` is the outer loop."""

    def __init__(
        self,
        label: str,
        type: Callable[[Any], Any],
        apply: Apply,
        format_value: Callable[[Any, AxisOption, Any], Any] = format_value_add_label,
        confirm: Callable[[Any, list[Any]], None] | None = None,
        cost: float = 0.0,
        choices: Callable[[], list[str]] | None = None,
        prepare: Callable[[str], list[str]] | None = None,
    ) -> None:
        self.label, self.type, self.apply, self.format_value = label, type, apply, format_value
        self.confirm, self.cost, self.choices, self.prepare = confirm, cost, choices, prepare


class AxisOptionImg2Img(AxisOption):
    """Only in img2img."""

    is_img2img = True


class AxisOptionTxt2Img(AxisOption):
    """Only in txt2img."""

    is_img2img = False


def _sampler_axis(kind: type[AxisOption], label: str, name: str) -> AxisOption:
    return kind(label, str, apply_field(name), format_value, confirm_samplers, 0.0, sd_samplers.visible_sampler_names)


axis_options: list[AxisOption] = [
    AxisOption("Nothing", str, do_nothing, format_value=format_nothing),
    AxisOption("Seed", int, apply_field("seed")),
    AxisOption("Var. seed", int, apply_field("subseed")),
    AxisOption("Var. strength", float, apply_field("subseed_strength")),
    AxisOption("Steps", int, apply_field("steps")),
    AxisOptionTxt2Img("Hires steps", int, apply_field("hr_second_pass_steps")),
    AxisOption("CFG Scale", float, apply_field("cfg_scale")),
    AxisOption("Prompt S/R", str, apply_prompt, format_value=format_value),
    _sampler_axis(AxisOptionTxt2Img, "Sampler", "sampler_name"),
    _sampler_axis(AxisOptionTxt2Img, "Hires sampler", "hr_sampler_name"),
    _sampler_axis(AxisOptionImg2Img, "Sampler", "sampler_name"),
    AxisOption(
        "Checkpoint name",
        str,
        apply_checkpoint,
        confirm=confirm_checkpoints,
        cost=1.0,
        choices=lambda: sorted(sd_models.checkpoints_list),
    ),
    AxisOption("Negative Guidance minimum sigma", float, apply_field("s_min_uncond")),
    AxisOption(
        "Schedule type",
        str,
        apply_field("scheduler"),
        choices=lambda: [scheduler.label for scheduler in sd_schedulers.schedulers],
    ),
    AxisOption("Schedule min sigma", float, apply_override("sigma_min")),
    AxisOption("Schedule max sigma", float, apply_override("sigma_max")),
    AxisOption("Schedule rho", float, apply_override("rho")),
    AxisOption("Eta", float, apply_field("eta")),
    AxisOption("Denoising", float, apply_field("denoising_strength")),
    AxisOption("Initial noise multiplier", float, apply_field("initial_noise_multiplier")),
    AxisOptionTxt2Img(
        "Hires upscaler", str, apply_field("hr_upscaler"), choices=lambda: list(shared.latent_upscale_modes)
    ),
    AxisOption("Size", str, apply_size),
]


# --- reading values


def csv_string_to_list_strip(text: str) -> list[str]:
    """Comma separated values, quotes allowed."""
    return [value.strip() for row in csv.reader([text], skipinitialspace=True) for value in row]


def list_to_csv_string(values: Sequence[str]) -> str:
    """The reverse."""
    return ", ".join(f'"{value}"' if "," in value else value for value in values)


def expand_ranges(values: list[str], kind: type) -> list[Any]:
    """Numbers and ranges of numbers -> numbers."""
    numbers: list[Any] = []
    for value in values:
        match = RANGE.fullmatch(value)
        if match is None:
            numbers.append(kind(value))
            continue
        first, last, step, count = match.groups()
        if count is not None:
            found = np.linspace(float(first), float(last), int(count))
        else:
            pace = float(step or 1)
            found = np.arange(float(first), float(last) + (pace / 2 if pace else 1), pace)
        numbers.extend(kind(number) for number in found.tolist())
    return numbers


class Axis(NamedTuple):
    """An axis of one plot: what varies, the values as the user wrote them, and as they are used."""

    option: AxisOption
    text: str
    values: list[Any]

    def labels(self, p: Any) -> list[Any]:
        """The text beside each value's row or column."""
        return [self.option.format_value(p, self.option, value) for value in self.values]


def read_axis(p: Any, option: AxisOption, text: str, chosen: list[str] | None, csv_mode: bool) -> Axis:
    """The values of an axis. Raises what the option's type and `confirm` raise."""
    if option.label == "Nothing":
        return Axis(option, "", [0])
    if option.choices is not None and not csv_mode:
        values = list(chosen or [])
        text = list_to_csv_string(values)
    else:
        values = option.prepare(text) if option.prepare is not None else csv_string_to_list_strip(text)
    if option.type in (int, float):
        typed = expand_ranges([value for value in values if value != ""], option.type)  # type: ignore
    else:
        typed = [option.type(value) for value in values]
    if option.confirm is not None:
        option.confirm(p, typed)
    return Axis(option, text, typed)


# --- the plot


class Plot:
    """The cells of one plot, and the grids made of them. A cell's position is (x, y, z)."""

    def __init__(self, p: Any, axes: tuple[Axis, Axis, Axis], vary_seeds: Sequence[bool]) -> None:
        self.p, self.axes, self.vary_seeds = p, axes, vary_seeds
        self.cells: dict[tuple[int, ...], Processed] = {}
        self.whole_infotext = ""
        self.layer_infotexts: dict[int, str] = {}

    def run(self) -> None:
        """Make all cells; the costliest axis changes least often."""
        sizes = [range(len(axis.values)) for axis in self.axes]
        outer_first = sorted((2, 1, 0), key=lambda i: -self.axes[i].option.cost)
        total = len(list(itertools.product(*sizes)))
        state.job_count = total * self.p.n_iter
        for number, position in enumerate(itertools.product(*(sizes[i] for i in outer_first))):
            state.job = f"{number + 1} out of {total}"
            placed = dict(zip(outer_first, position, strict=True))
            self._run_cell((placed[0], placed[1], placed[2]))

    def _run_cell(self, position: tuple[int, int, int]) -> None:
        pc = copy(self.p)
        pc.styles = list(pc.styles)
        stride = 1
        self.cells[position] = Processed(self.p, [], self.p.seed, "")
        if state.interrupted or state.stopping_generation:
            return
        for axis, place in zip(self.axes, position, strict=True):
            axis.option.apply(pc, axis.values[place], axis.values)
        for axis, place, varies in zip(self.axes, position, self.vary_seeds, strict=True):
            if varies:
                pc.seed += place * stride
                stride *= len(axis.values)
        try:
            self.cells[position] = processing.process_images(pc)
        except Exception as error:
            errors.display(error, "generating image for xyz plot")
            return
        x, y, z = position
        if x == y == 0:  # the cells share one dictionary of parameters: later ones would show through
            self.layer_infotexts[z] = self._grid_infotext(pc, "XY")
            if z == 0:
                self.whole_infotext = self._grid_infotext(pc, "XYZ")

    def result(self, texts: Sequence[Sequence[str]], draw_legend: bool, margin: int) -> Processed:
        """Everything: the whole grid, one grid per z, the cells; their texts in the same order."""
        labels = [[[images.GridAnnotation(text)] for text in axis] for axis in texts]
        columns, rows, layers = (len(axis.values) for axis in self.axes)
        order = [(x, y, z) for z in range(layers) for y in range(rows) for x in range(columns)]
        pictures = [self._picture(position) for position in order]
        infotexts = [next(iter(self.cells[position].infotexts), "") for position in order]

        layer_grids = []
        for z in range(layers):
            part = pictures[z * rows * columns : (z + 1) * rows * columns]
            grid = images.image_grid(part, rows=rows)
            if draw_legend:
                size = max(picture.width for picture in part), max(picture.height for picture in part)
                grid = images.draw_grid_annotations(grid, *size, labels[0], labels[1], margin)
            layer_grids.append(grid)
        whole = images.image_grid(layer_grids, rows=1)
        if draw_legend:
            size = max(grid.width for grid in layer_grids), max(grid.height for grid in layer_grids)
            whole = images.draw_grid_annotations(whole, *size, labels[2], [[images.GridAnnotation()]])

        processed = copy(next((cell for cell in self.cells.values() if cell.images), self.cells[0, 0, 0]))
        processed.images = [whole, *layer_grids, *pictures]
        layer_infotexts = [self.layer_infotexts.get(z, "") for z in range(layers)]
        processed.infotexts = [self.whole_infotext, *layer_infotexts, *infotexts]
        processed.info = processed.infotexts[0]
        processed.index_of_first_image = 1
        seeds = [self.cells[position].seed for position in order]
        prompts = [self.cells[position].prompt for position in order]
        processed.all_seeds = [*(seeds[z * rows * columns] for z in range(layers)), *seeds]
        processed.all_prompts = [*(prompts[z * rows * columns] for z in range(layers)), *prompts]
        return processed

    def _picture(self, position: tuple[int, ...]) -> Image.Image:
        """A cell's first picture; an empty one where the cell failed."""
        made = self.cells[position].images
        example = next((cell.images[0] for cell in self.cells.values() if cell.images), None)
        size = (self.p.width, self.p.height) if example is None else example.size
        return made[0] if made else Image.new("RGB", size)

    def _grid_infotext(self, pc: Any, names: str) -> str:
        """The text of a grid: that of its first cell, with the axes."""
        pc = copy(pc)
        pc.extra_generation_params = {**pc.extra_generation_params, "Script": "X/Y/Z plot"}
        for name, axis in zip(names, self.axes, strict=False):
            if axis.option.label != "Nothing":
                pc.extra_generation_params[f"{name} Type"] = axis.option.label
                pc.extra_generation_params[f"{name} Values"] = axis.text
                if axis.option.label in SEEDS:
                    fixed = ", ".join(str(value) for value in axis.values)
                    pc.extra_generation_params[f"Fixed {name} Values"] = fixed
        return processing.create_infotext(pc, pc.all_prompts, pc.all_seeds, pc.all_subseeds)


def draw_xyz_grid(
    plot: Plot,
    x_labels: Sequence[str],
    y_labels: Sequence[str],
    z_labels: Sequence[str],
    draw_legend: bool,
    margin_size: int,
) -> Processed:
    """Make the pictures and the grids of them. Extensions wrap this function of the module, which the WebUI calls with keywords."""
    plot.run()
    return plot.result([x_labels, y_labels, z_labels], draw_legend, margin_size)


class Script(scripts.Script):
    """The script in the list, with the WebUI's arguments in the WebUI's order."""

    def title(self) -> str:
        return "X/Y/Z plot"

    def ui(self, is_img2img: bool) -> list[Any]:
        self.current_axis_options = [
            option for option in axis_options if getattr(option, "is_img2img", is_img2img) == is_img2img
        ]
        axes = [part for name, first in (("x", 1), ("y", 0), ("z", 0)) for part in self._axis_row(name, first)]
        with gr.Row(elem_id=self.elem_id("axis_options")):
            names = ("draw_legend", "Draw legend"), ("include_lone_images", "Include Sub Images")
            names += ("include_sub_grids", "Include Sub Grids"), ("no_fixed_seeds", "Keep -1 for seeds")
            names += tuple((f"vary_seeds_{axis}", f"Vary seeds for {axis.upper()}") for axis in "xyz")
            switches = [
                gr.Checkbox(label=label, value=name == "draw_legend", elem_id=self.elem_id(name))
                for name, label in names
            ]
            margin = gr.Slider(0, 500, value=0, step=2, label="Grid margins (px)", elem_id=self.elem_id("margin_size"))
            text_mode = gr.Checkbox(
                label="Use text inputs instead of dropdowns", value=False, elem_id=self.elem_id("csv_mode")
            )
        for i, name in enumerate("XYZ"):
            kind, text, chosen = axes[3 * i : 3 * i + 3]
            self.infotext_fields = [*(self.infotext_fields or []), (kind, f"{name} Type"), (text, f"{name} Values")]
            kind.change(self._show_values, [kind, text, chosen, text_mode], [text, chosen])
        return [*axes, *switches, margin, text_mode]

    def _axis_row(self, name: str, first: int) -> list[Any]:
        """One axis: what varies, values as text, values from a list."""
        labels = [option.label for option in self.current_axis_options]
        with gr.Row():
            kind = gr.Dropdown(
                labels, value=labels[first], type="index", label=f"{name.upper()} type",
                elem_id=self.elem_id(f"{name}_type"),
            )  # fmt: skip
            text = gr.Textbox(label=f"{name.upper()} values", lines=1, elem_id=self.elem_id(f"{name}_values"))
            chosen = gr.Dropdown([], label=f"{name.upper()} values", visible=False, multiselect=True, interactive=True)
            fill = ToolButton("📒", elem_id=f"xyz_grid_fill_{name}_tool_button")
        fill.click(self._fill, [kind], [text, chosen])
        return [kind, text, chosen]

    def _choices(self, index: int | None) -> list[str]:
        option = self.current_axis_options[index or 0]
        return [] if option.choices is None else option.choices()

    def _show_values(self, index: int | None, text: str, chosen: list[str], csv_mode: bool) -> list[Any]:
        """What was set goes with the axis from text to list, or from list to text, as far as the axis knows it."""
        choices = self._choices(index)
        listed = bool(choices) and not csv_mode
        if listed and text:
            text, chosen = "", [value for value in csv_string_to_list_strip(text) if value in choices]
        elif choices and chosen and not listed:
            text, chosen = list_to_csv_string([value for value in chosen if value in choices]), []
        return [gr.update(visible=not listed, value=text), gr.update(visible=listed, choices=choices, value=chosen)]

    def _fill(self, index: int | None) -> list[Any]:
        choices = self._choices(index)
        if not choices:
            return [gr.update(), gr.update()]
        return [gr.update(value=list_to_csv_string(choices)), gr.update(value=choices)]

    def run(
        self,
        p: Any,
        x_type: int | None,
        x_values: str,
        x_values_dropdown: list[str],
        y_type: int | None,
        y_values: str,
        y_values_dropdown: list[str],
        z_type: int | None,
        z_values: str,
        z_values_dropdown: list[str],
        draw_legend: bool,
        include_lone_images: bool,
        include_sub_grids: bool,
        no_fixed_seeds: bool,
        vary_seeds_x: bool,
        vary_seeds_y: bool,
        vary_seeds_z: bool,
        margin_size: int,
        csv_mode: bool,
    ) -> Processed:
        """Make the plot."""
        if not no_fixed_seeds:
            processing.fix_seed(p)
        given = (
            (x_type, x_values, x_values_dropdown),
            (y_type, y_values, y_values_dropdown),
            (z_type, z_values, z_values_dropdown),
        )
        x, y, z = (
            read_axis(p, self.current_axis_options[kind or 0], text, chosen, csv_mode) for kind, text, chosen in given
        )
        for axis in (x, y, z):
            if axis.option.label in SEEDS and not no_fixed_seeds:
                axis.values[:] = [random.randrange(4294967294) if value == -1 else value for value in axis.values]
        state.xyz_plot_x, state.xyz_plot_y, state.xyz_plot_z = (  # type: ignore
            AxisInfo(axis.option, axis.values) for axis in (x, y, z)
        )
        plot = Plot(p, (x, y, z), (vary_seeds_x, vary_seeds_y, vary_seeds_z))
        x_labels, y_labels, z_labels = (axis.labels(p) for axis in (x, y, z))
        processed = draw_xyz_grid(
            plot,
            x_labels=x_labels,
            y_labels=y_labels,
            z_labels=z_labels,
            draw_legend=draw_legend,
            margin_size=margin_size,
        )
        if opts.grid_save and not p.do_not_save_grid:
            images.save_image(processed.images[0], p.outpath_grids, "xyz_grid", info=processed.infotexts[0], p=p)
        layers = len(z.values)
        if not include_lone_images:
            del processed.images[1 + layers :]
        if not include_sub_grids:
            for answers in (processed.images, processed.infotexts):
                del answers[1 : 1 + layers]
            for answers in (processed.all_prompts, processed.all_seeds):
                del answers[1 : 1 + layers]
        return processed
