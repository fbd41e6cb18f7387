"""What happens when Generate is pressed: one word, one large line, one sentence, at most one note and one button."""
from __future__ import annotations

from dataclasses import dataclass

from ..core.families import FAMILIES
from ..core.offers import CANCELLED, CHECKING, FAILED, Offer, Progress, offer_for
from ..core.profiles import NOTHING, Tables
from ..core.request import AUTO
from ..words.say import Sentence, say
from .more import first_steps
from .notes import note_of, spoils
from .refusals import Refused, accelerator_tags, refused
from .situation import Situation
from .wording import MORE, compared, named, size_text, steps_and_work, steps_of

ON, CHECK, SLOWER, OFF, SETUP, CANNOT = "on", "check", "slower", "off", "setup", "cannot"
DOWNLOADING, STOPPED, LOOKING, COMPARING, UNREAD = "downloading", "stopped", "looking", "comparing", "unread"


@dataclass(frozen=True)
class Status:
    """`chip` is for the closed title bar. `act` is what `button` does, `strong` whether it is what most people want; `share` is how far
    something is, 0 to 1.
    """

    state: str
    headline: str
    sentence: str = ""
    note: str = ""
    button: str = ""
    act: str = ""
    strong: bool = False
    chip: str = ""
    share: float | None = None

    @property
    def word(self) -> Sentence:
        """The state in a word or two."""
        return say(f"page.word.{self.state}")


def status(s: Situation) -> Status:
    """The first that applies."""
    if s.facts.unseen:
        return looking(len(s.facts.loras), s.facts.unseen)
    if s.progress is not None and s.progress.running:
        return downloading(s.progress, s.tables, s.enabled and s.plan.active)
    if not s.enabled:
        return _off(s)
    if s.unread:
        return Status(UNREAD, say("page.unread.headline"), say("page.unread.sentence"), chip=say("page.word.unread"))
    if s.plan.active:
        return _running(s)
    if s.progress is not None and s.progress.state in (FAILED, CANCELLED) and s.progress.offer == offer_for(s.request, s.facts, s.tables):
        return _stopped(s.progress, s)
    if is_empty(s):
        return _setup(s)
    return _cannot(s)


def is_empty(s: Situation) -> bool:
    """Whether there is nothing for Auto to take, and a file can be had."""
    asks_nothing = s.settled.request.method == AUTO and s.settled.request.lora == AUTO and not accelerator_tags(s)
    return asks_nothing and s.settled.choice is None and not s.runnable and bool(first_steps(s))


def what_runs(s: Situation) -> Sentence | str:
    """The sentence under the large line: who chose what, and whether a LoRA is added."""
    profile, choice = s.profile, s.settled.choice
    if profile is None or choice is None:
        return ""
    it = say("page.with_lora" if choice.lora is not None else "page.without_lora", name=profile.name)
    if s.settled.saved:
        return say("page.on.saved", what=it)
    if choice.tag is not None:
        return say("page.on.prompt", name=profile.name)
    if choice.lora is None and profile.weights != NOTHING and s.own is profile:
        return say("page.on.itself", name=profile.name)
    if s.request.method == AUTO and s.request.lora == AUTO:
        return say("page.on.auto", name=profile.name)
    return it


def _running(s: Situation) -> Status:
    """What the user changed to no good gets a way back; what is saved for the checkpoint is meant so."""
    state = SLOWER if compared(s.plan) == MORE else CHECK if spoils(s) is not None and not s.settled.saved else ON
    button, act = (say("page.reset"), "reset") if state != ON and s.plan.changed else ("", "")
    return Status(state, steps_and_work(s.plan), what_runs(s), note_of(s), button, act, chip=steps_and_work(s.plan))


def _off(s: Situation) -> Status:
    would = say("page.off.would", name=s.profile.name, what=steps_and_work(s.plan)) if s.plan.active and s.profile and not s.unread else ""
    return Status(OFF, say("page.off.headline", steps=s.own_steps), would, button=say("page.turn_on"), act="on", chip=say("page.word.off"))


def _setup(s: Situation) -> Status:
    best = s.tables.profiles[first_steps(s)[0].key]
    fewer = steps_of(int(best.steps.default))
    sentence = say("page.setup.sentence", fewer=fewer, family=family_name(s))
    return Status(SETUP, say("page.setup.headline", steps=s.own_steps), sentence, chip=say("page.word.setup"))


def family_name(s: Situation) -> str:
    """The checkpoint's family where there is little room."""
    return FAMILIES[s.facts.family].short if s.facts.family in FAMILIES else ""


def _cannot(s: Situation) -> Status:
    why, own = refused(s), s.own_steps
    button, act, note, strong = _way_out(s, why)
    return Status(
        CANNOT, say("page.cannot.headline", steps=own), why.sentence, note or why.note, button, act, strong,
        chip=say("page.cannot.chip", steps=own),
    )


def _way_out(s: Situation, why: Refused) -> tuple[str, str, str, bool]:
    """Button, what it does, what to say beside it, whether it stands out."""
    if why.act:
        return why.button, why.act, why.note, False
    offer = offer_for(s.request, s.facts, s.tables)
    if offer is not None and s.forbidden is None:
        licence = say("page.offer.nc" if offer.noncommercial else "page.offer", licence=offer.licence)
        if not offer.sha256:
            licence = say("page.offer.no_sha256", licence=licence)
        return say("page.download", name=_fitting_name(offer, s), size=size_text(offer.size)), f"download:{offer.method}", licence, True
    if offer is not None and s.forbidden is not None:
        note = say("page.forbidden", why=s.forbidden) if s.forbidden else ""
        return say("page.open_page"), f"open:https://huggingface.co/{offer.repo}", note, False
    if s.settled.request.method != AUTO and s.auto.choice is not None:
        return say("page.use_auto"), "use:auto", "", False
    return "", "", "", False


def _fitting_name(offer: Offer, s: Situation) -> str:
    """The method of an offer, with the family that this file of it is for where there are several."""
    profile = s.tables.profiles[offer.method]
    several = len(profile.families) > 1 and family_name(s)
    return say("page.name_for", name=profile.name, family=family_name(s)) if several else profile.name


def downloading(progress: Progress, tables: Tables, runs: bool = False) -> Status:
    """A running download; `runs` is whether the Accelerator can do something until it is there."""
    profile = tables.profiles.get(progress.offer.method)
    name = named(profile) if profile is not None else progress.offer.label
    share = min(progress.received / progress.total, 1.0) if progress.total else None
    percent = say("page.percent", percent=f"{100 * share:.0f}") if share is not None else ""
    done = say("page.download.of", received=f"{progress.received / 1e6:.0f}", total=size_text(progress.total)) if progress.total else (
        size_text(progress.received)
    )
    running = "page.download.sentence.beside" if runs else "page.download.sentence"
    sentence = say("page.download.checking" if progress.state == CHECKING else running, done=done)
    return Status(
        DOWNLOADING, say("page.download.headline", name=name, percent=percent) if percent else name, sentence,
        button=say("page.cancel"), act="cancel", chip=say("page.download.chip", percent=percent), share=share or 0.0,
    )


def _stopped(progress: Progress, s: Situation) -> Status:
    return Status(
        STOPPED, say("page.cannot.headline", steps=s.own_steps), progress.message, button=say("page.try_again"),
        act=f"download:{progress.offer.method}", strong=True, chip=say("page.word.stopped"),
    )


def looking(seen: int, unseen: int) -> Status:
    """A large folder is looked at for the first time."""
    headline = say("page.looking.headline", seen=seen, all=seen + unseen)
    return Status(LOOKING, headline, say("page.looking.sentence"), chip=say("page.word.looking"), share=seen / (seen + unseen))


def comparing(pictures: int, time: str, shown: str) -> Status:
    """Compare runs: so many pictures, how long that takes in words, and what is shown."""
    return Status(
        COMPARING, say("page.compare.headline", pictures=pictures, time=time) if time else say("page.compare.pictures", pictures=pictures),
        shown, say("page.compare.note"), say("page.stop"), "stop", chip=say("page.word.comparing"),
    )
