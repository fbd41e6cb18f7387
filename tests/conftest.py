"""Common to all tests: the repository is importable, whatever folder pytest was started in, and hypothesis repeats itself."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

try:
    from hypothesis import HealthCheck, settings
except ImportError:  # the tests that need it skip themselves
    pass
else:
    slow_is_fine = [HealthCheck.too_slow, HealthCheck.data_too_large]
    settings.register_profile("repeatable", derandomize=True, deadline=None, max_examples=100, suppress_health_check=slow_is_fine)
    settings.register_profile("explore", derandomize=False, deadline=None, max_examples=2000, suppress_health_check=slow_is_fine)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
