"""CLIP's tokenizer and the tiny text encoder, which during training knows the captions' few tokens only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from demo.ldm import TEXT_CONFIG, TOKEN_EMBEDDING
from demo.scenes import VOCABULARY


class TextEncoder(nn.Module):
    """Sentences -> float32 [n, 77, 64].

    The embedding holds `used` tokens instead of CLIP's 49408: the optimiser would spend most of its time on rows
    that never change. `full_state` puts them back where CLIP expects them.
    """

    def __init__(self, tokenizer_folder: Path) -> None:
        super().__init__()
        self.tokenizer = CLIPTokenizer.from_pretrained(str(tokenizer_folder))
        words = self.tokenizer(list(VOCABULARY))["input_ids"]
        self.used = sorted({token for word in cast(list[list[int]], words) for token in word})
        self.compact = {token: number for number, token in enumerate(self.used)}
        self.model = CLIPTextModel(CLIPTextConfig(**{**TEXT_CONFIG, "vocab_size": len(self.used)}))
        embeddings = self.model.text_model.embeddings
        nn.init.normal_(embeddings.token_embedding.weight, std=0.5)
        nn.init.normal_(embeddings.position_embedding.weight, std=0.1)

    def forward(self, sentences: Sequence[str]) -> Tensor:
        tokens = self.tokenizer(list(sentences), padding="max_length", truncation=True, max_length=77)["input_ids"]
        compact = [[self.compact[token] for token in row] for row in cast(list[list[int]], tokens)]
        return self.model(input_ids=torch.tensor(compact)).last_hidden_state

    def full_state(self) -> dict[str, Tensor]:
        """CLIPTextModel's state with the whole vocabulary; tokens that no caption contains are zero."""
        state = {name: tensor.detach() for name, tensor in self.model.state_dict().items()}
        embedding = torch.zeros(TEXT_CONFIG["vocab_size"], TEXT_CONFIG["hidden_size"])
        embedding[self.used] = state[TOKEN_EMBEDDING]
        return {**state, TOKEN_EMBEDDING: embedding}

    def load_full_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `full_state`."""
        self.model.load_state_dict({**state, TOKEN_EMBEDDING: state[TOKEN_EMBEDDING][self.used]})
