"""The README and the pages in docs/: they show the methods that the tables hold, their links lead somewhere, and the README stays short."""
from __future__ import annotations

import re
from pathlib import Path

import pytest

from lib_fewstep.core.tables import load_tables

from .readme_table import PAGE, with_tables

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
_OTHERS = ("CONTRIBUTING.md", "lab/README.md", "demo/models/README.md")
PAGES = [README, *(ROOT / name for name in _OTHERS), *sorted((ROOT / "docs").glob("*.md"))]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^(?: {4}|\t).*$|`[^`\n]*`", re.MULTILINE)


def broken_links(text: str, folder: Path) -> list[str]:
    """Of the links in a page that lies in `folder`: those to files that do not exist, and to headings that the file lacks."""
    local = [link for link in _LINK.findall(_CODE.sub("", text)) if not link.startswith(("https://", "http://"))]
    return [link for link in local if not _leads(link, text, folder)]


def _leads(link: str, text: str, folder: Path) -> bool:
    path, _, anchor = link.partition("#")
    target = folder / path
    if path and not target.exists():
        return False
    return not anchor or anchor in _anchors(target.read_text(encoding="utf-8") if path else text)


def _anchors(text: str) -> set[str]:
    """Headings as GitHub names them: lower case, no punctuation, "-" for spaces."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_methods_page_shows_the_methods_of_the_tables() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert with_tables(text, load_tables()) == text, "run: python -m tests.data.readme_table"


def test_every_method_stands_on_the_page_in_each_of_its_families() -> None:
    text = PAGE.read_text(encoding="utf-8")
    wrong = [
        profile.key
        for profile in load_tables().profiles.values()
        if text.count(f"| `{profile.key}` |") != (1 if profile.weights == "none" else len(profile.families))
    ]
    assert wrong == []


def test_a_page_without_the_marks_is_not_written() -> None:
    with pytest.raises(ValueError, match="marks"):
        with_tables("# Methods\n", load_tables())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page.read_text(encoding="utf-8"), page.parent) == []


@pytest.mark.parametrize("link", ["nowhere.md", "#nothing", "README.md#nothing", "docs/nowhere.md#x"])
def test_a_broken_link_would_be_found(link: str) -> None:
    assert broken_links(f"# A page\n\nSee [there]({link}).\n", ROOT) == [link]


@pytest.mark.parametrize("link", ["README.md", "#a-page", "README.md#install", "https://example.org/x", "docs/"])
def test_a_link_that_leads_is_none(link: str) -> None:
    assert broken_links(f"# A page\n\nSee [there]({link}).\n", ROOT) == []


def test_the_readme_fits_two_screens() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 170


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in sorted((ROOT / "docs").glob("*.md")) if page.name != "README.md" and f"({page.name})" not in index] == []
