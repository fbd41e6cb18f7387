"""What the user should know of a choice itself: which weights make it, and what does not go together."""
from __future__ import annotations

from ..words.say import quoted, say
from .choose import Choice
from .facts import Facts
from .profiles import NOTHING
from .request import Request

_LARGE = 1.5
"""How much larger than a method's own resolution a side may be until a note is due."""


def notes_on_choice(choice: Choice, request: Request, facts: Facts) -> list[str]:
    """The notes, in the order in which they are read."""
    return [*_on_checkpoint(choice, facts), *_on_lora(choice), *_on_request(choice, request, facts)]


def _on_checkpoint(choice: Choice, facts: Facts) -> list[str]:
    profile, checkpoint = choice.profile, facts.checkpoint
    own = checkpoint.method if checkpoint is not None else None
    if choice.lora is None and profile.weights != NOTHING and checkpoint is not None:
        if own == profile.key:
            return [say("runs.checkpoint_itself", label=profile.label, reason=checkpoint.reason)]
        return [say("runs.checkpoint_as_chosen", label=profile.label)]
    return [say("runs.two_accelerators", recognised=own)] if own is not None and own != profile.key else []


def _on_lora(choice: Choice) -> list[str]:
    profile, lora = choice.profile, choice.lora
    if lora is None:
        return []
    notes: list[str] = []
    recognised = lora.detection.method
    if recognised is not None and not profile.runs_on(recognised):
        notes.append(say("runs.lora_as_chosen", lora=lora.name, recognised=recognised, label=profile.label))
    if lora.detection.superseded:
        notes.append(say("runs.lora_replaced", lora=lora.name, reason=lora.detection.reason))
    return notes


def _on_request(choice: Choice, request: Request, facts: Facts) -> list[str]:
    profile, notes = choice.profile, list[str]()
    if request.second_checkpoint and choice.lora is None and profile.weights != NOTHING:
        notes.append(say("runs.second_checkpoint", name=quoted(request.second_checkpoint)))
    pixels = profile.resolution.get(facts.family or "")
    if pixels and request.width * request.height > (_LARGE * pixels) ** 2:
        size = {"width": request.width, "height": request.height}
        notes.append(say("runs.too_large", label=profile.label, pixels=pixels, **size))
    return notes
