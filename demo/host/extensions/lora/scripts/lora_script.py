"""Registers the tag <lora:name:strength>, the API of LoRAs, and the reading of "Lora hashes" in infotexts."""

from __future__ import annotations

import re
from typing import Any

import networks
from modules import extra_networks, script_callbacks, shared

TAG_NAME = re.compile(r"<lora:([^:]+):")

shared.options_templates.update(
    shared.options_section(
        ("extra_networks", "Extra Networks"),
        {
            "sd_lora": shared.OptionInfo("None", "Add network to prompt"),
            "extra_networks_default_multiplier": shared.OptionInfo(1.0, "Default multiplier for extra networks"),
            "lora_add_hashes_to_infotext": shared.OptionInfo(True, "Add Lora hashes to infotext"),
        },
    )
)


class ExtraNetworkLora(extra_networks.ExtraNetwork):
    """<lora:name>, <lora:name:0.8>, <lora:name:text strength:unet strength:rank>, <lora:name:te=0:unet=1>."""

    def __init__(self) -> None:
        super().__init__("lora")
        self.misfits: dict[str, int] = {}

    def activate(self, p: Any, params_list: list[extra_networks.ExtraNetworkParams]) -> None:
        self._add_default(p, params_list)
        names, te, unet, dyn = [], [], [], []
        for params in params_list:
            values = dict(zip(("name", "te", "unet", "dyn"), params.positional, strict=False)) | params.named
            names.append(values["name"])
            te.append(float(values.get("te", 1.0)))
            unet.append(float(values.get("unet", te[-1])))
            dyn.append(int(values["dyn"]) if "dyn" in values else None)
        missing, self.misfits = networks.load_networks(names, te, unet, dyn)
        if missing:
            p.comment(f"Lora not found: {', '.join(missing)}")
        networks.infotext_hashes(p)

    def deactivate(self, p: Any) -> None:
        if self.misfits:
            p.comment("Networks with errors: " + ", ".join(f"{k} ({v})" for k, v in self.misfits.items()))

    def _add_default(self, p: Any, params_list: list[extra_networks.ExtraNetworkParams]) -> None:
        """The setting "Add network to prompt"."""
        name = shared.opts.sd_lora
        if name in networks.available_networks and not any(params.items[0] == name for params in params_list):
            strength = shared.opts.extra_networks_default_multiplier
            p.all_prompts = [f"{prompt}<lora:{name}:{strength}>" for prompt in p.all_prompts]
            params_list.append(extra_networks.ExtraNetworkParams([name, strength]))


def before_ui() -> None:
    """Register the tag and its old name."""
    network = ExtraNetworkLora()
    extra_networks.register_extra_network(network)
    extra_networks.register_extra_network_alias(network, "lyco")


def add_routes(_: Any, app: Any) -> None:
    """GET /sdapi/v1/loras, POST /sdapi/v1/refresh-loras."""

    @app.get("/sdapi/v1/loras")
    def loras() -> list[dict[str, Any]]:
        return [
            {"name": entry.name, "alias": entry.alias, "path": entry.filename, "metadata": entry.metadata}
            for entry in networks.available_networks.values()
        ]

    @app.post("/sdapi/v1/refresh-loras")
    def refresh_loras() -> None:
        networks.list_available_networks()


def infotext_pasted(_: str, params: dict[str, Any]) -> None:
    """Rename the tags to this host's names of the same files, by their hashes."""
    pairs = (pair.split(":", 1) for pair in params.get("Lora hashes", "").split(",") if ":" in pair)
    hashes = {name.strip(): value.strip() for name, value in pairs}

    def rename(match: re.Match[str]) -> str:
        entry = networks.available_network_hash_lookup.get(hashes.get(match.group(1), ""))
        return match.group(0) if entry is None else f"<lora:{entry.get_alias()}:"

    if hashes:
        params["Prompt"] = TAG_NAME.sub(rename, params["Prompt"])


script_callbacks.on_before_ui(before_ui)
script_callbacks.on_app_started(add_routes)
script_callbacks.on_infotext_pasted(infotext_pasted)
