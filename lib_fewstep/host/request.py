"""What a generation would do without us: the base of the user's request, read from its processing object `p`."""
from __future__ import annotations

from ..core.request import HOST_FIELDS, Request, host_request
from . import settings
from .hosts import Job
from .state import generation_of, note


def request_of(p: Job, prompt: str, negative_prompt: str) -> Request:
    """The base of the request for one batch, with that batch's prompts."""
    fields = {name: getattr(p, name, None) for name in HOST_FIELDS}
    fields |= {"prompt": prompt, "negative_prompt": negative_prompt, "hr_scheduler": _hires_scheduler(p)}
    preset = None if getattr(p, "is_api", False) else settings.preset_hires_steps()
    return host_request(fields, is_img2img(p), preset)


def is_img2img(p: Job) -> bool:
    """Whether `p` begins from a picture."""
    return getattr(p, "init_images", None) is not None


def _hires_scheduler(p: Job) -> str:
    """As it was before the first batch: for "the same" the host then writes the first pass' schedule in its place."""
    known = generation_of(p).hires_scheduler
    if known is None:
        known = str(getattr(p, "hr_scheduler", None) or "")
        note(p, hires_scheduler=known)
    return known
