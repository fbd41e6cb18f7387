"""What the installation of a WebUI would do, and what it says where it cannot."""
from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from . import hosts, install
from .install import RECIPES, Recipe, Repository, Wish

WEBUI = Repository("https://example.org/webui", "v1")
RECIPE = Recipe(WEBUI, "3.10", ("torch==2.1.2",), "requirements.txt", instead={"pydantic": "pydantic==1.10.15"})


def joined(commands: list[install.Command]) -> str:
    return "\n".join(" ".join(command) for command in commands)


def test_every_kind_of_webui_can_be_installed() -> None:
    assert RECIPES.keys() == hosts.KINDS.keys() - {hosts.EMBEDDED}


def test_repositories_are_pinned_and_public() -> None:
    for kind, recipe in RECIPES.items():
        for repository in (recipe.repository, *recipe.repositories.values()):
            assert repository.url.startswith("https://github.com/")
            assert re.fullmatch(r"v\d+\.\d+\.\d+|[0-9a-f]{40}", repository.commit) or (kind, repository.commit) == ("neo", "neo")


@pytest.mark.parametrize("kind", RECIPES)
def test_a_public_repository_is_checked_out_at_its_pinned_commit(kind: str) -> None:
    commands, recipe = install.checkout_commands(Wish(kind, Path("/there"))), RECIPES[kind]
    assert commands[0] == ("git", "clone", "--quiet", recipe.repository.url, "/there")
    assert commands[1] == ("git", "-C", "/there", "checkout", "--quiet", recipe.repository.commit)
    for name, repository in recipe.repositories.items():
        at = commands.index(("git", "clone", "--quiet", repository.url, f"/there/repositories/{name}"))
        assert commands[at + 1] == ("git", "-C", f"/there/repositories/{name}", "checkout", "--quiet", repository.commit)


def test_a_checkout_that_is_there_keeps_its_own_commit_unless_another_is_named() -> None:
    mine = Wish("neo", Path("/there"), Path("/mine"))
    assert joined(install.checkout_commands(mine)) == "git clone --quiet /mine /there"
    other = Wish("neo", Path("/there"), Path("/mine"), "v2")
    assert joined(install.checkout_commands(other)).endswith("git -C /there checkout --quiet v2")


def test_side_repositories_that_are_there_are_copied() -> None:
    text = joined(install.checkout_commands(Wish("a1111", Path("/there"), Path("/mine"), repositories=Path("/side"))))
    assert "cp -R /side/k-diffusion /there/repositories/k-diffusion" in text and "https://" not in text


def test_torch_alone_comes_from_its_own_index() -> None:
    lines = joined(install.package_commands(Wish("a1111", Path("/there")))).splitlines()
    indexed = [line for line in lines if "--index-url" in line]
    assert len(indexed) == 1 and indexed[0].endswith(f"--index-url {install.CPU_TORCH} torch==2.1.2 torchvision==0.16.2")
    assert lines[0] == "python3.10 -m venv /there/venv"
    usual = Wish("a1111", Path("/there"), torch_index="", python="/mine/python")
    assert "--index-url" not in joined(install.package_commands(usual))
    assert joined(install.package_commands(usual)).startswith("/mine/python -m venv")


@pytest.mark.parametrize(
    ("own", "asked"),
    [
        ("numpy==1.26.2  # old", ["numpy==1.26.2  # old"]),
        ("torch", []),
        ("torchvision>=0.1", []),
        ("torchsde==0.2.6", ["torchsde==0.2.6"]),
        ("pydantic", ["pydantic==1.10.15"]),
        ("pydantic>=1; python_version > '3'", ["pydantic==1.10.15"]),
        ("https://example.org/pydantic-1.10.15-py3-none-any.whl", ["pydantic==1.10.15"]),
        ("pydantic-core==2.27.2", ["pydantic-core==2.27.2"]),
        ("pydantic_core==2.27.2", ["pydantic_core==2.27.2"]),
        ("# a newer pydantic does not do", ["# a newer pydantic does not do"]),
    ],
)
def test_the_webuis_requirements_are_kept_and_torch_is_held(own: str, asked: list[str]) -> None:
    assert install.pinned_requirements(f"a\n{own}\nz\n", RECIPE, RECIPE.torch).splitlines() == ["a", *asked, "z", "torch==2.1.2"]


def test_a_dry_run_tells_all_and_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    install.main(["forge", str(tmp_path / "forge"), "--dry-run", "--name", "mine"])
    told = capsys.readouterr().out
    for said in ("git clone", "-m venv", "requirements-pinned.txt", "fewstep-host.json", f"link {hosts.links_folder() / 'mine'}"):
        assert said in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["there"], "there exists; name a folder that does not"),
        (["new", "--python", "python-of-nobody"], "python-of-nobody does not run; a1111 is made for Python 3.10"),
        (["new", "--repositories", "there"], "has no folder stable-diffusion-webui-assets"),
        (["new", "--source", "there", "--python", sys.executable, "--repositories", "full"], "before another try"),
    ],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    for name in RECIPES["a1111"].repositories:
        (tmp_path / "full" / name).mkdir(parents=True)
    with pytest.raises(SystemExit) as ended:
        install.main(["a1111", *arguments])
    assert ended.value.code == 2 and said in capsys.readouterr().err
    assert not hosts.links_folder().exists()


def test_what_is_made_is_a_host_that_the_tests_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository with the least that a WebUI has; installing its packages is left out."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    source = tmp_path / "source"
    source.mkdir()
    (source / "requirements.txt").write_text("torch\npip\n")
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qm", "one"]):
        subprocess.run(["git", *command], cwd=source, check=True)
    monkeypatch.setitem(RECIPES, "a1111", Recipe(WEBUI, "3.10", ("pip",), "requirements.txt"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # pip is there: nothing is fetched
    mine = ["--source", str(source), "--python", sys.executable, "--torch-index", "", "--name", "mine"]
    install.main(["a1111", str(tmp_path / "webui"), *mine])
    found = next(host for host in hosts.all_hosts() if host.name == "mine")
    assert (found.kind, found.root, found.python) == ("a1111", tmp_path / "webui", tmp_path / "webui" / "venv" / "bin" / "python")
    assert (found.root / install.PINNED).read_text() == "pip\npip\n"
