"""Draft pictures: decoded by TAESD, the host's small decoder, for one picture and with no option left changed."""
from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, get_ident
from typing import Any

from modules import processing, shared

from ..words.say import say

_OPTION, _TAESD = "sd_vae_decode_method", "TAESD"
_ASKING = Lock()
"""Two pages that ask at once would each put back what the other has put in."""


class _Wanted(Exception):
    """The host is about to fetch this file, unless it is there."""

    def __init__(self, path: str, url: str):
        super().__init__(path)
        self.path, self.url = path, url


def missing() -> str:
    """Why the loaded checkpoint's pictures cannot be drafts, and what to do; empty where they can. Fetches nothing, loads nothing."""
    try:
        from modules import sd_vae_taesd  # type: ignore[attr-defined]
    except ImportError:
        return say("draft.no_decoder")
    with _ASKING:
        return _missing_from(sd_vae_taesd)


def _missing_from(host: Any) -> str:
    fetch, ours = host.download_model, get_ident()

    def stop(path: Any, url: Any) -> None:
        if get_ident() == ours:  # a preview in another thread may fetch what it likes
            raise _Wanted(str(path), str(url))
        fetch(path, url)

    host.download_model = stop
    try:
        return "" if host.decoder_model() is not None else say("draft.no_decoder")
    except _Wanted as wanted:
        return "" if os.path.exists(wanted.path) else say("draft.missing", url=wanted.url, path=wanted.path)
    except Exception as error:  # no checkpoint is loaded yet, or one that the host has no decoder for
        return say("draft.unknown", error=f"{type(error).__name__}: {error}")
    finally:
        host.download_model = fetch


def decode_next(p: Any) -> None:
    """Has the next `p.sample` end with a decoded picture. The host takes one as it is, and decodes a latent."""
    before = p.__dict__.get("sample")

    def sample(*args: Any, **kwargs: Any) -> Any:
        if before is None:
            del p.sample  # the class' own again
        else:
            p.sample = before
        with _option():
            samples = p.sample(*args, **kwargs)
            if getattr(samples, "already_decoded", False):
                return samples
            host: Any = processing
            return host.decode_latent_batch(p.sd_model, samples, target_device=_cpu(), check_for_nans=True)

    p.sample = sample


@contextmanager
def _option() -> Iterator[None]:
    """The host's option, set without its being saved or told to anyone; afterwards as before, absent too."""
    data = shared.opts.data
    had, before = _OPTION in data, data.get(_OPTION)
    data[_OPTION] = _TAESD
    try:
        yield
    finally:
        if had:
            data[_OPTION] = before
        else:
            del data[_OPTION]


def _cpu() -> Any:
    from modules import devices

    return getattr(devices, "cpu", None)
