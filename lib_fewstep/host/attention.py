"""The negative prompt in a cross-attention layer, worked out by whatever attention stands there: the host's, or another extension's.

The layer is watched by hooks, from its queries to its output projection, and nothing in it is replaced. For the negative prompt the same
attention runs once more, with its projections' answers standing in for them: what it adds for itself (IP-Adapter) is then on both sides.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from ..core.nag import Nag, guided

Rows = list[int | None]
"""For each row of an evaluation the image whose negative prompt guides it; None: it is left alone."""
Replacement = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(keys, values) -> the output of an attention that was put in the layer's place, for the queries that it was last given."""
_CONTEXTS, _MASKS = ("context", "encoder_hidden_states", "value"), ("mask", "attention_mask")


class _TakenApart(Exception):
    """The attention that stands there asks for its queries more than once: it works on parts of the picture (regions)."""


class _Once:
    """A projection that is worked out once; it answers the same from then on."""

    def __init__(self, projection: Callable[[Any], torch.Tensor]):
        self._projection = projection
        self._answer: torch.Tensor | None = None

    def __call__(self, given: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        if self._answer is None:
            self._answer = self._projection(given)
        return self._answer


class Layer:
    """One cross-attention of a network, from now until `close`. `rows` and `contexts` change from evaluation to evaluation."""

    def __init__(self, attention: Any, by: Nag, replacement: Callable[[], Replacement | None]):
        self._attention, self._by, self._replacement = attention, by, replacement
        self._called: tuple[tuple[Any, ...], Mapping[str, Any]] | None = None
        self._queries: torch.Tensor | None = None
        self._rows: Rows = []
        self._seen = 0
        self._contexts = torch.empty(0)
        self._known: dict[tuple[int, ...], tuple[_Once, _Once]] = {}
        self._hooks = (
            attention.register_forward_pre_hook(self._on_call, with_kwargs=True),
            attention.to_q.register_forward_hook(self._on_queries),
            attention.to_out[0].register_forward_pre_hook(self._on_output),
        )

    def close(self) -> None:
        for hook in self._hooks:
            hook.remove()

    def expect(self, rows: Rows) -> None:
        """What the coming rows are: the host may evaluate them in several parts, in this order."""
        self._rows, self._seen = rows, 0

    def read(self, contexts: torch.Tensor) -> None:
        """The negative prompts' encodings, shape (images, tokens, channels): keys and values of earlier ones are forgotten."""
        self._contexts, self._known = contexts, {}

    def _on_call(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._called = args, kwargs

    def _on_queries(self, module: Any, args: Any, queries: torch.Tensor) -> None:
        self._queries = queries

    def _on_output(self, module: Any, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
        positive, queries, called, replaced = args[0], self._queries, self._called, self._replacement()
        self._queries = self._called = None
        rows = self._next(len(positive))
        if queries is None or all(row is None for row in rows):
            return None
        negative = self._negative(queries, tuple(row or 0 for row in rows), called, replaced)
        if negative is None or negative.shape != positive.shape:
            return None
        mixed = guided(positive, negative, self._by)
        if None in rows:
            guides = torch.tensor([row is not None for row in rows], device=mixed.device).view(-1, 1, 1)
            mixed = torch.where(guides, mixed, positive)
        return mixed, *args[1:]

    def _next(self, count: int) -> Rows:
        start, whole = self._seen, len(self._rows)
        self._seen += count
        return [self._rows[(start + i) % whole] for i in range(count)] if whole else []

    def _negative(self, queries: torch.Tensor, images: tuple[int, ...], called: Any, replaced: Replacement | None) -> torch.Tensor | None:
        """The attention's output for the negative prompts of `images`, one a row; None where it cannot be had."""
        attention = self._attention
        context = self._contexts[list(images)].to(queries)
        keys, values = self._known.setdefault(images, (_Once(attention.to_k), _Once(attention.to_v)))
        if called is None:
            return None if replaced is None else replaced(keys(context), values(context))
        asked: list[torch.Tensor] = []

        def same_queries(given: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
            if asked:
                raise _TakenApart
            asked.append(given)
            return queries

        with _standing_in(attention, to_q=same_queries, to_k=keys, to_v=values, to_out=_NOTHING):
            try:
                return attention.forward(*_with_context(called[0], context), **_context_in(called[1], context))
            except _TakenApart:
                return None


_NOTHING = torch.nn.Sequential(torch.nn.Identity(), torch.nn.Identity())
"""Stands for the output projection and its dropout: some attentions call both, some each, some take them apart."""


def layers_of(unet: Any) -> list[Any]:
    """The cross-attentions of a U-Net, in all hosts' and diffusers' classes."""
    found = (getattr(module, "attn2", None) for module in unet.modules())
    return [each for each in found if each is not None and hasattr(each, "to_q")]


@contextmanager
def _standing_in(module: Any, **parts: Any) -> Iterator[None]:
    """`parts` in front of the module's own: an attribute of the object is found before what is registered in it."""
    before = {name: vars(module)[name] for name in parts if name in vars(module)}
    vars(module).update(parts)
    try:
        yield
    finally:
        for name in parts:
            vars(module).pop(name, None)
        vars(module).update(before)


def _with_context(args: tuple[Any, ...], context: torch.Tensor) -> tuple[Any, ...]:
    """Positional arguments of an attention, (x, context, ...), with another context."""
    return (args[0], context, *args[2:]) if len(args) > 1 and args[1] is not None else args


def _context_in(kwargs: Mapping[str, Any], context: torch.Tensor) -> dict[str, Any]:
    """Named ones. A mask was made for the prompt's tokens."""
    changed = {name: context for name in _CONTEXTS if kwargs.get(name) is not None}
    return {**kwargs, **changed, **{name: None for name in _MASKS if name in kwargs}}


def replacements(options: Mapping[str, Any], took: Callable[[Replacement], None]) -> dict[str, Any] | None:
    """`transformer_options` of Forge and its kin, with the attentions that other extensions have put in the layers' place telling `took`
    how to run again; None where there are none. What came in stays as it was: the hosts share it.
    """
    places = options.get("patches_replace", {})
    if not places.get("attn2"):
        return None

    def told(attention: Any, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, extra: Any) -> torch.Tensor:
        output = attention(queries, keys, values, extra)
        took(lambda keys, values: attention(queries, keys, values, extra))
        return output

    wrapped = {place: partial(told, attention) for place, attention in places["attn2"].items()}
    return {**options, "patches_replace": {**places, "attn2": wrapped}}
