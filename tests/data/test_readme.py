"""The README shows the methods that the tables hold."""
from __future__ import annotations

from lib_fewstep.core.tables import load_tables

from .readme_table import README, with_table


def test_readme_shows_the_methods_of_the_tables() -> None:
    text = README.read_text(encoding="utf-8")
    assert with_table(text, load_tables()) == text, "run: python -m tests.data.readme_table"
