"""Which method runs, and on which LoRA: from what the user asked for, what the prompt holds, and what is there."""
from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches

from .facts import Facts, InstalledLora
from .fits import unmade_for, unsupported, unusable
from .profiles import CHECKPOINT, LORA, NOTHING, Profile, Tables
from .prompts import LoraTag, lora_tags
from .request import AUTO, NO_LORA, Request, quoted, request_from


class Refusal(Exception):
    """Why the Accelerator leaves the user's own settings alone."""


@dataclass(frozen=True)
class Choice:
    """The method, the LoRA that it runs on (None: none), the tag of it that the prompt holds already, and what the user should know."""

    profile: Profile
    lora: InstalledLora | None = None
    tag: LoraTag | None = None
    notes: tuple[str, ...] = ()


def choose(request: Request, facts: Facts, tables: Tables) -> Choice:
    """What will run. Raises `Refusal` where nothing can.

    What the prompt holds comes first, then what the user chose, then what the checkpoint is, then the best LoRA that is installed.
    """
    choice = _choose(request, facts, tables)
    if choice.lora is not None:
        _check_weights(request.prompt)
        if choice.tag is None:
            _check_none_suspected(request.prompt, facts)
        if facts.unknown_lora_unloads_all:
            _check_all_known(request.prompt, facts)
    return replace(choice, notes=_notes_on(choice.lora))


def _choose(request: Request, facts: Facts, tables: Tables) -> Choice:
    why_not = unsupported(facts)
    if why_not is not None:
        raise Refusal(why_not)
    if request.method != AUTO and request.method not in tables.profiles:
        close = get_close_matches(request.method.strip().lower(), tables.profiles, n=5, cutoff=0.4) or tables.auto_order[:3]
        raise Refusal(f"method {quoted(request.method)} is unknown; expected auto or the key of a method, such as {', '.join(close)}")
    present = _accelerators_in(request.prompt, facts, tables)
    if len(present) > 1:
        names = " and ".join(tag.text for tag, _ in present)
        if len({lora.name for _, lora in present}) == 1:
            raise Refusal(f"The prompt holds the same LoRA {len(present)} times, {names}, and WebUIs add them up; keep one")
        raise Refusal(f"The prompt holds {len(present)} accelerator LoRAs, {names}; use only one")
    own = checkpoint_profile(facts, tables)
    if present:
        tag, lora = present[0]
        _check_not_twice(own, f"the prompt holds {tag.text}: take the tag out", request, facts)
        return _from_prompt(request, facts, tables, tag, lora)
    if request.lora == NO_LORA:
        return Choice(_without_lora(request, own, facts, tables))
    if request.lora != AUTO:
        lora = _named(request.lora, facts)
        written = next((tag for tag in lora_tags(request.prompt) if lora.is_called(tag.name)), None)
        return Choice(_profile_of(request, lora, facts, tables), lora, written)
    if own is not None and request.method in (AUTO, own.key):
        return Choice(own)
    if request.method != AUTO:
        return _of_method(tables.profiles[request.method], own, request, facts, tables)
    candidates = fitting(facts, tables)
    if not candidates:
        raise Refusal(_nothing_at_all(facts, tables))
    return Choice(tables.profiles[candidates[0].detection.method or ""], candidates[0])


def with_saved(request: Request, facts: Facts, tables: Tables) -> Request:
    """`request` with the user's own settings for this checkpoint where it leaves everything to Auto; what it says itself wins."""
    auto = request.method == AUTO and request.lora == AUTO and not _accelerators_in(request.prompt, facts, tables)
    if not auto or not facts.saved:
        return request
    saved = request_from(facts.saved)
    unsaid = [name for name in facts.saved if getattr(request, name, "no setting") in (None, AUTO)]
    return replace(request, **{name: getattr(saved, name) for name in unsaid}, problems=(*request.problems, *saved.problems))


def checkpoint_profile(facts: Facts, tables: Tables) -> Profile | None:
    """The method that the loaded checkpoint was distilled with; None for an ordinary one."""
    found = facts.checkpoint.method if facts.checkpoint is not None else None
    return tables.profiles.get(found or "")


def fitting(facts: Facts, tables: Tables, method: str | None = None) -> list[InstalledLora]:
    """Installed accelerators that the loaded checkpoint can use, best first: in the tables' `auto_order`, then by name.

    Replaced uploads come last. `method` narrows the list to one.
    """
    order = {key: rank for rank, key in enumerate(tables.auto_order)}
    usable = [
        lora for lora in facts.loras if (key := lora.detection.method) in order and method in (None, key)
        and unusable(lora, facts) is None and unmade_for(tables.profiles[key or ""], facts) is None
    ] if unsupported(facts) is None else []
    return sorted(usable, key=lambda lora: (lora.detection.superseded, order[lora.detection.method or ""], lora.name.lower()))


def runnable(facts: Facts, tables: Tables) -> list[Profile]:
    """The methods that can be compared on the loaded checkpoint: what it is, or those whose LoRA is installed, and schedules."""
    own = checkpoint_profile(facts, tables)
    with_lora = {lora.detection.method for lora in fitting(facts, tables)} if own is None else {own.key}
    return [
        profile for profile in tables.for_family(facts.family)
        if profile.key in with_lora or (own is None and profile.weights == NOTHING and _has_schedule(profile, facts))
    ]


def _has_schedule(profile: Profile, facts: Facts) -> bool:
    return facts.schedulers is None or profile.scheduler in facts.schedulers


def _accelerators_in(prompt: str, facts: Facts, tables: Tables) -> list[tuple[LoraTag, InstalledLora]]:
    found = ((tag, facts.called(tag.name)) for tag in lora_tags(prompt))
    return [(tag, lora) for tag, lora in found if lora is not None and lora.detection.method in tables.profiles]


def _from_prompt(request: Request, facts: Facts, tables: Tables, tag: LoraTag, lora: InstalledLora) -> Choice:
    if request.lora == NO_LORA:
        raise Refusal(f"the prompt holds {tag.text}, and no LoRA was chosen: take the tag out, or set LoRA to Auto")
    if request.lora != AUTO and not lora.is_called(request.lora):
        raise Refusal(f"the prompt holds {tag.text}, and '{request.lora}' was chosen: take the tag out, or set LoRA to Auto")
    if request.method not in (AUTO, lora.detection.method) and request.lora == AUTO:
        chosen, there = tables.profiles[request.method].label, tables.profiles[lora.detection.method or ""].label
        raise Refusal(f"the prompt holds {tag.text}, which is {there}, and {chosen} was chosen: take the tag out, or set Method to Auto")
    return Choice(_profile_of(request, lora, facts, tables), lora, tag)


def _without_lora(request: Request, own: Profile | None, facts: Facts, tables: Tables) -> Profile:
    if request.method != AUTO:
        _check_family(tables.profiles[request.method], facts)
        return tables.profiles[request.method]
    if own is None:
        raise Refusal("no LoRA was chosen, and the loaded checkpoint is not known to be distilled: choose the method it was made with")
    return own


def _of_method(profile: Profile, own: Profile | None, request: Request, facts: Facts, tables: Tables) -> Choice:
    """A method that the user named: with its best LoRA, where it has LoRAs."""
    _check_family(profile, facts)
    if profile.weights == NOTHING:
        return Choice(profile)
    _check_not_twice(own, f"{profile.label} was chosen: set Method to Auto", request, facts)
    if profile.weights == CHECKPOINT:
        return Choice(profile)
    candidates = fitting(facts, tables, profile.key)
    if not candidates:
        raise Refusal(_nothing_for(profile, facts, tables))
    return Choice(profile, candidates[0])


def _check_not_twice(own: Profile | None, what: str, request: Request, facts: Facts) -> None:
    """Two accelerators undo each other. Who names a LoRA under LoRA means it: a checkpoint's name may mislead."""
    if own is not None and own.weights != NOTHING and request.lora == AUTO:
        reason = facts.checkpoint.reason if facts.checkpoint is not None else ""
        way_out = "load another checkpoint, or choose the LoRA under LoRA"
        raise Refusal(f"the loaded checkpoint is {own.label} itself ({reason}), and {what}, {way_out}")


def _check_weights(prompt: str) -> None:
    """Every WebUI then loads no LoRA at all, not even those beside it."""
    for tag in lora_tags(prompt):
        if tag.weight is None:
            raise Refusal(f"The prompt's {tag.text} has a weight that is not a number, so no LoRA is loaded; write a number such as 0.8")


def _check_none_suspected(prompt: str, facts: Facts) -> None:
    """Two accelerators undo each other, and what cannot be read may be one."""
    for tag in lora_tags(prompt):
        lora = facts.called(tag.name)
        if lora is not None and lora.detection.suspected:
            why = f"The prompt's {tag.text} may be an accelerator itself, and its file is {lora.detection.reason}"
            raise Refusal(f"{why}. Take the tag out, or choose its method and set LoRA to None")


def _notes_on(lora: InstalledLora | None) -> tuple[str, ...]:
    if lora is None or not lora.shadowed:
        return ()
    others = " or ".join(lora.shadowed[:3])
    return (f"Several files are named '{lora.name}', and the WebUI loads only one of them, not {others}: rename them",)


def _check_all_known(prompt: str, facts: Facts) -> None:
    for tag in lora_tags(prompt):
        if facts.called(tag.name) is None:
            way_out = "take the tag out, or put its file into the Lora folder and refresh the list"
            raise Refusal(f"the prompt's {tag.text} names no LoRA that is installed, and this WebUI then loads none at all: {way_out}")


def _named(name: str, facts: Facts) -> InstalledLora:
    lora = facts.called(name)
    if lora is not None:
        return lora
    way_out = "put its file into the WebUI's Lora folder and refresh the list, or set LoRA to Auto"
    raise Refusal(f"LoRA {quoted(name)} is not installed; {way_out}")


def _profile_of(request: Request, lora: InstalledLora, facts: Facts, tables: Tables) -> Profile:
    """The row for a chosen LoRA: the method asked for, else the one it was recognised as."""
    reason = unusable(lora, facts)
    if reason:
        raise Refusal(f"LoRA '{lora.name}' {reason}")
    key = lora.detection.method if request.method == AUTO else request.method
    if key is None or key not in tables.profiles:
        raise Refusal(f"LoRA '{lora.name}' is not recognised ({lora.detection.reason}): choose the method that it was made with")
    if tables.profiles[key].weights != LORA:
        raise Refusal(f"{tables.profiles[key].label} has no LoRA, and '{lora.name}' was chosen: set LoRA to Auto")
    return tables.profiles[key]


def _check_family(profile: Profile, facts: Facts) -> None:
    why_not = unmade_for(profile, facts)
    if why_not is not None and facts.family not in profile.families:
        raise Refusal(why_not)


def _nothing_for(profile: Profile, facts: Facts, tables: Tables) -> str:
    """Why no file of `profile` can be used: none is there, or none of those fits."""
    why_not = unmade_for(profile, facts)
    if why_not is not None:
        return why_not
    for lora in facts.loras:
        if lora.detection.method == profile.key and (reason := unusable(lora, facts)):
            return f"LoRA '{lora.name}' {reason}, and no other file of {profile.label} is installed"
    of_method = [f for f in tables.files if (f.method, f.kind) == (profile.key, LORA) and not f.superseded]
    published = [f for f in of_method if facts.family in (None, f.family)]
    where = f": {published[0].file} from {published[0].repo}" if published and published[0].repo else ""
    return f"no LoRA of {profile.label} is installed{where}; put it into the WebUI's Lora folder and refresh the list"


def _nothing_at_all(facts: Facts, tables: Tables) -> str:
    accelerators = [lora for lora in facts.loras if lora.detection.method in tables.profiles]
    reasons = [f"'{lora.name}' {reason}" for lora in accelerators if (reason := unusable(lora, facts))]
    reasons = reasons or [reason for lora in accelerators if (reason := unmade_for(tables.profiles[lora.detection.method or ""], facts))]
    if reasons:
        return f"no installed accelerator LoRA fits the loaded checkpoint: {'; '.join(reasons[:3])}"
    return "no accelerator LoRA is installed; put one into the WebUI's Lora folder and refresh the list"
