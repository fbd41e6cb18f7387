"""The host's network, made to take and give what a distilled checkpoint's does, for the length of one sampling pass."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from ..core.conditioning import eps_from_x0, guidance_embedding
from ..core.plan import Plan
from ..core.profiles import X0


def unet_of(model: Any) -> Any:
    """The network whose forward the host calls, in Forge and its kin or in A1111; None for a placeholder."""
    forge = getattr(model, "forge_objects", None)
    if forge is not None:
        return getattr(getattr(forge.unet, "model", None), "diffusion_model", None)
    return getattr(getattr(model, "model", None), "diffusion_model", None)


@contextmanager
def distilled(p: Any, plan: Plan | None, sigmas: torch.Tensor) -> Iterator[None]:
    """Feeds the plan's guidance, and turns a predicted picture into the noise that the host expects. `sigmas`: the model's own table."""
    unet = unet_of(p.sd_model)
    with ExitStack() as hooks:
        if plan is not None and plan.prediction == X0:
            hooks.callback(unet.register_forward_hook(_to_eps(sigmas), with_kwargs=True).remove)
        projection = _guidance_projection(p) if plan is not None and plan.guidance is not None else None
        if plan is not None and plan.guidance is not None and projection is not None:
            embedding = guidance_embedding(plan.guidance, projection.shape[1]) @ projection.float().T
            hooks.callback(unet.time_embed.register_forward_pre_hook(_added(embedding)).remove)
        yield


def _to_eps(sigmas: torch.Tensor) -> Callable[..., torch.Tensor]:
    def hook(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], x0: torch.Tensor) -> torch.Tensor:
        scaled, timesteps = args[0], args[1] if len(args) > 1 else kwargs["timesteps"]
        asked = sigmas[timesteps.round().long().to(sigmas.device)]
        return eps_from_x0(scaled[:, : x0.shape[1]], x0, asked)

    return hook


def _added(embedding: torch.Tensor) -> Callable[..., tuple[Any, ...]]:
    return lambda module, args: (args[0] + embedding.to(args[0]), *args[1:])


def _guidance_projection(p: Any) -> torch.Tensor | None:
    """The weights that a full LCM has for its guidance, shape (time channels, embedding width), which hosts drop; None without them."""
    path = Path(getattr(getattr(p.sd_model, "sd_checkpoint_info", None), "filename", ""))
    return _projection_in(path, path.stat().st_mtime_ns) if path.suffix == ".safetensors" and path.is_file() else None


@lru_cache(maxsize=2)
def _projection_in(path: Path, changed: int) -> torch.Tensor | None:
    with safe_open(path, framework="pt") as file:
        name = next((name for name in file.keys() if name.endswith("cond_proj.weight")), None)  # noqa: SIM118 it is no dictionary
        return file.get_tensor(name) if name is not None else None
