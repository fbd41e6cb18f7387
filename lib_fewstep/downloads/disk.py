"""The folder that a download goes into: one download at a time, room for it, and the file's name at the end, never over another file."""
from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ..core.offers import bytes_text
from ..words.say import say

_LOCK = ".fewstep-download.lock"


class Failed(Exception):
    """Nothing was installed; says what went wrong and what the user can do."""


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """One download a folder, of all processes that share it. A process that dies lets go; the lock's file does not stay."""
    path = folder / _LOCK
    lock = FileLock(path)
    busy = say("download.busy", folder=folder)
    try:
        lock.acquire(timeout=0)
        if not path.exists():  # the one before has just removed it: what we hold, nobody else would see
            lock.release()
            raise Failed(busy)
    except Timeout as error:
        raise Failed(busy) from error
    except NotImplementedError:  # a file system without locks
        pass
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes it when it is released
            path.unlink(missing_ok=True)
        lock.release()


def give_name(part: Path, final: Path) -> None:
    """Makes `part` the file, at once and for good, but never over one that has come there meanwhile."""
    with open(part, "r+b") as file:
        os.fsync(file.fileno())
    try:
        os.link(part, final)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if os.path.lexists(final):
            raise FileExistsError(final) from None
        os.replace(part, final)
    if os.name == "posix":
        with suppress(OSError):  # some file systems cannot, and the file is there
            folder = os.open(final.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def check_space(folder: Path, missing: int) -> None:
    """Raises Failed where `missing` bytes more do not fit."""
    free = shutil.disk_usage(folder).free
    if missing > free:
        raise Failed(say("download.no_space", folder=folder, free=bytes_text(free), missing=bytes_text(missing)))


def in_words(error: OSError, folder: Path, part: Path) -> str:
    """What the disk said, and what the user can do."""
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None)):
        return say("download.disk_full", folder=folder, kept=kept(part), part=part.name)
    return say("download.no_writing", folder=folder, error=error.strerror or str(error))


def length(part: Path) -> int:
    """Bytes that have come so far."""
    return part.stat().st_size if part.exists() else 0


def kept(part: Path) -> str:
    """The same in words."""
    return say("download.kept", size=bytes_text(length(part)))
