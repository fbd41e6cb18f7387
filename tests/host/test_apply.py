"""A plan on the host's processing object: what it sets, that all of it is taken back, and that nothing of others is."""
from __future__ import annotations

from copy import copy
from typing import Any

import pytest

from .generator import FIELDS, HIRES, Generator

SET = ("steps", "cfg_scale", "sampler_name", "scheduler")
TAG = "<lora:TCD-SD15-LoRA:1>"


def begun(generator: Generator, settings: dict[str, Any], **fields: Any) -> Any:
    """A job whose plan is in force, before its first batch."""
    p = generator.txt2img(**fields)
    p.setup_prompts()
    generator.host.our("generation").begin(p, (settings,), generator.facts)
    return p


def test_a_plan_sets_what_it_says_and_all_is_taken_back(generator: Generator) -> None:
    p = begun(generator, {"method": "tcd", "steps": 5, "cfg": 1.5})
    assert {name: getattr(p, name) for name in SET} == {
        "steps": 5, "cfg_scale": 1.5, "sampler_name": "TCD Few-Step", "scheduler": "Automatic",
    }  # fmt: skip
    assert p.sampler_noise_scheduler_override is not None and p.extra_generation_params["Accelerator"] == "tcd"
    generator.host.our("apply").restore(p)
    assert {name: getattr(p, name) for name in SET} == {name: FIELDS[name] for name in SET}
    assert p.sampler_noise_scheduler_override is None and p.extra_generation_params == {}
    assert generator.host.our("state").plan_of(p) is None


def test_what_others_have_set_meanwhile_stays(generator: Generator) -> None:
    """An extension that comes after us, in the same job."""
    p = begun(generator, {"method": "tcd", "gamma": 0.5})
    p.steps, p.scheduler = 6, "Beta"
    p.extra_generation_params |= {"Accelerator gamma": "another's", "Theirs": 1}
    generator.host.our("apply").restore(p)
    assert (p.steps, p.scheduler) == (6, "Beta")
    assert (p.cfg_scale, p.sampler_name) == (FIELDS["cfg_scale"], FIELDS["sampler_name"])
    assert p.extra_generation_params == {"Accelerator gamma": "another's", "Theirs": 1}


def test_a_job_that_is_processed_again_comes_out_the_same(generator: Generator) -> None:
    """As Loopback does it, then with the Accelerator off."""
    p = generator.txt2img()
    first = generator.make(p, {"method": "lcm"}).infotexts
    again = generator.make(p, {"method": "lcm"}).infotexts
    assert again == first and "Accelerator: lcm" in first[0]
    off = generator.make(p).infotexts
    assert off == generator.make(generator.txt2img()).infotexts and "Accelerator" not in off[0]


def test_a_plot_s_cells_do_not_write_into_each_other(generator: Generator) -> None:
    """The plot makes them as shallow copies of its own object."""
    plot = generator.txt2img()
    cells = [copy(plot) for _ in range(2)]
    texts = [generator.make(cell, {"method": method}).infotexts[0] for cell, method in zip(cells, ("tcd", "lcm"), strict=True)]
    assert "Accelerator: tcd" in texts[0] and "Accelerator: lcm" in texts[1]
    assert plot.extra_generation_params == {} and "Accelerator" not in generator.make(plot).infotexts[0]


def test_an_inactive_plan_changes_nothing_and_says_why(generator: Generator) -> None:
    p = generator.txt2img()
    made = generator.make(p, {"method": "lightning-4"})
    assert made.infotexts == generator.make(generator.txt2img()).infotexts
    assert len(p.comments) == 1 and "Accelerator: " in made.comments and "SDXL" in made.comments


def test_notes_may_be_switched_off_but_not_why_nothing_was_done(generator: Generator) -> None:
    generator.host.shared.opts.data["fewstep_notes"] = False
    for method, notes in (("tcd", 0), ("lightning-4", 1)):
        p = generator.txt2img()
        generator.make(p, {"method": method, "steps": 40})
        assert len(p.comments) == notes, method


@pytest.mark.parametrize("tab", ["txt2img", "img2img"])
@pytest.mark.parametrize("fails", ["apply._changes", "apply.infotext.entries", "apply.show_notes", "network.change_for_passes"])
def test_an_error_leaves_the_users_own_settings_in_force_and_is_told(
    generator: Generator, monkeypatch: pytest.MonkeyPatch, tab: str, fails: str
) -> None:
    """The host logs what a hook raises, and generates."""

    def failing(*_: Any) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(f"lib_fewstep.host.{fails}", failing)
    made = generator.make(getattr(generator, tab)(), {"method": "tcd"})
    assert "Sampler: Euler" in made.infotexts[0] and "Accelerator" not in made.infotexts[0]
    assert len(generator.asked) == (9 if tab == "txt2img" else 5) and {rows for _, rows in generator.asked} == {2}
    assert "RuntimeError: out of luck" in made.comments and "your own settings" in made.comments


# ------------------------------------------------------------------------------------------------------------- the hires pass


def test_steps_of_the_hires_pass_are_set_only_where_the_hosts_are_others(generator: Generator) -> None:
    for hires_steps, asked, expected in ((0, None, 0), (0, 3, 3), (7, None, 7), (7, 4, 4)):
        settings = {"method": "lcm"} | ({"hires_steps": asked} if asked else {})
        p = begun(generator, settings, **{**HIRES, "hr_second_pass_steps": hires_steps})
        assert p.hr_second_pass_steps == expected
        generator.host.our("apply").restore(p)
        assert p.hr_second_pass_steps == hires_steps


def test_a_hires_sampler_that_cannot_run_the_method_is_replaced_and_any_other_stays(generator: Generator) -> None:
    for method, chosen, runs in (("lcm", "Euler", "Euler"), ("perflow-sd15", "Heun", "PeRFlow Few-Step"), ("lcm", None, None)):
        p = begun(generator, {"method": method, "lora": "none"}, **HIRES, hr_sampler_name=chosen)
        assert p.hr_sampler_name == runs, method
        generator.host.our("apply").restore(p)
        assert p.hr_sampler_name == chosen


def test_a_host_whose_hires_pass_has_a_cfg_of_its_own_gets_the_plans(generator: Generator) -> None:
    """Forge: `hr_cfg`, read at each evaluation. Where CFG ends early, a later batch begins at the plan's again."""
    host, p = generator.host, generator.txt2img(**HIRES)
    p.hr_cfg = 7.0
    p.setup_prompts()
    host.our("generation").begin(p, ({"method": "lcm", "cfg": 2, "cfg_steps": 1},), generator.facts)
    assert p.hr_cfg == 2
    host.our("apply").set_hires_cfg(p, 1.0)
    assert p.hr_cfg == 1.0
    p.prompts, p.negative_prompts = p.all_prompts, p.all_negative_prompts
    host.our("generation").begin_batch(p, ({"method": "lcm", "cfg": 2, "cfg_steps": 1},), generator.facts, 0)
    assert p.hr_cfg == 2
    host.our("apply").restore(p)
    assert p.hr_cfg == 7.0


def test_a_host_without_it_gets_none(generator: Generator) -> None:
    p = begun(generator, {"method": "lcm", "cfg": 2, "cfg_steps": 1}, **HIRES)
    generator.host.our("apply").set_hires_cfg(p, 1.0)
    assert not hasattr(p, "hr_cfg")
