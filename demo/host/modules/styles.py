"""Saved prompt snippets. The host keeps the interface and starts with none."""

from __future__ import annotations

from typing import NamedTuple


class PromptStyle(NamedTuple):
    """A named snippet; "{prompt}" in it stands for the user's own text."""

    name: str
    prompt: str
    negative_prompt: str


def merge(style: str, text: str) -> str:
    """A snippet and the user's text in one prompt."""
    if "{prompt}" in style:
        return style.replace("{prompt}", text)
    return ", ".join(part for part in (text.strip(), style.strip()) if part)


class StyleDatabase:
    """Styles by name."""

    def __init__(self) -> None:
        self.styles: dict[str, PromptStyle] = {}

    def apply_styles_to_prompt(self, prompt: str, names: list[str]) -> str:
        """The prompt with the named styles; unknown names are ignored."""
        for name in names:
            if name in self.styles:
                prompt = merge(self.styles[name].prompt, prompt)
        return prompt

    def apply_negative_styles_to_prompt(self, prompt: str, names: list[str]) -> str:
        """The negative prompt with the named styles."""
        for name in names:
            if name in self.styles:
                prompt = merge(self.styles[name].negative_prompt, prompt)
        return prompt
