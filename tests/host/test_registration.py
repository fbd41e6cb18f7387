"""What is registered with the host and taken back: samplers and options, twice over as Reload UI does, and the library itself."""
from __future__ import annotations

import sys
from pathlib import Path

from lib_fewstep.core.profiles import Problem
from lib_fewstep.core.tables import load_tables

from .fake import Host

OURS = ["LCM Few-Step", "TCD Few-Step", "PeRFlow Few-Step"]


def names(host: Host) -> list[str]:
    return [data.name for data in host.sd_samplers.all_samplers]


def test_samplers_are_registered_once_and_taken_back(host: Host) -> None:
    lists, before = host.sd_samplers, names(host)
    the_list = lists.all_samplers
    samplers = host.our("samplers")
    for _ in range(2):
        samplers.register()
        assert names(host) == [*before, *OURS] and lists.all_samplers is the_list
        assert set(lists.all_samplers_map) == {*before, *OURS} and lists.samplers_map["tcd few-step"] == "TCD Few-Step"
    assert lists.get_sampler_and_scheduler("LCM Few-Step", "Automatic")[0] == "LCM Few-Step"
    samplers.unregister()
    assert names(host) == before and "lcm few-step" not in lists.samplers_map
    assert lists.get_sampler_and_scheduler("LCM Few-Step", "Automatic")[0] != "LCM Few-Step", "a remembered answer is forgotten"


def test_options_stand_at_what_the_page_says(host: Host) -> None:
    settings, opts = host.our("settings"), host.shared.opts
    settings.register(Path("/data/<b>.yaml"), [], load_tables().profiles)
    defaults = {key: option.default for key, option in opts.data_labels.items() if key.startswith("fewstep")}
    assert (settings.all_steps(), settings.notes(), settings.downloads(), settings.leaves_out_negative()) == (True,) * 4
    assert all(value in (True, "") for key, value in defaults.items() if key != "fewstep_user_table")
    opts.data.update({key: not value for key, value in defaults.items() if value is True})
    assert (settings.all_steps(), settings.notes(), settings.downloads(), settings.leaves_out_negative()) == (False,) * 4
    assert "&lt;b&gt;.yaml" in opts.data_labels["fewstep_user_table"].default


def test_the_page_says_which_rows_and_methods_it_leaves_out(host: Host) -> None:
    host.shared.opts.data["fewstep_auto_order"] = "tcd, <x>\n nonsense"
    settings = host.our("settings")
    settings.register(Path("x"), [Problem("x.yaml", "mine", "steps", "a word")], load_tables().profiles)
    text = host.shared.opts.data_labels["fewstep_user_table"].default
    assert settings.auto_order() == ["tcd", "<x>", "nonsense"] and "&lt;x&gt;, nonsense" in text and "mine" in text and "<x>" not in text


def test_hires_steps_of_a_preset_are_neos_alone(host: Host) -> None:
    settings, opts = host.our("settings"), host.shared.opts
    assert settings.preset_hires_steps() == 0
    for key, value in {"forge_preset": "xl", "xl_t2i_hr_step": 20}.items():
        opts.add_option(key, host.shared.OptionInfo(value))
    assert settings.preset_hires_steps() == 20


def test_a_preset_of_neos_is_read_as_it_fills_the_page(host: Host) -> None:
    settings = host.our("settings")
    assert settings.preset() is None
    values = {"forge_preset": "zit", "zit_t2i_sampler": "Euler", "zit_t2i_scheduler": "Beta", "zit_t2i_step": 9, "zit_t2i_cfg": 1.0}
    for key, value in values.items():
        host.shared.opts.add_option(key, host.shared.OptionInfo(value))
    found = settings.preset()
    assert (found.name, found.sampler, found.scheduler, found.steps, found.cfg, found.shift) == ("zit", "Euler", "Beta", 9, 1.0, None)


def test_reload_forgets_this_library_and_no_other(host: Host) -> None:
    reload = host.our("reload")
    before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == reload.LIBRARY}
    sys.modules["lib_fewstep_of_others"] = sys.modules["json"]
    try:
        reload.forget_library()
        assert before and not before.keys() & sys.modules.keys() and "lib_fewstep_of_others" in sys.modules
    finally:
        del sys.modules["lib_fewstep_of_others"]
        sys.modules.update(before)
