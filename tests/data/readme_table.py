"""The tables of methods in docs/methods.md, by family. `python -m tests.data.readme_table` writes them."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lib_fewstep.core.families import FAMILIES
from lib_fewstep.core.profiles import Profile, Range, Tables
from lib_fewstep.core.tables import load_tables

PAGE = Path(__file__).parents[2] / "docs" / "methods.md"
BEGIN, END = "<!-- methods: written by `python -m tests.data.readme_table` -->", "<!-- end of methods -->"
_SCHEDULES = "Schedules for ordinary checkpoints"


def tables_by_family(tables: Tables) -> str:
    """One heading and one Markdown table a family, in the order of `FAMILIES`; what needs no weights of its own comes last."""
    parts = [_part(FAMILIES[family].label, methods, tables, family) for family in FAMILIES if (methods := _of(tables, family))]
    schedules = [profile for profile in tables.profiles.values() if profile.weights == "none"]
    counts = f"{len(tables.profiles)} methods, {len(tables.files)} published files."
    return "\n\n".join([counts, *parts, *([_part(_SCHEDULES, schedules, tables, None)] if schedules else [])])


def _of(tables: Tables, family: str) -> list[Profile]:
    return [profile for profile in tables.for_family(family) if profile.weights != "none"]


def _part(title: str, methods: list[Profile], tables: Tables, family: str | None) -> str:
    last = "for" if family is None else "files from"
    head = f"| key | method | steps | CFG | weight | sampler, timesteps | negative prompt | {last} |\n" + "|---" * 8 + "|\n"
    return f"### {title}\n\n{head}" + "\n".join(f"| {' | '.join(_cells(profile, tables, family))} |" for profile in methods)


def _cells(profile: Profile, tables: Tables, family: str | None) -> Iterator[str]:
    gamma = f", gamma {profile.gamma.default:g}" if profile.gamma is not None else ""
    timesteps = f"schedule {profile.scheduler}" if profile.timesteps is None else profile.timesteps
    timesteps = timesteps if isinstance(timesteps, str) else " ".join(map(str, timesteps))
    yield f"`{profile.key}`"
    yield profile.label + (" ⓝⓒ" if profile.noncommercial else "")
    yield _range(profile.steps)
    yield _range(profile.cfg) + (f", guidance {_range(profile.guidance)}" if profile.guidance else "")
    yield {"lora": f"{profile.weight.default:g}" if profile.weight else "–", "checkpoint": "checkpoint"}.get(profile.weights, "–")
    shift = f", shift {_range(profile.shift)}" if profile.shift is not None else ""
    yield f"{profile.sampler}{gamma}, {timesteps}{shift}"
    yield profile.negative_prompt
    yield ", ".join(FAMILIES[each].short for each in profile.families) if family is None else _files(profile, tables, family)


def _range(value: Range) -> str:
    return f"{value.default:g}" if value.min == value.max else f"{value.default:g} ({value.min:g}–{value.max:g})"


def _files(profile: Profile, tables: Tables, family: str) -> str:
    repos = dict.fromkeys(f.repo for f in tables.files if profile.runs_on(f.method) and f.family == family and not f.superseded and f.repo)
    return ", ".join(list(repos)[:3]) or "–"


def with_tables(page: str, tables: Tables) -> str:
    """`page` with the part between the marks made anew. Raises ValueError if the marks are missing."""
    before, found, rest = page.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not found or not closed:
        raise ValueError(f"the page lacks the marks {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{tables_by_family(tables)}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), load_tables()), encoding="utf-8")
