"""The Generate button of the img2img tab."""

from __future__ import annotations

from typing import Any

from modules import scripts, shared, ui_generate
from modules.processing import StableDiffusionProcessingImg2Img

JOB_FIELDS = (
    "prompt",
    "negative_prompt",
    "init_images",
    "resize_mode",
    "n_iter",
    "batch_size",
    "cfg_scale",
    "width",
    "height",
    "denoising_strength",
)
"""What the page's components stand for, in order; then come the override settings and the scripts' arguments."""


def img2img(*values: Any) -> tuple[Any, ...]:
    """Component values -> (pictures, result as JSON, infotext as HTML, messages as HTML)."""
    fields: dict[str, Any] = dict(zip(JOB_FIELDS, values, strict=False))
    overrides, *script_args = values[len(JOB_FIELDS) :]

    def create() -> StableDiffusionProcessingImg2Img:
        if fields["init_images"] is None:
            raise ValueError("img2img needs a picture")
        return StableDiffusionProcessingImg2Img(
            **{**fields, "init_images": [fields["init_images"]]},
            outpath_samples=shared.opts.outdir_img2img_samples,
            outpath_grids=shared.opts.outdir_img2img_grids,
        )

    return ui_generate.generate(create, scripts.scripts_img2img, overrides, script_args)
