"""The rules that keep the house in order, read from the sources: who imports whom, what the core may not touch, no method by name."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "lib_fewstep"
ROOMS = ("core", "downloads", "host", "page", "ui", "words")
SOURCES = sorted(LIBRARY.rglob("*.py"))
SCRIPT = ROOT / "scripts" / "accelerator.py"
METHODS = yaml.safe_load((LIBRARY / "data" / "methods.yaml").read_text(encoding="utf-8"))["methods"]

# What a room may import besides itself, the standard library and `typing`.
ALLOWED: dict[str, set[str]] = {
    "words": set(),
    "core": {"safetensors", "torch", "tqdm", "yaml", "lib_fewstep.words"},
    "page": {"lib_fewstep.core", "lib_fewstep.words"},
    "ui": {"gradio", "lib_fewstep.core", "lib_fewstep.page", "lib_fewstep.words"},
    "downloads": {"huggingface_hub", "requests", "filelock", "lib_fewstep.core", "lib_fewstep.words"},
    "host": {"modules", "torch", "fastapi", "PIL", "filelock", "safetensors", "lib_fewstep.core", "lib_fewstep.page", "lib_fewstep.words"},
}
# Of the standard library: whatever makes numbers of its own, or reaches out.
FORBIDDEN = {
    "random",
    "secrets",
    "uuid",
    "socket",
    "ssl",
    "http",
    "urllib",
    "ftplib",
    "smtplib",
    "subprocess",
    "multiprocessing",
    "ctypes",
    "pickle",
}
RANDOM_CALLS = {
    "rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "normal", "normal_", "uniform_",
    "multinomial", "bernoulli", "manual_seed", "seed", "Generator",
}  # fmt: skip


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imports(path: Path, source: str | None = None) -> Iterator[str]:
    """Full names of the modules that a file imports, wherever in it: `from ..core.plan import x` is lib_fewstep.core.plan."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(source) if source is not None else tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names if (ROOT / module.replace(".", "/")).is_dir())
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("__import__", "importlib.import_module", "import_module"):
            yield ast.unparse(node.args[0])


def room_of(path: Path) -> str:
    return path.relative_to(LIBRARY).parts[0]


def wrong_imports(path: Path, source: str | None = None) -> list[str]:
    room = room_of(path)
    allowed = ALLOWED[room] | {"lib_fewstep", f"lib_fewstep.{room}"}
    wrong = []
    for module in imports(path, source):
        top = module.partition(".")[0]
        own = ".".join(module.split(".")[:2]) if top == "lib_fewstep" else top
        forbidden = room == "core" and top in FORBIDDEN
        if forbidden or (own not in allowed and top not in sys.stdlib_module_names):
            wrong.append(module)
    return wrong


@pytest.mark.parametrize("path", [path for path in SOURCES if path.parent != LIBRARY], ids=lambda path: str(path.relative_to(LIBRARY)))
def test_imports_point_one_way(path: Path) -> None:
    assert wrong_imports(path) == []


@pytest.mark.parametrize(
    "room, line",
    [
        ("core", "from modules import shared"),
        ("core", "import gradio"),
        ("core", "import random"),
        ("core", "import requests"),
        ("core", "from urllib.request import urlopen"),
        ("core", "from ..host import facts"),
        ("core", "from ..ui.view import View"),
        ("core", "def f():\n    import modules.shared"),
        ("core", "import numpy"),
        ("core", "import huggingface_hub"),
        ("core", "from ..downloads.transfer import fetch"),
        ("ui", "from ..downloads.jobs import Downloads"),
        ("host", "from ..downloads import transfer"),
        ("host", "import requests"),
        ("downloads", "from modules import shared"),
        ("downloads", "import gradio"),
        ("downloads", "from ..host.facts import HostFacts"),
        ("downloads", "import torch"),
        ("ui", "from modules import shared"),
        ("ui", "from ..host.facts import HostFacts"),
        ("ui", "from lib_fewstep.host import apply"),
        ("host", "import gradio as gr"),
        ("host", "from ..ui import accordion"),
        ("host", "from demo import weights"),
        ("core", "import lab.files"),
        ("ui", "from tests.core import toy"),
        ("host", "__import__('gradio')"),
    ],
)
def test_a_wrong_import_would_be_found(room: str, line: str) -> None:
    assert wrong_imports(LIBRARY / room / "x.py", line)


@pytest.mark.parametrize(
    "room, line",
    [
        ("core", "import torch"),
        ("core", "from .plan import Plan"),
        ("ui", "from ..core.plan import Plan"),
        ("host", "from modules import x"),
        ("downloads", "from ..core.offers import Offer"),
    ],
)
def test_a_right_import_is_none(room: str, line: str) -> None:
    assert wrong_imports(LIBRARY / room / "x.py", line) == []


def test_every_file_is_in_a_room() -> None:
    assert {room_of(path) for path in SOURCES} == {"__init__.py", *ROOMS}
    assert list(imports(LIBRARY / "__init__.py")) == []
    assert all(list(imports(LIBRARY / room / "__init__.py")) == [] for room in ROOMS)


def test_the_core_draws_no_random_numbers() -> None:
    drawn = [
        f"{path.name}:{node.lineno}"
        for path in (LIBRARY / "core").glob("*.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr in RANDOM_CALLS
    ]
    assert drawn == []


def test_the_webui_executes_one_short_file_with_one_class() -> None:
    assert [path.name for path in SCRIPT.parent.glob("*.py")] == [SCRIPT.name]
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) <= 80
    assert [node.name for node in tree(SCRIPT).body if isinstance(node, ast.ClassDef)] == ["Accelerator"]


def test_the_script_imports_the_host_and_this_library_only() -> None:
    tops = {module.partition(".")[0] for module in imports(SCRIPT)}
    assert tops <= {"__future__", "typing", "modules", "lib_fewstep"}


# ------------------------------------------------------------------------------------------------------- no method by its name


def methods_named(path: Path, source: str | None = None) -> list[str]:
    """Where a method's key or label stands in code, docstrings aside: compared with, matched, looked up or anything else."""
    names = {*METHODS, *(row["label"] for row in METHODS.values())} - {"lcm"}  # also a rule of timesteps
    module = ast.parse(source) if source is not None else tree(path)
    documentation = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}
    return [
        f"{path.name}:{node.lineno} {node.value}"
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and id(node) not in documentation and node.value in names
    ]


def comparisons_of_a_method(path: Path, source: str | None = None) -> list[str]:
    """Comparisons of something called method, or profile's key, with a text."""
    module = ast.parse(source) if source is not None else tree(path)
    found = []
    for node in ast.walk(module):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            texts = any(
                isinstance(leaf, ast.Constant) and isinstance(leaf.value, str) and leaf.value for side in sides for leaf in ast.walk(side)
            )
            named = any(
                ast.unparse(side).split(".")[-1] in ("method", "method_key") or ast.unparse(side) == "profile.key" for side in sides
            )
            if texts and named:
                found.append(f"{path.name}:{node.lineno} {ast.unparse(node)}")
        elif isinstance(node, ast.Match) and ast.unparse(node.subject).split(".")[-1] == "method":
            found.append(f"{path.name}:{node.lineno} match {ast.unparse(node.subject)}")
    return found


@pytest.mark.parametrize("path", [*SOURCES, SCRIPT], ids=lambda path: path.name)
def test_a_method_is_a_row_and_never_a_case(path: Path) -> None:
    assert methods_named(path) == []
    assert comparisons_of_a_method(path) == []


@pytest.mark.parametrize(
    "line",
    [
        'if method == "lcm": pass', 'if plan.method in ("lcm", "tcd"): pass', 'if "tcd" == request.method: pass',
        'x = profile.key != "dmd2"',
        'match method:\n    case "lcm": pass', 'GAMMA = {"tcd": 0.3}', 'x = label.startswith("LCM-LoRA")',
    ],
)  # fmt: skip
def test_a_case_for_a_method_would_be_found(line: str) -> None:
    path = LIBRARY / "core" / "x.py"
    assert methods_named(path, line) or comparisons_of_a_method(path, line)


# --------------------------------------------------------------------------------------------------------------- stable names


def test_no_sampler_parameter_is_called_eta() -> None:
    """The hosts overwrite any parameter of that name with a setting of their own."""
    functions = [node for path in SOURCES for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef)]
    assert not [node.name for node in functions for argument in (*node.args.args, *node.args.kwonlyargs) if argument.arg == "eta"]


def test_no_state_hides_in_globals() -> None:
    assert not [path.name for path in SOURCES for node in ast.walk(tree(path)) if isinstance(node, (ast.Global, ast.Nonlocal))]


def test_the_tests_of_a_file_run_in_one_process(request: pytest.FixtureRequest) -> None:
    """Else what a file sets up is set up once a process. Not every pytest lets xdist name the groups."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("The tests are not run with -n and --dist loadgroup")
    assert request.node.nodeid.endswith("@tests-test_architecture")
