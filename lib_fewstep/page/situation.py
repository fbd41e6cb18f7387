"""All that the page's texts are made from, and the one decision of an update."""
from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from ..core.choose import Choice, Refusal, checkpoint_profile, fitting
from ..core.decide import Settled, chosen, plan_for
from ..core.facts import Facts, InstalledLora
from ..core.filling import Filling
from ..core.numbers import NUMBERS
from ..core.offers import Offer, Progress, offers_for, readable_files
from ..core.plan import Plan
from ..core.profiles import LORA, Profile, Tables
from ..core.request import AUTO, Request
from ..words.say import Sentence
from .wording import host_steps


@dataclass(frozen=True)
class Situation:
    """What is asked for, what is there and what was decided. `base` is what the WebUI's own controls say, without ours.

    `forbidden` says why nothing may be downloaded: empty if that is the user's own wish, None if it may. `seconds` is what one evaluation
    of a picture of this size took last; None: not measured.
    """

    enabled: bool
    request: Request
    base: Request
    facts: Facts
    tables: Tables
    settled: Settled
    plan: Plan
    progress: Progress | None = None
    forbidden: str | None = None
    seconds: float | None = None

    @cached_property
    def profile(self) -> Profile | None:
        """The row that is chosen, or what Auto comes down to."""
        if self.settled.choice is not None:
            return self.settled.choice.profile
        return self.tables.profiles.get(self.settled.request.method)

    @cached_property
    def fitting(self) -> list[InstalledLora]:
        """Installed accelerators that the checkpoint can use, best first."""
        return fitting(self.facts, self.tables)

    @cached_property
    def own(self) -> Profile | None:
        """What the checkpoint was distilled with."""
        return checkpoint_profile(self.facts, self.tables)

    @property
    def own_steps(self) -> Sentence:
        """The steps of the user's own settings, in words."""
        return host_steps(self.base.host_steps, self._own_hires_steps)

    @property
    def own_count(self) -> int:
        return self.base.host_steps + self._own_hires_steps

    @property
    def _own_hires_steps(self) -> int:
        return (self.base.host_hires_steps or self.base.host_steps) if self.base.hires_denoise is not None else 0

    @cached_property
    def runnable(self) -> list[Profile]:
        """The methods that can run now and need weights, in the order that Auto prefers."""
        if self.own is not None:
            return [self.own]
        return [self.tables.profiles[key] for key in dict.fromkeys(lora.detection.method or "" for lora in self.fitting)]

    @cached_property
    def auto(self) -> Settled:
        """What Auto comes down to, whatever is chosen."""
        if self.request.method == AUTO:
            return self.settled
        return chosen(replace(self.base, method=AUTO), self.facts, self.tables)

    @cached_property
    def unread(self) -> bool:
        """Whether Auto cannot know yet what fits: the checkpoint's network is seen only once it is loaded."""
        choice = self.settled.choice
        guessed = choice is not None and choice.tag is None and choice.lora is not None
        return self.facts.unet is None and self.settled.request.method == AUTO and self.settled.request.lora == AUTO and guessed

    @property
    def negative_off(self) -> bool:
        """Whether the user has switched off what makes the negative prompt act: that stays when another method is chosen."""
        return self.request.nag == 0

    def as_recommended(self, profile: Profile) -> Plan | None:
        """What `profile` would do with everything as its row says, its LoRA installed or not; None where this WebUI cannot."""
        if profile.key not in self._recommended:
            self._recommended[profile.key] = self._made_as_recommended(profile)
        return self._recommended[profile.key]

    def _made_as_recommended(self, profile: Profile) -> Plan | None:
        lora = next((lora for lora in self.fitting if lora.detection.method == profile.key), None) if profile.weights == LORA else None
        request = replace(self.base, method=profile.key, lora=AUTO, **dict.fromkeys(NUMBERS))
        try:
            plan = Filling(Choice(profile, lora), request, self.facts).plan()
        except Refusal:
            return None
        return replace(plan, evaluations_without=self.plan.evaluations_without)

    @cached_property
    def _recommended(self) -> dict[str, Plan | None]:
        """What `as_recommended` has made: cards, lists and the comparison ask for the same."""
        return {}

    @cached_property
    def offers(self) -> list[Offer]:
        """The best file of each method that has none here, in the order that Auto prefers."""
        if self.own is not None or self.facts.family is None:
            return []
        usable, there = {profile.key for profile in self.runnable}, readable_files(self.facts)
        missing = (key for key in self.tables.auto_order if key not in usable)
        return [offer for key in missing for offer in islice(offers_for(key, self.facts, self.tables, there), 1)]


def situation(
    enabled: bool, request: Request, base: Request, facts: Facts, tables: Tables, settled: Settled | None = None,
    progress: Progress | None = None, forbidden: str | None = None, seconds: float | None = None,
) -> Situation:
    """Decides, unless the caller has `settled` it already."""
    settled = settled or chosen(request, facts, tables)
    return Situation(enabled, request, base, facts, tables, settled, plan_for(settled, request, facts), progress, forbidden, seconds)
