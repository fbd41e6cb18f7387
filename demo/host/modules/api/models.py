"""Requests and answers of the HTTP API, in terms that pydantic 1 and 2 share."""

from __future__ import annotations

import dataclasses
from typing import Any, Optional, get_type_hints

# Optional[...] and not "| None": these annotations are evaluated, and pydantic 1 knows this form best.
# ruff: noqa: UP045
from modules.processing import StableDiffusionProcessingImg2Img, StableDiffusionProcessingTxt2Img
from pydantic import BaseModel, create_model

_NOT_IN_REQUESTS = {
    "sd_model",
    "outpath_samples",
    "outpath_grids",
    "sampler_index",
    "extra_generation_params",
    "overlay_images",
}
_SCRIPTS: dict[str, Any] = {
    "sampler_index": (Optional[str], "Euler"),
    "script_name": (Optional[str], None),
    "script_args": (list, []),
    "send_images": (bool, True),
    "save_images": (bool, False),
    "alwayson_scripts": (dict, {}),
    "infotext": (Optional[str], None),
}
"""{request field that is no field of the job: (type, default)}"""


def _request(name: str, job: type, own: dict[str, Any]) -> type[BaseModel]:
    """A request with the job's fields. Defaults come from the base class where both classes have one."""
    fields: dict[str, Any] = {}
    for kind in job.__mro__[:2]:
        hints = get_type_hints(kind)
        for entry in dataclasses.fields(kind):
            if entry.init and entry.name not in _NOT_IN_REQUESTS:
                fields[entry.name] = (_json_type(hints[entry.name]), entry.default)
    return create_model(name, **{**fields, **_SCRIPTS, **own})


def _json_type(hint: Any) -> Any:
    """What a field's value may be in JSON; anything but plain numbers, switches and texts goes unchecked."""
    plain = [kind for kind in (bool, int, float, str) if hint in (kind, Optional[kind])]
    return Optional[plain[0]] if plain else Optional[Any]


StableDiffusionTxt2ImgProcessingAPI = _request("StableDiffusionProcessingTxt2Img", StableDiffusionProcessingTxt2Img, {})
StableDiffusionImg2ImgProcessingAPI = _request(
    "StableDiffusionProcessingImg2Img",
    StableDiffusionProcessingImg2Img,
    {
        "init_images": (Optional[list], None),
        "denoising_strength": (float, 0.75),
        "mask": (Optional[str], None),
        "include_init_images": (bool, False),
    },
)


class ImagesResponse(BaseModel):
    """Pictures as base64 PNGs, the request, and `Processed.js()`."""

    images: list[str] | None = None
    parameters: dict
    info: str


class PNGInfoRequest(BaseModel):
    """A picture as base64."""

    image: str


class PNGInfoResponse(BaseModel):
    """Its infotext, its other texts, and the infotext's fields."""

    info: str
    items: dict = {}
    parameters: dict = {}


class ScriptArg(BaseModel):
    """One argument of a script, by its component."""

    label: str | None = None
    value: Any | None = None
    minimum: Any | None = None
    maximum: Any | None = None
    step: Any | None = None
    choices: list[str] | None = None


class ScriptInfo(BaseModel):
    """A script on one tab."""

    name: str | None = None
    is_alwayson: bool | None = None
    is_img2img: bool | None = None
    args: list[ScriptArg] = []


def describe_component(component: Any) -> ScriptArg:
    """What the API says of a component."""
    described = {name: getattr(component, name, None) for name in ("value", "minimum", "maximum", "step")}
    choices = getattr(component, "choices", None)
    if choices is not None:
        choices = [str(choice[0] if isinstance(choice, tuple) else choice) for choice in choices]
    return ScriptArg(label=component.label or "", choices=choices, **described)
