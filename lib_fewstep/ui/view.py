"""What the accordion shows for given controls and facts. Plain values, no gradio: what it shows is decided here and in `page`."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from ..core.choose import fitting
from ..core.controls import Controls, filled, lora_text, request_of, with_saved_numbers
from ..core.decide import Settled, chosen
from ..core.facts import Facts
from ..core.offers import Progress
from ..core.profiles import Profile, Tables
from ..core.request import AUTO, NO_LORA, Request
from ..page import fine
from ..page.cards import Card, aria, cards
from ..page.compare import Comparison, comparison
from ..page.details import details
from ..page.more import first_steps, groups
from ..page.negative import Switch, switch
from ..page.situation import Situation, situation
from ..page.status import CHECK, COMPARING, ON, SETUP, SLOWER, Status, status
from ..words.say import in_language, say
from .html import Say, data_html, details_html, icon_html, more_html, start_html, status_html

DECIDED = ("steps", "cfg_scale", "sampling", "scheduler")
"""The host's own controls that a plan takes the place of; what it calls a model's built-in guidance is another one."""
_GUIDANCE = "distilled_cfg_scale"


@dataclass(frozen=True)
class Around:
    """What beside controls and facts the page depends on. `seconds` of a picture's width and height are those of one evaluation."""

    language: str = "en"
    progress: Progress | None = None
    forbidden: str | None = None
    seconds: Callable[[int, int], float | None] = lambda width, height: None


@dataclass(frozen=True)
class View:
    """What the controls show, and the situation that everything else is made from."""

    controls: Controls
    situation: Situation
    told: Say
    busy: Comparison | None = None
    """A comparison that has just been started."""

    @cached_property
    def status(self) -> Status:
        return self.busy.status if self.busy is not None else status(self.situation)

    @cached_property
    def cards(self) -> list[Card]:
        return cards(self.situation)

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Of the radio: what stands on a card, and its method's key."""
        return [(self.told(card.name), card.key) for card in self.cards]

    @property
    def loras(self) -> list[str]:
        return lora_choices(self.situation.facts, self.situation.tables, self.controls.method, self.controls.lora)

    @property
    def lora(self) -> str:
        return _lora_text(self.controls.lora, self.situation.facts, self.situation.tables)

    @property
    def profile(self) -> Profile | None:
        return self.situation.profile

    @property
    def numbers(self) -> frozenset[str]:
        """The sliders to show."""
        return fine.shown(self.profile, self.controls.cfg, self.controls.cfg_steps, self.controls.nag)

    def info(self, name: str) -> str | None:
        """What stands under a slider's name."""
        return self.told(fine.info(self.profile, name)) if self.profile is not None and fine.has(self.profile, name) else None

    @cached_property
    def negative(self) -> Switch | None:
        return switch(self.situation)

    @property
    def has_saved(self) -> bool:
        return bool(self.situation.facts.saved)

    @cached_property
    def compare(self) -> Comparison | None:
        return comparison(self.situation)

    # -- as HTML

    @property
    def status_html(self) -> str:
        return status_html(self.status, self.told)

    @property
    def start_html(self) -> str:
        s = self.situation
        return start_html(first_steps(s), self.told) if self.status.state == SETUP else ""

    @property
    def more_html(self) -> str:
        return more_html(groups(self.situation), self.told)

    @property
    def details_html(self) -> str:
        return details_html(details(self.situation), self.told)

    @property
    def data_html(self) -> str:
        return data_html(self.data())

    def data(self) -> dict[str, Any]:
        """What the page's script needs: attributes of the cards and the folds, the title's words, and what to mark."""
        s, now, told = self.situation, self.status, self.told
        names = fine.changed(s, self.controls)
        to_download = len(s.offers) if s.forbidden is None else 0
        runs = s.enabled and s.plan.active and now.state in (ON, CHECK, SLOWER, COMPARING)
        guided = (_GUIDANCE,) if s.plan.guidance is not None else ()
        return {
            "state": now.state, "on": s.enabled, "method": self.controls.method, "summary": "" if s.facts.unseen else s.plan.summary,
            "chip": told(now.chip), "icon": icon_html(now.state),
            "cards": [_card(card, told) for card in self.cards], "keys": [card.key for card in self.cards],
            "changed": [*names], "asked": {name: getattr(self.controls, name) for name in self.numbers},
            "hints": {
                "fine": told(fine.hint(names)), "more": told(say("page.more.hint", count=to_download)) if to_download else "",
                "details": told(say("page.details.hint")),
            },
            "decides": [*DECIDED, *guided] if runs else [], "decided": told(say("page.decides")),
            "again": told(self.compare.again) if self.compare is not None and self.compare.long else "",
        }


def _card(card: Card, told: Say) -> dict[str, Any]:
    return {
        "name": told(card.name), "facts": told(card.facts), "more": told(card.more), "mark": told(card.mark), "works": card.works,
        "aria": told(aria(card)),
    }


def make_view(
    controls: Controls, base: Request, facts: Facts, tables: Tables, around: Around = Around(), refill: bool = False, fill: bool = True
) -> View:
    """The controls, filled with recommended values where the method has changed (or `refill`), and what is decided for them.

    `base` holds what the host's own controls say: prompts, steps, CFG, sampler. Without `fill` the controls stay as they are.
    """
    request = request_of(controls, base, tables)
    settled = chosen(request, facts, tables)
    profile = _profile(request, settled, tables) if fill and not facts.unseen else None
    if profile is not None:
        fresh = filled(profile, controls.enabled, request.method, request.lora)
        if settled.saved:
            fresh = with_saved_numbers(fresh, facts.saved)
        if refill or fresh.filled_for != controls.filled_for:
            # the switch is no part of a method: off, it stays off
            stays_off = request.nag == 0 and not settled.saved and profile.takes_nag
            controls = replace(fresh, draft=controls.draft, **({"nag": 0.0} if stays_off else {}))
            request = request_of(controls, base, tables)
            settled = settled.with_numbers_of(request, facts, tables)
    seconds = around.seconds(base.width, base.height)
    made = situation(bool(controls.enabled), request, base, facts, tables, settled, around.progress, around.forbidden, seconds)
    return View(replace(controls, method=request.method, lora=request.lora), made, partial(_told, around.language))


def _told(language: str, text: str) -> str:
    return in_language(text, language)


def lora_choices(facts: Facts, tables: Tables, method: str = AUTO, keep: str = AUTO) -> list[str]:
    """Auto, the installed accelerators that fit the loaded checkpoint and what they were recognised as, None; `keep` stays among them."""
    names = [AUTO, *(lora.name for lora in fitting(facts, tables, None if method == AUTO else method)), NO_LORA]
    return [_lora_text(name, facts, tables) for name in (names if keep in names else [*names, keep])]


def _lora_text(name: str, facts: Facts, tables: Tables) -> str:
    method = next((lora.detection.method for lora in facts.loras if lora.name == name), None)
    return lora_text(name, tables.profiles.get(method or ""))


def _profile(asked: Request, settled: Settled, tables: Tables) -> Profile | None:
    """The row that will run: the one chosen, or what Auto comes down to."""
    if asked.method != AUTO:
        return tables.profiles.get(asked.method)
    return settled.choice.profile if settled.choice is not None else None

