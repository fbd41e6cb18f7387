"""LoRA files: finding them, and merging the wanted ones into the model's weights.

Top-level module `networks`, as in the WebUI: extensions import it by that name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from modules import errors, hashes, paths, shared
from modules.shared import opts
from safetensors.torch import load_file
from torch import Tensor, nn

UNET_PREFIX, TEXT_PREFIX = "lora_unet_", "lora_te_"


class NetworkOnDisk:
    """A LoRA file. Its alias is the name that its trainer wrote into it."""

    def __init__(self, name: str, filename: str) -> None:
        self.name, self.filename = name, filename
        self.metadata: dict[str, Any] = _metadata(filename)
        self.alias: str = self.metadata.get("ss_output_name", name)
        self.hash: str = self.metadata.get("sshs_model_hash") or hashes.addnet_hash(filename)
        self.shorthash = self.hash[:12]

    def get_alias(self) -> str:
        """The name to write into prompts: the alias, unless several files share it."""
        return self.name if self.alias.lower() in forbidden_network_aliases else self.alias


def _metadata(filename: str) -> dict[str, Any]:
    """What the file's maker wrote into it; nothing for a broken file, which stays in the list and fails when it is used."""
    try:
        return hashes.read_metadata(filename)
    except (OSError, ValueError, AttributeError):
        errors.report(f"Error reading lora {filename}", exc_info=True)
        return {}


class Network:
    """A LoRA in force, with its strengths."""

    def __init__(self, name: str, network_on_disk: NetworkOnDisk) -> None:
        self.name = self.mentioned_name = name
        self.network_on_disk = network_on_disk
        self.te_multiplier, self.unet_multiplier = 1.0, 1.0
        self.dyn_dim: int | None = None

    def key(self) -> tuple[Any, ...]:
        """What makes it different from another: file and strengths."""
        return self.network_on_disk.filename, self.te_multiplier, self.unet_multiplier, self.dyn_dim


available_networks: dict[str, NetworkOnDisk] = {}
available_network_aliases: dict[str, NetworkOnDisk] = {}
available_network_hash_lookup: dict[str, NetworkOnDisk] = {}
forbidden_network_aliases: dict[str, int] = {}
loaded_networks: list[Network] = []


def list_available_networks() -> None:
    """Look into models/Lora."""
    for table in (available_networks, available_network_aliases, available_network_hash_lookup):
        table.clear()
    forbidden_network_aliases.clear()
    forbidden_network_aliases["none"] = 1
    for filename in shared.walk_files(str(Path(paths.models_path) / "Lora"), [".safetensors"]):
        try:
            entry = NetworkOnDisk(Path(filename).stem, filename)
        except (OSError, ValueError):
            errors.report(f"Failed to load network {filename}", exc_info=True)
            continue
        if entry.alias in available_network_aliases:
            forbidden_network_aliases[entry.alias.lower()] = 1
        available_networks[entry.name] = entry
        available_network_aliases.update({entry.name: entry, entry.alias: entry})
        available_network_hash_lookup[entry.shorthash] = entry


def find_network(name: str) -> NetworkOnDisk | None:
    """The file of that name or alias; the folder is read again where there is none."""
    for attempt in range(2):
        table = available_networks if name.lower() in forbidden_network_aliases else available_network_aliases
        if name in table:
            return table[name]
        if attempt == 0:
            list_available_networks()
    return None


def load_networks(
    names: list[str],
    te_multipliers: list[float] | None = None,
    unet_multipliers: list[float] | None = None,
    dyn_dims: list[int | None] | None = None,
) -> tuple[list[str], dict[str, int]]:
    """Put exactly these LoRAs in force -> (names without a file, {name: layers that did not fit})."""
    loaded_networks.clear()
    missing = []
    for i, name in enumerate(names):
        entry = find_network(name)
        if entry is None:
            missing.append(name)
            continue
        network = Network(name, entry)
        network.te_multiplier = te_multipliers[i] if te_multipliers else 1.0
        network.unet_multiplier = unet_multipliers[i] if unet_multipliers else 1.0
        network.dyn_dim = dyn_dims[i] if dyn_dims else None
        loaded_networks.append(network)
    return missing, _merger().apply(loaded_networks)


class Merger:
    """Adds LoRAs to the weights of one model, and takes them out again exactly."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.layers = _layers(UNET_PREFIX, model.model.diffusion_model.unet)
        self.layers |= _layers(TEXT_PREFIX, model.cond_stage_model)
        self.originals: dict[str, Tensor] = {}
        self.applied: tuple[Any, ...] = ()
        self.misfits: dict[str, int] = {}

    @torch.no_grad()
    def apply(self, networks: list[Network]) -> dict[str, int]:
        """Merge these networks and no others -> {network's name: layers whose shape did not fit}."""
        wanted = tuple(network.key() for network in networks)
        if wanted == self.applied:
            return self.misfits
        for name, weight in self.originals.items():
            self.layers[name].weight.copy_(weight)
        self.misfits = {}
        for network in networks:
            count = self._add(network)
            if count:
                self.misfits[network.name] = count
        self.applied = wanted
        return self.misfits

    def _add(self, network: Network) -> int:
        tensors = load_file(network.network_on_disk.filename)
        misfits = 0
        for key in [key.removesuffix(".lora_down.weight") for key in tensors if key.endswith(".lora_down.weight")]:
            layer = self.layers.get(key)
            if layer is None:
                continue
            strength = network.te_multiplier if key.startswith(TEXT_PREFIX) else network.unet_multiplier
            change = strength * _change(tensors, key, network.dyn_dim)
            if change.numel() != layer.weight.numel():
                misfits += 1
                continue
            self.originals.setdefault(key, layer.weight.clone())
            layer.weight += change.view_as(layer.weight)
        return misfits


def _change(tensors: dict[str, Tensor], key: str, dyn_dim: int | None) -> Tensor:
    """What a LoRA adds to a layer at strength 1, [out, in * kernel]: alpha / rank * up @ down."""
    down, up = tensors[f"{key}.lora_down.weight"].float(), tensors[f"{key}.lora_up.weight"].float()
    rank = down.shape[0]
    alpha = tensors.get(f"{key}.alpha")
    scale = 1.0 if alpha is None else float(alpha) / rank
    return scale * up.flatten(1)[:, :dyn_dim] @ down.flatten(1)[:dyn_dim]


def _layers(prefix: str, model: nn.Module) -> dict[str, Any]:
    """{kohya's name: layer} for all layers that a LoRA can change."""
    kinds = (nn.Linear, nn.Conv2d)
    named = model.named_modules()
    return {prefix + name.replace(".", "_"): module for name, module in named if isinstance(module, kinds)}


def _merger() -> Merger:
    """The merger of the loaded model; it lives on the model, so that both come and go together."""
    model = shared.sd_model
    if not hasattr(model, "lora_merger"):
        object.__setattr__(model, "lora_merger", Merger(model))
    return model.lora_merger  # type: ignore


def infotext_hashes(p: Any) -> None:
    """Note the hashes of the LoRAs in force; those of both passes of a job with "hires fix"."""
    if not opts.lora_add_hashes_to_infotext:
        return
    if not p.is_hr_pass or not hasattr(p, "lora_hashes"):
        p.lora_hashes = {}
    for network in loaded_networks:
        name = network.mentioned_name.translate(str.maketrans("", "", ":,"))
        p.lora_hashes[name] = network.network_on_disk.shorthash
    if p.lora_hashes:
        p.extra_generation_params["Lora hashes"] = ", ".join(f"{k}: {v}" for k, v in p.lora_hashes.items())


list_available_networks()
