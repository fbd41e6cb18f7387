"""Makes a WebUI that the tests can use, on the CPU, and links it where they look.

    python -m tests.webui.install a1111 ~/hosts/a1111                             from its public repository, at a pinned commit
    python -m tests.webui.install forge ~/hosts/forge --source ~/forge            from a git repository that is there, as it is checked out
    python -m tests.webui.install a1111 DIR --source ~/stable-diffusion-webui --repositories ~/stable-diffusion-webui/repositories
    python -m tests.webui.install neo ~/hosts/neo --dry-run                       tells what it would run

It needs git and the Python that the WebUI is made for (python3.10 …, or --python). Into DIR go the checkout, the repositories that it
imports from, and venv/ with torch for the CPU and the packages that the WebUI pins. Then `pytest tests/webui -k NAME` runs on it.
"""
from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .hosts import links_folder

CPU_TORCH = "https://download.pytorch.org/whl/cpu"
PINNED = "requirements-pinned.txt"
"""In DIR: the WebUI's own requirements, but for those lines that a recipe puts in another way."""


@dataclass(frozen=True)
class Repository:
    """A git repository at one commit, tag or branch."""

    url: str
    commit: str


@dataclass(frozen=True)
class Recipe:
    """How one kind of WebUI is installed, as its launch_utils.py does it, but without a GPU."""

    repository: Repository
    python: str
    torch: tuple[str, ...]
    requirements: str
    before: tuple[str, ...] = ()
    """Installed before the requirements, and without a say of theirs."""
    beside: tuple[str, ...] = ()
    """Installed together with the requirements."""
    instead: Mapping[str, str] = field(default_factory=dict)
    """A package in the requirements -> what is asked for in place of its line."""
    repositories: Mapping[str, Repository] = field(default_factory=dict)
    """Folder in repositories/ -> what the WebUI imports from there."""


_ASSETS = Repository("https://github.com/AUTOMATIC1111/stable-diffusion-webui-assets", "6f7db241d2f8ba7457bac5ca9753331f0c266917")
_BLIP = Repository("https://github.com/salesforce/BLIP", "48211a1594f1321b00f14c9f7a5b4813144b2fb9")
_LDM = {
    "stable-diffusion-webui-assets": _ASSETS,
    # a copy: its own repository is not public any more
    "stable-diffusion-stability-ai": Repository("https://github.com/w-e-w/stablediffusion", "cf1d67a6fd5ea1aa600c4df58e5b47da45f6bdbf"),
    "generative-models": Repository("https://github.com/Stability-AI/generative-models", "45c443b316737a4ab6e40413d7794a7f5657c19f"),
    "k-diffusion": Repository("https://github.com/crowsonkb/k-diffusion", "ab527a9a6d347f364e3d185ba6d714e22d80cb3c"),
    "BLIP": _BLIP,
}
_BUILD = ("setuptools==69.5.1", "wheel")  # packages of 2023 are built with pkg_resources, which newer ones lack
_CLIP = "clip-anytorch==2.6.0"  # the CLIP that the WebUIs take from GitHub, as a package

RECIPES = {
    "a1111": Recipe(
        Repository("https://github.com/AUTOMATIC1111/stable-diffusion-webui", "v1.10.1"), "3.10", ("torch==2.1.2", "torchvision==0.16.2"),
        "requirements_versions.txt", _BUILD, (_CLIP,), repositories=_LDM,
    ),
    "forge": Recipe(
        Repository("https://github.com/lllyasviel/stable-diffusion-webui-forge", "dfdcbab685e57677014f05a3309b48cc87383167"), "3.10",
        ("torch==2.3.1", "torchvision==0.18.1"), "requirements_versions.txt", _BUILD, (_CLIP, "joblib"),
        repositories={
            "stable-diffusion-webui-assets": _ASSETS,
            "BLIP": _BLIP,
            "huggingface_guess": Repository("https://github.com/lllyasviel/huggingface_guess", "84826248b49bb7ca754c73293299c4d4e23a548d"),
        },
    ),
    "reforge": Recipe(
        Repository("https://github.com/Panchovix/stable-diffusion-webui-reForge", "3b56b268ad9158ee8b30900973b6ccda4ec22241"), "3.10",
        ("torch==2.9.0", "torchvision==0.24.0"), "requirements_versions.txt", _BUILD, (_CLIP,), {"pydantic": "pydantic==1.10.15"}, _LDM,
    ),
    "neo": Recipe(
        Repository("https://github.com/Haoming02/sd-webui-forge-classic", "neo"), "3.13", ("torch==2.11.0", "torchvision==0.26.0"),
        "requirements.txt", ("setuptools==69.5.1", "gradio==4.40.0", "gradio_rangeslider==0.0.8"),
    ),
}


@dataclass(frozen=True)
class Wish:
    """What the user asked for. `source`: a git repository that is there; `repositories`: a folder of the side repositories, likewise."""

    kind: str
    folder: Path
    source: Path | None = None
    commit: str = ""
    repositories: Path | None = None
    python: str = ""
    torch_index: str = CPU_TORCH

    @property
    def recipe(self) -> Recipe:
        return RECIPES[self.kind]

    @property
    def venv_python(self) -> Path:
        return self.folder / "venv" / "bin" / "python"


Command = Sequence[str]


def checkout_commands(wish: Wish) -> list[Command]:
    """Clones the WebUI, and what it imports from repositories beside it."""
    source, target = wish.source, str(wish.folder)
    commit = wish.commit or ("" if source else wish.recipe.repository.commit)
    commands: list[Command] = [("git", "clone", "--quiet", str(source or wish.recipe.repository.url), target)]
    if commit:
        commands.append(("git", "-C", target, "checkout", "--quiet", commit))
    if wish.recipe.repositories:
        commands.append(("mkdir", "-p", f"{target}/repositories"))
    for name, repository in wish.recipe.repositories.items():
        place = f"{target}/repositories/{name}"
        if wish.repositories is not None:
            commands.append(("cp", "-R", str(wish.repositories / name), place))
        else:
            commands.append(("git", "clone", "--quiet", repository.url, place))
            commands.append(("git", "-C", place, "checkout", "--quiet", repository.commit))
    return commands


def package_commands(wish: Wish) -> list[Command]:
    """Makes the virtual environment: torch first, from an index of its own, then the rest without changing it."""
    recipe = wish.recipe
    pip = (str(wish.venv_python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    index = ("--index-url", wish.torch_index) if wish.torch_index else ()
    commands: list[Command] = [
        (wish.python or f"python{recipe.python}", "-m", "venv", str(wish.folder / "venv")),
        (*pip, *index, *recipe.torch),
    ]
    if recipe.before:
        commands.append((*pip, *recipe.before))
    unisolated = ("--no-build-isolation",) if "wheel" in recipe.before else ()
    commands.append((*pip, *unisolated, "-r", str(wish.folder / PINNED), *recipe.beside))
    return commands


def pinned_requirements(text: str, recipe: Recipe, torch: Sequence[str]) -> str:
    """The WebUI's requirements with `torch` (what is installed, with its exact version) held, and some lines put in another way."""
    lines: list[str] = []
    for line in text.splitlines():
        word = next((word for word in recipe.instead if re.search(rf"(^|/){re.escape(word)}($|-\d|[\s=<>~!;\[])", line)), None)
        wanted = recipe.instead[word] if word else line.strip()
        if re.split(r"[\s=<>~!;\[]", wanted, maxsplit=1)[0].lower() not in ("torch", "torchvision"):
            lines.append(wanted)
    return "\n".join([*lines, *torch]) + "\n"


def description(wish: Wish) -> dict[str, object]:
    """What `hosts.py` reads about the WebUI."""
    return {"kind": wish.kind, "python": "venv/bin/python", "flags": [], "environment": {}}


def steps(wish: Wish, link: Path) -> list[str]:
    """All that would be done, a line each."""
    written = f"write {wish.folder / PINNED}: {wish.recipe.requirements} with {', '.join(wish.recipe.torch)} held"
    described = f"write {wish.folder / 'fewstep-host.json'}: {json.dumps(description(wish))}"
    commands = [shlex.join(command) for command in (*checkout_commands(wish), *package_commands(wish))]
    return [*commands[:-1], written, commands[-1], described, f"link {link} -> {wish.folder}"]


# ---------------------------------------------------------------------------------------------------------------- doing it


def problem_with(wish: Wish, link: Path) -> str:
    """Why it cannot be done, in words for the user; "" if it can."""
    python = wish.python or f"python{wish.recipe.python}"
    missing = [] if wish.repositories is None else [n for n in wish.recipe.repositories if not (wish.repositories / n).is_dir()]
    if wish.folder.exists():
        return f"{wish.folder} exists; name a folder that does not, or remove it"
    if link.exists() and not link.is_symlink():
        return f"{link} is a folder, not a link; remove it, or choose another --name"
    if missing:
        return f"{wish.repositories} has no folder {', '.join(missing)}; {wish.kind} needs {', '.join(wish.recipe.repositories)}"
    if shutil.which("git") is None:
        return "git is not installed"
    if shutil.which(python) is None or subprocess.run((python, "--version"), capture_output=True).returncode:
        return f"{python} does not run; {wish.kind} is made for Python {wish.recipe.python}. Name one with --python"
    return ""


def install(wish: Wish, link: Path) -> None:
    """Runs the commands and links the result. Raises subprocess.CalledProcessError where one of them fails."""
    for command in checkout_commands(wish):
        _run(command)
    *first, last = package_commands(wish)
    for command in first:
        _run(command)
    own = (wish.folder / wish.recipe.requirements).read_text(encoding="utf-8")
    (wish.folder / PINNED).write_text(pinned_requirements(own, wish.recipe, wish.recipe.torch), encoding="utf-8")
    _run(last)
    (wish.folder / "fewstep-host.json").write_text(json.dumps(description(wish), indent=4) + "\n", encoding="utf-8")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(wish.folder, target_is_directory=True)


def _run(command: Command) -> None:
    print(f"$ {shlex.join(command)}", flush=True)
    own = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    subprocess.run(command, check=True, env=own)


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes a WebUI that the tests can use, and links it."""
    parser = argparse.ArgumentParser(prog="python -m tests.webui.install", description=main.__doc__)
    parser.add_argument("kind", choices=RECIPES)
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder that is not there yet")
    parser.add_argument("--source", type=Path, help="a git repository of the WebUI to clone, in place of the public one")
    parser.add_argument("--commit", default="", help="commit, tag or branch; else the pinned one, or what --source has checked out")
    parser.add_argument("--repositories", type=Path, metavar="FOLDER", help="its side repositories, as an installed one has them; copied")
    parser.add_argument("--python", default="", help="else the version that the WebUI is made for")
    parser.add_argument("--torch-index", default=CPU_TORCH, metavar="URL", help='where torch comes from; "" for pip\'s usual index')
    parser.add_argument("--name", default="", help="the WebUI's name in the tests; else its kind")
    parser.add_argument("--dry-run", action="store_true", help="tell what would be done")
    found = parser.parse_args(arguments)
    source, repositories = (path.expanduser().resolve() if path else None for path in (found.source, found.repositories))
    folder = found.folder.expanduser().resolve()
    wish = Wish(found.kind, folder, source, found.commit, repositories, found.python, found.torch_index)
    link = links_folder() / (found.name or wish.kind)
    if found.dry_run:
        print("\n".join(steps(wish, link)))
    elif problem := problem_with(wish, link):
        parser.error(problem)
    else:
        try:
            install(wish, link)
        except subprocess.CalledProcessError as error:
            parser.error(f"{shlex.join(error.cmd)} ended with {error.returncode}; remove {folder} before another try")
        print(f"{link.name} is ready: python -m pytest tests/webui -k {link.name}")


if __name__ == "__main__":
    main()
