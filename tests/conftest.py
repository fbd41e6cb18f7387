"""Common to all tests: the repository is importable, whatever folder pytest was started in, and hypothesis repeats itself.

With `-n 2 --dist loadgroup` two processes share the tests: a file's stay together, and so do those of all real WebUIs, as each needs
gigabytes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
if workers := os.environ.get("PYTEST_XDIST_WORKER_COUNT"):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // int(workers))))  # also of the WebUIs that tests start


try:
    from hypothesis import HealthCheck, settings
except ImportError:  # the tests that need it skip themselves
    pass
else:
    slow_is_fine = [HealthCheck.too_slow, HealthCheck.data_too_large]
    settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=100, suppress_health_check=slow_is_fine)
    settings.register_profile("explore", derandomize=False, deadline=None, max_examples=2000, suppress_health_check=slow_is_fine)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in its own hook
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        callspec = getattr(item, "callspec", None)
        host = callspec and callspec.params.get("webui")
        group = "hosts" if host and host[0].name != "embedded" else item.path.stem
        item.add_marker(pytest.mark.xdist_group(f"{item.path.parent.name}-{group}"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Skipped tests are easily overlooked."""
    skipped = [report for report in terminalreporter.getreports("skipped") if "no Chromium" in str(report.longrepr)]
    if skipped:
        why = "no Chromium is installed (chromium, chromium-browser or google-chrome)"
        terminalreporter.write_sep("!", f"{len(skipped)} tests of the page did not run: {why}", yellow=True)
