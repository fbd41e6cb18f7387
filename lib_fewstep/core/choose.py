"""Which method runs, and on which LoRA: from what the user asked for, what the prompt holds, and what is there."""
from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from ..words.say import Sentence, listed, quoted, say
from .facts import Facts, InstalledLora
from .fits import Fits, what_fits
from .profiles import CHECKPOINT, LORA, NOTHING, Profile, Tables
from .prompts import LoraTag, lora_tags
from .request import AUTO, NO_LORA, Request, request_from


class Refusal(Exception):
    """Why the Accelerator leaves the user's own settings alone: the key of a sentence and its values, put into words by who catches it."""

    def __init__(self, key: str, /, **values: Any) -> None:
        super().__init__(key, values)
        self._key, self._values = key, values

    @classmethod
    def because(cls, why: Sentence) -> Refusal:
        return cls(why.key, **why.values)

    @property
    def why(self) -> Sentence:
        return say(self._key, **self._values)

    def __str__(self) -> str:
        return self.why


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
    choice = _choose(request, facts, what_fits(facts, tables, request.lora), tables)
    if choice.lora is not None:
        _check_weights(request.prompt)
        if choice.tag is None:
            _check_none_suspected(request.prompt, facts)
        if facts.unknown_lora_unloads_all:
            _check_all_known(request.prompt, facts)
    return replace(choice, notes=_notes_on(choice.lora))


def _choose(request: Request, facts: Facts, fits: Fits, tables: Tables) -> Choice:
    if fits.no_method is not None:
        raise Refusal.because(fits.no_method)
    if request.method != AUTO and request.method not in tables.profiles:
        close = get_close_matches(request.method.strip().lower(), tables.profiles, n=5, cutoff=0.4) or tables.auto_order[:3]
        raise Refusal("method.unknown", method=quoted(request.method), keys=listed(close, "or"))
    present = _accelerators_in(request.prompt, facts, tables)
    if len(present) > 1:
        names, same = listed([tag.text for tag, _ in present[:5]], "and"), len({lora.name for _, lora in present}) == 1
        raise Refusal("prompt.same_lora" if same else "prompt.several_loras", n=len(present), tags=names)
    own = checkpoint_profile(facts, tables)
    if present:
        tag, lora = present[0]
        _check_not_twice(own, request, facts, "checkpoint.and_prompt", tag=tag.text)
        return _from_prompt(request, fits, tables, tag, lora)
    if request.lora == NO_LORA:
        return Choice(_without_lora(request, own, facts, fits, tables))
    if request.lora != AUTO:
        lora = _named(request.lora, facts)
        written = next((tag for tag in lora_tags(request.prompt) if lora.is_called(tag.name)), None)
        return Choice(_profile_of(request, lora, fits, tables), lora, written)
    if own is not None and request.method in (AUTO, own.key):
        return Choice(own)
    if request.method != AUTO:
        return _of_method(tables.profiles[request.method], own, request, facts, fits, tables)
    if not fits.usable:
        raise _nothing_at_all(fits)
    return Choice(tables.profiles[fits.usable[0].detection.method or ""], fits.usable[0])


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
    """Installed accelerators that the loaded checkpoint can use, best first. `method` narrows the list to one."""
    fits = what_fits(facts, tables)
    return list(fits.usable) if method is None else fits.of_method(tables.profiles.get(method))


def runnable(facts: Facts, tables: Tables) -> list[Profile]:
    """The methods that can be compared on the loaded checkpoint: what it is, or those whose LoRA is installed, and schedules."""
    own = checkpoint_profile(facts, tables)
    with_lora = {lora.detection.method for lora in fitting(facts, tables)} if own is None else {own.key}
    return [
        profile for profile in tables.for_family(facts.family)
        if any(map(profile.runs_on, with_lora)) or (own is None and profile.weights == NOTHING and _has_schedule(profile, facts))
    ]


def _has_schedule(profile: Profile, facts: Facts) -> bool:
    return facts.schedulers is None or profile.scheduler in facts.schedulers


def _accelerators_in(prompt: str, facts: Facts, tables: Tables) -> list[tuple[LoraTag, InstalledLora]]:
    found = ((tag, facts.called(tag.name)) for tag in lora_tags(prompt))
    return [(tag, lora) for tag, lora in found if lora is not None and lora.detection.method in tables.profiles]


def _from_prompt(request: Request, fits: Fits, tables: Tables, tag: LoraTag, lora: InstalledLora) -> Choice:
    if request.lora == NO_LORA:
        raise Refusal("prompt.but_no_lora", tag=tag.text)
    if request.lora != AUTO and not lora.is_called(request.lora):
        raise Refusal("prompt.but_other_lora", tag=tag.text, lora=request.lora)
    if request.method != AUTO and not tables.profiles[request.method].runs_on(lora.detection.method) and request.lora == AUTO:
        chosen, there = tables.profiles[request.method].label, tables.profiles[lora.detection.method or ""].label
        raise Refusal("prompt.but_other_method", tag=tag.text, there=there, chosen=chosen)
    return Choice(_profile_of(request, lora, fits, tables), lora, tag)


def _without_lora(request: Request, own: Profile | None, facts: Facts, fits: Fits, tables: Tables) -> Profile:
    if request.method != AUTO:
        _check_family(tables.profiles[request.method], facts, fits)
        return tables.profiles[request.method]
    if own is None:
        raise Refusal("checkpoint.not_distilled")
    return own


def _of_method(profile: Profile, own: Profile | None, request: Request, facts: Facts, fits: Fits, tables: Tables) -> Choice:
    """A method that the user named: with its best LoRA, where it has LoRAs."""
    _check_family(profile, facts, fits)
    if profile.weights == NOTHING:
        return Choice(profile)
    _check_not_twice(own, request, facts, "checkpoint.and_method", label=profile.label)
    if profile.weights == CHECKPOINT:
        return Choice(profile)
    candidates = fits.of_method(profile)
    if not candidates:
        raise _nothing_for(profile, facts, fits, tables)
    return Choice(profile, candidates[0])


def _check_not_twice(own: Profile | None, request: Request, facts: Facts, sentence: str, **values: str) -> None:
    """Two accelerators undo each other. Who names a LoRA under LoRA means it: a checkpoint's name may mislead."""
    if own is not None and own.weights != NOTHING and request.lora == AUTO:
        reason = facts.checkpoint.reason if facts.checkpoint is not None else ""
        raise Refusal(sentence, own=own.label, reason=reason, **values)


def _check_weights(prompt: str) -> None:
    """Every WebUI then loads no LoRA at all, not even those beside it."""
    for tag in lora_tags(prompt):
        if tag.weight is None:
            raise Refusal("prompt.bad_weight", tag=tag.text)


def _check_none_suspected(prompt: str, facts: Facts) -> None:
    """Two accelerators undo each other, and what cannot be read may be one."""
    for tag in lora_tags(prompt):
        lora = facts.called(tag.name)
        if lora is not None and lora.detection.suspected:
            raise Refusal("prompt.suspected", tag=tag.text, reason=lora.detection.reason)


def _notes_on(lora: InstalledLora | None) -> tuple[str, ...]:
    if lora is None or not lora.shadowed:
        return ()
    return (say("lora.several_files", lora=lora.name, others=listed(lora.shadowed[:3], "or")),)


def _check_all_known(prompt: str, facts: Facts) -> None:
    for tag in lora_tags(prompt):
        if facts.called(tag.name) is None:
            raise Refusal("prompt.not_installed", tag=tag.text)


def _named(name: str, facts: Facts) -> InstalledLora:
    lora = facts.called(name)
    if lora is not None:
        return lora
    raise Refusal("lora.not_installed", lora=quoted(name))


def _profile_of(request: Request, lora: InstalledLora, fits: Fits, tables: Tables) -> Profile:
    """The row for a chosen LoRA: the method asked for, else the one it was recognised as."""
    if lora.name in fits.unusable:
        raise Refusal.because(fits.unusable[lora.name])
    key = lora.detection.method if request.method == AUTO else request.method
    if key is None or key not in tables.profiles:
        raise Refusal("lora.not_recognised", lora=lora.name, reason=lora.detection.reason)
    if tables.profiles[key].weights != LORA:
        raise Refusal("lora.of_no_method", label=tables.profiles[key].label, lora=lora.name)
    return tables.profiles[key]


def _check_family(profile: Profile, facts: Facts, fits: Fits) -> None:
    if profile.key in fits.unmade and facts.family not in profile.families:
        raise Refusal.because(fits.unmade[profile.key])


def _nothing_for(profile: Profile, facts: Facts, fits: Fits, tables: Tables) -> Refusal:
    """Why no file of `profile` can be used: none is there, or none of those fits."""
    if profile.key in fits.unmade:
        return Refusal.because(fits.unmade[profile.key])
    for lora in fits.accelerators:
        if profile.runs_on(lora.detection.method) and lora.name in fits.unusable:
            return Refusal("lora.no_other", reason=fits.unusable[lora.name], label=profile.label)
    of_method = [f for f in tables.files if profile.runs_on(f.method) and f.kind == LORA and not f.superseded]
    published = [f for f in of_method if facts.family in (None, f.family)]
    if published and published[0].repo:
        return Refusal("lora.none_of_method_yet", label=profile.label, file=published[0].file, repo=published[0].repo)
    return Refusal("lora.none_of_method", label=profile.label)


def _nothing_at_all(fits: Fits) -> Refusal:
    unusable = [fits.unusable[lora.name] for lora in fits.accelerators if lora.name in fits.unusable]
    unmade = [why for lora in fits.accelerators if (why := fits.unmade.get(lora.detection.method or "")) is not None]
    reasons = unusable or unmade
    return Refusal("lora.none_fits", reasons=listed(reasons[:3], "reasons")) if reasons else Refusal("lora.none")
