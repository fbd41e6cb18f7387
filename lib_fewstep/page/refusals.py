"""Why nothing runs, in a sentence that anybody understands, and the one thing that mends it where that is not a download."""
from __future__ import annotations

from dataclasses import dataclass

from ..core.families import FAMILIES
from ..core.fits import unsupported
from ..core.profiles import LORA, Profile
from ..core.prompts import lora_tags
from ..core.request import AUTO, NO_LORA
from ..words.say import Sentence, say
from .situation import Situation
from .wording import is_plain, named


@dataclass(frozen=True)
class Refused:
    """`act` is empty where a download may mend it, or nothing here does."""

    sentence: str
    note: str = ""
    button: str = ""
    act: str = ""
    mark: str = ""
    """For the card of the method that is chosen."""


def refused(s: Situation) -> Refused:
    """Of a situation whose plan is not active."""
    if unsupported(s.facts) is not None:
        return Refused(say("page.cannot.unknown"))
    tags = accelerator_tags(s)
    if len(tags) > 1:
        return Refused(say("page.cannot.two"), ", ".join(name for name, _ in tags), say("page.take_out"), "untag")
    profile = s.tables.profiles.get(s.settled.request.method)
    if profile is not None and not tags and s.request.lora in (AUTO, NO_LORA):
        found = _of_method(profile, s)
        if found is not None:
            return found
    why = s.plan.notes[0] if s.plan.notes else ""
    if why and is_plain(why):
        return Refused(why if why.endswith(".") else say("page.note.sentence", note=why), mark=say("page.mark.unfit"))
    return Refused(say("page.cannot.details"), mark=say("page.mark.unfit"))


def accelerator_tags(s: Situation) -> list[tuple[str, str]]:
    """(name, tag) of each accelerator that the prompt holds."""
    found = ((tag, s.facts.called(tag.name)) for tag in lora_tags(s.request.prompt))
    return [(lora.name, tag.text) for tag, lora in found if lora is not None and lora.detection.method in s.tables.profiles]


def _of_method(profile: Profile, s: Situation) -> Refused | None:
    """Why a chosen method has nothing to run on."""
    family = s.facts.family
    this = FAMILIES[family].short if family in FAMILIES else ""
    unfit = say("page.mark.unfit")
    if family is not None and family not in profile.families:
        return Refused(say("page.cannot.other_model", name=profile.name, families=_families(profile), this=this), mark=unfit)
    if s.own is not None and s.own is not profile:
        return Refused(say("page.cannot.already", name=s.own.name), mark=unfit)
    if profile.weights != LORA:
        return None
    of_method = [lora for lora in s.facts.loras if profile.runs_on(lora.detection.method)]
    unreadable = next((lora for lora in of_method if not lora.detection.readable), None)
    if unreadable is not None:
        return Refused(say("page.cannot.unreadable", name=profile.name), mark=say("page.mark.broken"))
    other = next((lora.detection.family for lora in of_method if lora.detection.family != family), None)
    if other in FAMILIES and this:
        return Refused(say("page.cannot.wrong_file", name=profile.name, family=FAMILIES[other].short, this=this), mark=unfit)
    if not of_method:
        return Refused(say("page.cannot.missing", name=named(profile)), mark=say("page.mark.missing"))
    return None


def _families(profile: Profile) -> Sentence | str:
    names = [FAMILIES[family].short for family in profile.families]
    return names[0] if len(names) == 1 else say("page.and", first=", ".join(names[:-1]), last=names[-1])
