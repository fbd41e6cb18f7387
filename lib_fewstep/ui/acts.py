"""What the buttons in the page's HTML do. The page sends a word, and of a method its key: never a file or an address."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ..core.controls import Controls
from ..core.facts import Facts
from ..core.offers import Offer, Progress, offers_for
from ..core.profiles import Tables
from ..core.prompts import lora_tags, without_tag
from ..core.request import AUTO, Request


class Downloads(Protocol):
    """What fetches files."""

    @property
    def progress(self) -> Progress | None: ...
    def forbidden(self) -> str | None: ...
    def start(self, offer: Offer) -> None: ...
    def cancel(self) -> None: ...


class Source(Protocol):
    """Of the accordion's source, what the acts need."""

    @property
    def tables(self) -> Tables: ...
    def of_page(self, whole: bool = True, lora: str = AUTO) -> Facts: ...
    def refresh(self) -> str: ...


@dataclass(frozen=True)
class Done:
    """The controls and the host's settings afterwards, whether recommended values are to be filled in, what to say, and whether the list of
    more methods is to be made anew.
    """

    controls: Controls
    base: Request
    refill: bool = False
    message: str = ""
    more: bool = True


class Acts:
    """An act is a word, or a word and a method's key: "download:KEY". What is not known does nothing but look again.

    "sync" looks again and leaves out the long list of more methods, which nobody sees while it is folded; "sync:more" is with it.
    """

    def __init__(self, source: Source, downloads: Downloads):
        self._source, self._downloads = source, downloads
        self._known: dict[str, Callable[[str, Done], Done]] = {
            "on": self._on, "use": self._use, "reset": self._reset, "download": self._download, "cancel": self._cancel,
            "rescan": self._rescan, "untag": self._untag, "sync": self._sync,
        }

    def do(self, act: str, controls: Controls, base: Request) -> Done:
        word, _, key = act.rpartition("#")[2].partition(":")
        done = Done(controls, base)
        return self._known[word](key, done) if word in self._known else done

    def _sync(self, key: str, done: Done) -> Done:
        return replace(done, more=key == "more")

    def _on(self, key: str, done: Done) -> Done:
        return replace(done, controls=replace(done.controls, enabled=True))

    def _use(self, key: str, done: Done) -> Done:
        if key != AUTO and key not in self._source.tables.profiles:
            return done
        return replace(done, controls=replace(done.controls, enabled=True, method=key, lora=AUTO), refill=True)

    def _reset(self, key: str, done: Done) -> Done:
        return replace(done, controls=replace(done.controls, nag=None), refill=True)

    def _download(self, key: str, done: Done) -> Done:
        tables = self._source.tables
        offer = next(iter(offers_for(key, self._source.of_page(), tables)), None) if key in tables.profiles else None
        if offer is not None:
            self._downloads.start(offer)
        return done

    def _cancel(self, key: str, done: Done) -> Done:
        self._downloads.cancel()
        return done

    def _rescan(self, key: str, done: Done) -> Done:
        return replace(done, message=self._source.refresh())

    def _untag(self, key: str, done: Done) -> Done:
        """Takes out of the prompt all accelerators but the first."""
        facts, tables, prompt = self._source.of_page(), self._source.tables, done.base.prompt
        ours: list[Any] = [
            tag for tag in lora_tags(prompt) if (lora := facts.called(tag.name)) is not None and lora.detection.method in tables.profiles
        ]
        for tag in ours[1:]:
            prompt = without_tag(prompt, tag.text)
        return replace(done, base=replace(done.base, prompt=prompt))
