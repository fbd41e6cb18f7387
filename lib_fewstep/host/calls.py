"""How often the host's samplers call the model, and for which rows."""
from __future__ import annotations

import sys

from modules import sd_samplers

from .hosts import skips_uncond

_UNFLAGGED = {
    "sample_heunpp2": 3, "heunpp2": 3,
    **dict.fromkeys((
        "sample_dpmpp_2s_ancestral_RF", "dpmpp_sde_classic", "dpmpp_2s_ancestral_cfg_pp", "dpmpp_2s_ancestral_cfg_pp_dyn",
        "dpmpp_sde_cfg_pp", "SEEDS_2", "SA-Solver-Pece", "res_solver", "heun_comfy", "dpmpp_2s_ancestral_comfy", "dpmpp_sde_comfy",
    ), 2),
    **dict.fromkeys((
        "sample_dpm_adaptive", "sample_Kohaku_LoNyu_Yog", "Kohaku_LoNyu_Yog", "sample_euler_dy", "sample_euler_smea_dy",
        "sample_euler_dy_negative", "euler_dy_cfg_pp", "euler_smea_dy_cfg_pp", "SEEDS_3", "dpmpp_2s_ancestral_cfg_pp_intern",
        "ode_bosh3", "ode_fehlberg2", "ode_adaptive_heun", "ode_dopri5", "ode_custom", "custom_sampler",
    ), 0),
}  # fmt: skip
"""Calls in a step of the samplers for which hosts publish no flag, by function or alias. 0: by their own rule, not equally often."""


def calls_per_step() -> dict[str, int]:
    """How often a sampler calls the model in a step, where it is not once: hosts flag those of second order."""
    module = sys.modules.get("modules.sd_samplers_kdiffusion")
    functions = {name: function for name, function, *_ in getattr(module, "samplers_k_diffusion", ())}
    found = {data.name: 2 for data in sd_samplers.all_samplers if data.options.get("second_order", False)}
    aliases = {data.name: data.aliases[0] for data in sd_samplers.all_samplers if data.aliases}
    return {**found, **{name: _UNFLAGGED[key] for name, key in (*aliases.items(), *functions.items()) if key in _UNFLAGGED}}


def self_timed() -> dict[str, int]:
    """DDIM, PLMS, UniPC: the host hands them timesteps of its own, and asks nobody for others. DDIM only aims at the last."""
    module = sys.modules.get("modules.sd_samplers_timesteps")
    return {name: 1 if function.__name__.startswith("ddim") else 0 for name, function, *_ in getattr(module, "samplers_timesteps", ())}


def keeps_uncond() -> frozenset[str]:
    """CFG++ steps towards the noise of the unconditional prediction: those of AUTOMATIC1111, reForge and Neo. Forge's DDIM CFG++ does so
    with what it has.
    """
    if skips_uncond():
        alter = getattr(sys.modules.get("modules_forge.forge_alter_samplers"), "samplers_data_alter", ())
        return frozenset(data.name for data in alter if "CFG++" in data.name)
    module = sys.modules.get("modules.sd_samplers_timesteps")
    return frozenset(name for name, function, *_ in getattr(module, "samplers_timesteps", ()) if function.__name__.endswith("cfgpp"))
