"""Where downloaded files go, and whether this WebUI lets the people at its page fetch any."""
from __future__ import annotations

from pathlib import Path

from modules import shared

from ..words.say import say
from . import settings


def lora_folder() -> Path:
    """The folder in which the host looks for LoRAs."""
    return Path(shared.cmd_opts.lora_dir)


def forbidden() -> str | None:
    """Why nothing may be fetched, in words; empty if the user has switched downloads off; None: it may.

    A download writes to the owner's disk, as installing an extension does, so the host's own rule for that holds. By it any --server-name
    counts, even this machine's own, behind which a proxy may let others in.
    """
    if not settings.downloads():
        return ""
    if not getattr(shared.cmd_opts, "lora_dir", None):
        return say("forbidden.no_loras")
    if getattr(shared.cmd_opts, "disable_extension_access", False):
        return _reached()
    return None


def _reached() -> str:
    """Why the host thinks so."""
    options = shared.cmd_opts
    address = str(getattr(options, "server_name", None) or "")
    invites = any(getattr(options, name, None) for name in ("share", "listen", "ngrok"))
    if not invites and (address in ("localhost", "::1") or address.startswith("127.")):
        return say("forbidden.server_name", address=address)
    return say("forbidden.reached")
