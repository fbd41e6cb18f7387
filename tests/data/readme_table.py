"""The README's table of methods, made from the tables. `python -m tests.data.readme_table` writes it into the README."""
from __future__ import annotations

from pathlib import Path

from lib_fewstep.core.families import FAMILIES
from lib_fewstep.core.profiles import Profile, Range, Tables
from lib_fewstep.core.tables import load_tables

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- methods: written by `python -m tests.data.readme_table` -->", "<!-- end of methods -->"


def table(tables: Tables) -> str:
    """One Markdown line a method: key, name, families, steps, CFG, weight, sampler and timesteps, negative prompt, file."""
    head = "| key | method | for | steps | CFG | weight | sampler, timesteps | negative prompt | files from |\n" + "|---" * 9 + "|\n"
    return head + "\n".join(_line(profile, tables) for profile in tables.profiles.values())


def _line(profile: Profile, tables: Tables) -> str:
    gamma = f", gamma {profile.gamma.default:g}" if profile.gamma is not None else ""
    timesteps = f"schedule {profile.scheduler}" if profile.timesteps is None else profile.timesteps
    timesteps = timesteps if isinstance(timesteps, str) else " ".join(map(str, timesteps))
    cells = (
        f"`{profile.key}`",
        profile.label + (" ⓝⓒ" if profile.noncommercial else ""),
        ", ".join(FAMILIES[family].short for family in profile.families),
        _range(profile.steps),
        _range(profile.cfg) + (f", guidance {_range(profile.guidance)}" if profile.guidance else ""),
        f"{profile.weight.default:g}" if profile.weight else "–",
        f"{profile.sampler}{gamma}, {timesteps}",
        profile.negative_prompt,
        _file(profile, tables),
    )
    return "| " + " | ".join(cells) + " |"


def _range(value: Range) -> str:
    return f"{value.default:g}" if value.min == value.max else f"{value.default:g} ({value.min:g}–{value.max:g})"


def _file(profile: Profile, tables: Tables) -> str:
    repos = dict.fromkeys(f.repo for f in tables.files if f.method == profile.key and not f.superseded and f.repo)
    return ", ".join(list(repos)[:3]) or "–"


def with_table(readme: str, tables: Tables) -> str:
    """`readme` with the part between the marks made anew. Raises ValueError if the marks are missing."""
    before, found, rest = readme.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not found or not closed:
        raise ValueError(f"the README lacks the marks {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{table(tables)}\n\n{END}{after}"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8"), load_tables()), encoding="utf-8")
