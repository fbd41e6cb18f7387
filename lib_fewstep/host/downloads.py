"""Where downloaded files go, and whether this WebUI lets the people at its page fetch any."""
from __future__ import annotations

from pathlib import Path

from modules import shared

from . import settings


def lora_folder() -> Path:
    """The folder in which the host looks for LoRAs."""
    return Path(shared.cmd_opts.lora_dir)


def forbidden() -> str | None:
    """Why nothing may be fetched, in words; empty if the user has switched downloads off; None: it may.

    A download writes to the owner's disk, as the installing of an extension does: others may do it under the same flag only.
    """
    if not settings.downloads():
        return ""
    if not getattr(shared.cmd_opts, "lora_dir", None):
        return "this WebUI's LoRA extension is off"
    if getattr(shared.cmd_opts, "disable_extension_access", False):
        return "others can reach this WebUI (--listen, --share and the like), and it was started without --enable-insecure-extension-access"
    return None
