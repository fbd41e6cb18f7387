"""Which of a LoRA file's tensors the loaded transformer takes. A host that can use less than half of them leaves the LoRA out, and says so
on its console alone.
"""
from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

from .families import Named

Kinds = Mapping[str, int]
"""How many tensors there are of each kind: of one module, whatever the number of its block."""
MOST_LEFT_OUT = 0.5
"""Source: `load_lora_for_models` in Forge Neo's extensions-builtin/sd_forge_lora/networks.py."""
_PREFIX = re.compile(
    r"(?:base_model_model_|model_)?(?:diffusion_model_|lora_unet_|lora_transformer_|lycoris_|transformer_(?!blocks)|unet_|net_)?"
)
_SUFFIX = re.compile(
    r"_(?:(?:lora_)?(?:down|up|mid|a|b)_(?:default_)?weight|lora_(?:down|up)|alpha|dora_scale|diff(?:_[bm])?|hada_\w+|lokr_\w+"
    r"|q?weight|bias|scale|wscales)$"
)
_ALIASES = (
    (re.compile(r"(?<=attention_)to_[qkv]$"), "qkv"), (re.compile(r"(?<=attention_)to_out_0$"), "out"),
)
"""Modules that some LoRAs name apart, and the network holds in one: Z-Image's."""
_STREAM = re.compile(r"^(\w+?)_N_")


def kinds_of(tensors: Named) -> dict[str, int]:
    """The kinds of a LoRA's tensors, or of a network's; text encoders and autoencoders beside it are kinds that nobody asks for."""
    return dict(Counter(_kind(name) for name, _ in tensors))


def share_taken(lora: Kinds, network: Kinds) -> float | None:
    """The share of a LoRA's tensors whose module `network` has, 0 to 1; None where either is not known, or is named in another way as a
    whole, as diffusers' names are beside the authors' own.
    """
    blocks = {found[1] for kind in network if (found := _STREAM.match(kind))}
    if not lora or not any((found := _STREAM.match(kind)) and found[1] in blocks for kind in lora):
        return None
    return sum(count for kind, count in lora.items() if kind in network) / sum(lora.values())


@lru_cache(maxsize=4096)
def _kind(name: str) -> str:
    kind = _SUFFIX.sub("", _PREFIX.sub("", name, count=1))
    for alias, fused in _ALIASES:
        kind = alias.sub(fused, kind)
    return re.sub(r"(?<=_)\d+(?=_|$)", "N", kind)
