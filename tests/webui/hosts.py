"""WebUIs to test against: the embedded one, and those that this machine has linked; how each is started, filled and stopped.

`python -m tests.webui.install` makes and links such a WebUI. One that is there already is linked by a folder or symlink
`${XDG_DATA_HOME:-~/.local/share}/fewstep/hosts/<name>` that is its checkout. What cannot be guessed stands in `<name>.json` beside it, or
in `fewstep-host.json` inside it; every key may be left out:

    {
        "kind": "a1111",                   a1111, forge, reforge or neo; else seen from the checkout
        "python": "venv/bin/python",       the WebUI's own Python, relative to the checkout; this is the default
        "cpu": true,                       false leaves out the flags that keep the WebUI on the CPU
        "flags": ["--medvram"],            more command line flags
        "environment": {"NAME": "value"},  more environment variables
        "checkpoints": {"sdxl": "/models/sd_xl_base.safetensors"}, real checkpoints by family; tiny ones are made for the rest
        "extensions": ["/src/adetailer"]   other people's extensions to have beside ours; see others.py
    }

`embedded.json` alone may name another Python for the embedded host. A host runs with `--data-dir` on a folder of its own, so that the
user's settings, extensions, models and outputs are neither read nor written. To look at one by hand, filled as for the tests:

    python -m tests.webui.hosts a1111 --port 7871
"""
from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import requests
from filelock import FileLock

from lib_fewstep.core.profiles import CHECKPOINT, LORA, Profile, PublishedFile, name_key
from lib_fewstep.core.tables import load_tables

from . import lora_files, make_tiny_checkpoints, others

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
EXTENSION, PROBE, TROUBLE, TINY_SDXL = REPOSITORY, HERE / "probe", HERE / "trouble", HERE / "tiny_sdxl"
EMBEDDED = "embedded"
NAME = "few-step-accelerator"
"""The extension's folder in a WebUI's extensions/."""
START_SECONDS = 300
TABLES = load_tables()
STYLES = 'name,prompt,negative_prompt\nsquare,"{prompt} and a blue square",green\n'
"""A style that a user has saved."""

_OFFLINE = ("--skip-prepare-environment", "--skip-version-check")
_FORGE_OFFLINE = (*_OFFLINE, "--skip-install", "--skip-torch-cuda-test", "--skip-python-version-check", "--no-hashing")
_MAKERS: dict[str, Callable[[Path], Path]] = {
    "tiny_sd15": make_tiny_checkpoints.tiny_sd15,
    "tiny_sdxl": make_tiny_checkpoints.tiny_sdxl,
    "tiny_sd21": make_tiny_checkpoints.tiny_sd21,
    "slim_sd15": make_tiny_checkpoints.slim_sd15,
    **{f"slim_{family}": partial(make_tiny_checkpoints.slim_sdxl, family=family) for family in ("sdxl", "ssd1b", "vega")},
}


_NEO_STARTED_BEFORE = {f"{tab}/{field}/value": "" for tab in ("txt2img", "img2img") for field in ("Prompt", "Negative Prompt")}
"""Of the file that Neo writes when it starts: without it, at its very first start, it takes no prompt out of a pasted infotext."""


@dataclass(frozen=True)
class Kind:
    """How one kind of WebUI is started. `checkpoints`: family -> maker; `ready`: what its log says once it can generate."""

    flags: tuple[str, ...]
    cpu_flags: tuple[str, ...]
    checkpoints: Mapping[str, str]
    ready: tuple[str, ...]


_SLIM = {"sd15": "slim_sd15"}
KINDS = {
    "a1111": Kind(
        (*_OFFLINE, "--no-download-sd-model", "--do-not-download-clip"),
        ("--use-cpu", "all", "--no-half", "--precision", "full", "--opt-sdp-no-mem-attention"),
        {"sd15": "tiny_sd15", "sdxl": "tiny_sdxl"},
        ("Startup time", "Model loaded"),
    ),
    "forge": Kind(
        (*_FORGE_OFFLINE, "--no-download-sd-model"), ("--always-cpu", "--all-in-fp32", "--attention-pytorch"), _SLIM, ("Startup time",)
    ),
    "reforge": Kind(
        (*_FORGE_OFFLINE, "--no-download-sd-model", "--do-not-download-clip"),
        ("--always-cpu", "--all-in-fp32", "--attention-pytorch"), _SLIM, ("Startup time",),
    ),
    "neo": Kind(_FORGE_OFFLINE, ("--cpu", "--force-fp32", "--use-pytorch-cross-attention"), _SLIM, ("Startup time",)),
    EMBEDDED: Kind((), (), {"sd15": "tiny_sd15"}, ()),
}


@dataclass(frozen=True)
class Host:
    """A WebUI that can be started."""

    name: str
    kind: str
    root: Path
    python: Path
    cpu: bool = True
    flags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    checkpoints: Mapping[str, Path] = field(default_factory=dict)
    extensions: tuple[Path, ...] = ()

    @property
    def families(self) -> list[str]:
        return sorted({*KINDS[self.kind].checkpoints, *self.checkpoints})

    def checkpoint(self, family: str) -> Path:
        """The checkpoint of `family`: the user's, else one made for tests."""
        return self.checkpoints.get(family) or made(KINDS[self.kind].checkpoints[family])

    def heeds_text_little(self, family: str) -> bool:
        """The slim checkpoints have the true widths and few blocks, all random: another text changes their pictures, but not visibly."""
        return self.checkpoint(family).name.startswith("slim-")

    def command(self, port: int, data: Path, flags: Sequence[str] = ()) -> list[str]:
        place = ["--port", str(port), "--data-dir", str(data)]
        if self.kind == EMBEDDED:
            return [str(self.python), "-m", "demo.serve", "--no-repository", "--models", str(data / "models"), *place, *flags]
        kind = KINDS[self.kind]
        served = ("--gradio-allowed-path", str(self.root))  # gradio 4 gives out the page's scripts from the data folder only
        return [
            str(self.python), "launch.py", "--api", *kind.flags, *(kind.cpu_flags if self.cpu else ()), *self.flags, *served, *place, *flags
        ]


def links_folder() -> Path:
    """Where WebUIs are linked."""
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "fewstep" / "hosts"


def all_hosts() -> list[Host]:
    """The embedded host, then the linked ones by name. Raises ValueError for a link whose description cannot be used."""
    folder = links_folder()
    linked = [path for path in sorted(folder.iterdir()) if path.is_dir()] if folder.is_dir() else []
    described = _read_json(folder / f"{EMBEDDED}.json")
    embedded = Host(EMBEDDED, EMBEDDED, REPOSITORY, Path(described.get("python", sys.executable)))
    return [embedded, *(_linked(path) for path in linked)]


def _linked(path: Path) -> Host:
    root = path.resolve()
    described = {**_read_json(root / "fewstep-host.json"), **_read_json(path.with_name(f"{path.name}.json"))}
    unknown = described.keys() - {"kind", "python", "cpu", "flags", "environment", "checkpoints", "extensions"}
    kind = described.get("kind") or detect_kind(root)
    if unknown or kind not in KINDS:
        raise ValueError(f"{path}: {', '.join(unknown) or kind} is not known; see {Path(__file__).name}")
    python = root / described.get("python", "venv/Scripts/python.exe" if os.name == "nt" else "venv/bin/python")
    if not python.exists():
        raise ValueError(f'{path}: there is no {python}; name the WebUI\'s Python in {path.name}.json as {{"python": "…"}}')
    return Host(
        path.name, kind, root, python,
        cpu=bool(described.get("cpu", True)),
        flags=tuple(described.get("flags", ())),
        environment=described.get("environment", {}),
        checkpoints={family: Path(file) for family, file in described.get("checkpoints", {}).items()},
        extensions=tuple(root / path for path in described.get("extensions", ())),
    )


def detect_kind(root: Path) -> str:
    """Which WebUI a checkout is, by what only its kind has."""
    if not (root / "modules_forge").is_dir():
        return "a1111"
    if (root / "ldm_patched").is_dir():
        return "reforge"
    return "forge" if "--always-cpu" in (root / "backend" / "args.py").read_text(encoding="utf-8") else "neo"


def _read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


# ------------------------------------------------------------------------------------------------------------------ files


def cache() -> Path:
    """The folder of files made for tests, another one whenever their making changes."""
    names = ("make_tiny_checkpoints.py", "lora_files.py", "make_detector.py", "tiny_sdxl/tinysdxl.yaml", "tiny_sdxl/tinysd21.yaml")
    makers = b"".join((HERE / name).read_bytes() for name in names)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "fewstep" / f"tests-{hashlib.sha256(makers).hexdigest()[:12]}"


def made(maker: str) -> Path:
    """The checkpoint that `maker` makes, made once."""
    folder = cache() / maker
    known = folder / "made"
    if not known.exists():
        path = _MAKERS[maker](folder)
        known.write_text(str(path), encoding="utf-8")
    return Path(known.read_text(encoding="utf-8"))


def lora_name(profile: Profile, family: str) -> str | None:
    """What a user's LoRA of a method is called: its published name, or the repository's where that is the same for all repositories."""
    wanted = (profile.files_of or profile.key, family, LORA)
    published = [f for f in TABLES.files if (f.method, f.family, f.kind) == wanted and not f.superseded]
    return next((name for file in published if (name := _usual_name(file))), None)


def _usual_name(file: PublishedFile) -> str | None:
    stem = Path(file.file).stem
    candidates = [stem, file.repo.rpartition("/")[2], f"{file.repo.rpartition('/')[2]}-lora"]
    return next((name for name in candidates if any(pattern.search(name_key(name)) for pattern in file.names)), None)


def methods_of(family: str) -> list[Profile]:
    """The methods that have a nameable published LoRA for `family`."""
    return [profile for profile in TABLES.for_family(family) if lora_name(profile, family)]


def checkpoints_of(family: str) -> list[tuple[str, Profile]]:
    """A nameable published checkpoint of each method that has one for `family`: what a user's file is called, and the method."""
    files = [f for f in TABLES.files if (f.kind, f.family) == (CHECKPOINT, family) and not f.superseded]
    named = {f.method: name for f in reversed(files) if (name := _usual_name(f))}
    return [(name, TABLES.profiles[key]) for key, name in named.items()]


def make_loras(checkpoint: Path, family: str) -> Path:
    """A folder with a random LoRA for every method of `family`, no two alike, that fits `checkpoint`."""
    folder = cache() / "loras" / f"{family}-{checkpoint.stem}"
    for seed, profile in enumerate(methods_of(family)):
        path = folder / f"{lora_name(profile, family)}.safetensors"
        if not path.exists():
            lora_files.write_lora(checkpoint, path, seed=seed)
    return folder


def prepare(host: Host, data: Path, extensions: Mapping[str, Path], saved: Mapping[str, Any]) -> None:
    """Fills `data`, the host's private folder: extensions, checkpoints, LoRAs of both families, and hardly an option but those `saved`."""
    for name, source in {**extensions, **others.beside(host.extensions)}.items():
        _link(source, data / "extensions" / name)
    for source in others.models(host.extensions, host.python, host.environment, cache() / "others"):
        _link(source, data / "models" / source.parent.name / source.name)
    for family in host.families:
        checkpoint = host.checkpoint(family)
        for source in (checkpoint, checkpoint.with_suffix(".yaml")):
            if source.exists():
                _link(source, data / "models" / "Stable-diffusion" / source.name)
    for family in ("sd15", "sdxl"):
        checkpoint = host.checkpoint(family) if family in host.families else made(f"tiny_{family}")
        for source in make_loras(checkpoint, family).iterdir():
            _link(source, data / "models" / "Lora" / family / source.name)
    options: dict[str, Any] = {"sd_model_checkpoint": host.checkpoint(host.families[0]).name, "live_previews_enable": False}
    if host.kind == "neo":  # asks on the terminal whether its environment is new, unless the settings say so
        stamp = re.search(r'VERSION_UID\b[^\n]*= "(\w+)"', (host.root / "modules" / "launch_utils.py").read_text(encoding="utf-8"))
        options["VERSION_UID"] = stamp[1] if stamp else None
        (data / "ui-config.json").write_text(json.dumps(_NEO_STARTED_BEFORE), encoding="utf-8")
    (data / "config.json").write_text(json.dumps({**options, **saved}), encoding="utf-8")
    (data / "styles.csv").write_text(STYLES, encoding="utf-8")


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source.resolve(), target_is_directory=source.is_dir())


# ---------------------------------------------------------------------------------------------------------------- running


@dataclass(frozen=True)
class Running:
    """A WebUI that answers at `url`; `data` is its private folder, `log` what it has printed."""

    host: Host
    url: str
    data: Path
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None


@contextmanager
def running(
    host: Host, data: Path, with_extension: bool = True, flags: Sequence[str] = (), port: int = 0, saved: Mapping[str, Any] | None = None,
    user_table: str = "", environment: Mapping[str, str] | None = None, models: Mapping[str, Path] | None = None,
) -> Iterator[Running]:
    """Fills the private folder at `data` with what tests need, and starts `host` on it.

    `saved`: options that the user has saved before; `user_table`: rows of the user's own, as YAML; `models`: more files, by their paths in
    the folder of models.
    """
    extensions = {"webui-probe": PROBE, "trouble": TROUBLE, **({NAME: EXTENSION} if with_extension else {})}
    if host.kind == "a1111":
        extensions["tiny-sdxl"] = TINY_SDXL
    data.mkdir(parents=True)
    cache().mkdir(parents=True, exist_ok=True)
    with FileLock(cache() / "making.lock"):  # two test processes may start their first WebUI at once
        prepare(host, data, extensions, saved or {})
    for place, source in (models or {}).items():
        _link(source, data / "models" / place)
    if user_table:
        (data / "fewstep.yaml").write_text(user_table, encoding="utf-8")
    with started(host, data, flags, port, environment) as found:
        yield found


@contextmanager
def started(
    host: Host, data: Path, flags: Sequence[str] = (), port: int = 0, environment: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Starts `host` on what its private folder `data` holds, waits until it can generate, and stops it at the end.

    Port 0 takes a free one.
    """
    port = port or _free_port()
    variables = {**_environment(host), **(environment or {})}
    with open(data / "webui.log", "wb") as log:
        process = subprocess.Popen(
            host.command(port, data, flags), cwd=host.root, env=variables, stdout=log, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )
        try:
            found = Running(host, f"http://127.0.0.1:{port}", data, data / "webui.log", process)
            _wait_until_ready(found)
            yield found
        finally:
            _stop(process)


def _environment(host: Host) -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if key not in ("COMMANDLINE_ARGS", "PYTHONPATH", "PYTHONHOME")}
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "GRADIO_ANALYTICS_ENABLED": "False", "PYTHONUNBUFFERED": "1"}
    on_cpu = {"CUDA_VISIBLE_DEVICES": "", "OMP_WAIT_POLICY": "PASSIVE"} if host.cpu else {}
    return {**inherited, **offline, **on_cpu, **host.environment}


def _wait_until_ready(found: Running) -> None:
    patience = time.monotonic() + START_SECONDS
    while time.monotonic() < patience:
        if not found.is_alive:
            raise RuntimeError(f"{found.host.name} ended with {found.process.returncode} while starting:\n{log_tail(found.log)}")
        text = found.log.read_text(encoding="utf-8", errors="replace")
        if all(sign in text for sign in KINDS[found.host.kind].ready) and answers(found.url):
            return
        time.sleep(0.5)
    raise RuntimeError(f"{found.host.name} was not ready after {START_SECONDS} s:\n{log_tail(found.log)}")


def answers(url: str) -> bool:
    """Whether the WebUI's API is up (401: up, behind a password)."""
    try:
        return requests.get(f"{url}/sdapi/v1/samplers", timeout=5).status_code in (200, 401)
    except requests.RequestException:
        return False


def log_tail(log: Path, lines: int = 40) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    for signal_ in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, signal_)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            continue


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main() -> None:
    """Runs one host until Enter or Ctrl+C."""
    found = {host.name: host for host in all_hosts()}
    parser = argparse.ArgumentParser(prog="python -m tests.webui.hosts", description=main.__doc__)
    parser.add_argument("host", choices=found)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--without-extension", action="store_true")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        running(found[options.host], Path(folder) / "data", not options.without_extension, port=options.port) as host,
    ):
        input(f"{host.url}   log: {host.log}   Enter stops it ")


if __name__ == "__main__":
    main()
