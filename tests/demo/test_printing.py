"""What `python -m demo` says while it works: what it sets up and how big that is, then row by row."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from demo.printing import LiveLine, megabytes

pty = pytest.importorskip("pty")

REPOSITORY = Path(__file__).resolve().parents[2]
SECONDS = 240


def run_in_a_terminal(arguments: list[str]) -> list[str]:
    """Run `python -m demo` as on a terminal -> what it had printed, piece by piece as it came."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "GRADIO_ANALYTICS_ENABLED": "False"}
    command = [sys.executable, "-m", "demo", *arguments]
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE, cwd=REPOSITORY, env=environment) as process:
        os.close(theirs)
        pieces = []
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # how Linux says that the other end is closed
                break
            if not piece:
                break
            pieces.append(piece.decode())
        os.close(ours)
        errors = process.communicate(timeout=SECONDS)[1].decode()
        assert process.returncode == 0, errors
    return pieces


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    sheet = tmp_path_factory.mktemp("demo") / "compare.png"
    pieces = run_in_a_terminal(["--pictures", "2", "--methods", "lcm", "--sheet", str(sheet)])
    assert sheet.is_file()
    return pieces


def test_it_says_first_what_it_sets_up_and_how_big_that_is(printed: list[str]) -> None:
    said = "".join(printed).partition("method  ")[0]
    sizes = [int(size) for size in re.findall(r"(\d+) MB", said)]
    assert sizes == [megabytes(REPOSITORY / "demo" / "models"), megabytes(REPOSITORY / "demo" / "out" / "models")]
    assert "8 pictures" in said  # 2 without, 2 with LCM as recommended, 4 with it by hand
    assert "Nothing is downloaded" in said


def test_each_picture_is_told_of_before_its_row(printed: list[str]) -> None:
    text = "".join(printed)
    places = [text.find(part) for part in ("picture 1 of 2", "picture 2 of 2", "%", "lcm by hand, CFG 1", "lcm by hand, CFG 7")]
    assert -1 not in places
    assert places == sorted(places)
    first_row = next(i for i, piece in enumerate(printed) if "%" in piece)
    assert any("picture 1 of 2" in piece for piece in printed[first_row + 1 :]), "the first row came before the second was begun"


def test_rows_stand_alone_in_the_end(printed: list[str]) -> None:
    """As a terminal shows it: what stands behind the last carriage return of each line."""
    shown = [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in "".join(printed).split("\n")]
    assert not [line for line in shown if "picture 1 of" in line]
    assert [line.split("  ")[0] for line in shown if line.endswith("%")] == ["no accelerator", "lcm"]


def test_a_file_gets_finished_lines_alone() -> None:
    stream = io.StringIO()
    line = LiveLine(stream)
    line.show("picture 1 of 2")
    line.finish("a row")
    assert stream.getvalue() == "a row\n"


def test_sizes_are_those_of_all_files_below(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a").write_bytes(bytes(1_600_000))
    (tmp_path / "b").write_bytes(bytes(1_000_000))
    assert megabytes(tmp_path) == 3
    assert megabytes(tmp_path / "none") == 0
