"""The Generate button of the txt2img tab."""

from __future__ import annotations

from typing import Any

from modules import scripts, shared, ui_generate
from modules.processing import StableDiffusionProcessingTxt2Img

JOB_FIELDS = (
    "prompt",
    "negative_prompt",
    "n_iter",
    "batch_size",
    "cfg_scale",
    "width",
    "height",
    "enable_hr",
    "denoising_strength",
    "hr_scale",
    "hr_upscaler",
    "hr_second_pass_steps",
    "hr_sampler_name",
    "hr_scheduler",
    "hr_prompt",
    "hr_negative_prompt",
)
"""What the page's components stand for, in order; then come the override settings and the scripts' arguments."""


def txt2img(*values: Any) -> tuple[Any, ...]:
    """Component values -> (pictures, result as JSON, infotext as HTML, messages as HTML)."""
    fields: dict[str, Any] = dict(zip(JOB_FIELDS, values, strict=False))
    for name, same in (("hr_sampler_name", "Use same sampler"), ("hr_scheduler", "Use same scheduler")):
        fields[name] = None if fields[name] == same else fields[name]
    overrides, *script_args = values[len(JOB_FIELDS) :]

    def create() -> StableDiffusionProcessingTxt2Img:
        return StableDiffusionProcessingTxt2Img(
            **fields,
            outpath_samples=shared.opts.outdir_txt2img_samples,
            outpath_grids=shared.opts.outdir_txt2img_grids,
        )

    return ui_generate.generate(create, scripts.scripts_txt2img, overrides, script_args)
