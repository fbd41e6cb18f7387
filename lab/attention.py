"""Normalized Attention Guidance in diffusers' UNet, for the lab's own sampling loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from lib_fewstep.core.nag import Nag, guided


class CrossAttention:
    """diffusers' processor of a cross-attention, guided inside `guided_by`."""

    def __init__(self) -> None:
        self._negative: Tensor | None = None
        self._by: Nag | None = None

    def __call__(self, attention: Any, hidden_states: Tensor, encoder_hidden_states: Tensor, **_: Any) -> Tensor:
        queries = attention.to_q(hidden_states)
        output = _attend(attention, queries, encoder_hidden_states)
        if self._negative is not None and self._by is not None:
            output = guided(output, _attend(attention, queries, self._negative), self._by)
        return attention.to_out[1](attention.to_out[0](output))

    @contextmanager
    def guided_by(self, nag: Nag | None, negative: Tensor, sigma: float) -> Iterator[None]:
        """Away from `negative` [n, 77, 64] while the noise level is not below the one that `nag` names."""
        if nag is not None and sigma >= nag.until:
            self._negative, self._by = negative, nag
        try:
            yield
        finally:
            self._negative = self._by = None


def put_into(unet: UNet2DConditionModel) -> CrossAttention:
    """Replace the processors of all cross-attentions by one that can be guided."""
    processor = CrossAttention()
    own: Any = unet.attn_processors
    replaced: Any = {name: processor if "attn2" in name else each for name, each in own.items()}
    unet.set_attn_processor(replaced)
    return processor


def _attend(attention: Any, queries: Tensor, text: Tensor) -> Tensor:
    given = (queries, attention.to_k(text), attention.to_v(text))
    q, k, v = (each.unflatten(-1, (attention.heads, -1)).transpose(1, 2) for each in given)
    return scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
