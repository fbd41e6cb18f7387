"""`python -m demo.recording`: records Live on the embedded host's page while somebody types, as demo/live.webp. Needs Chromium."""
from __future__ import annotations

import io
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from demo.places import HERE, REPOSITORY
from tests.chromium import launched

TARGET = HERE / "live.webp"
TYPED = ("a large fox in the snow", "a cat left of a rocket at night")
KEYS_A_SECOND, AFTER_SECONDS = 8, 1.5
_VIEW, _WIDTH, _QUALITY, _MOST_BYTES = {"width": 1000, "height": 620}, 640, 55, 1_000_000
Frames = list[tuple[float, Image.Image]]


def main() -> None:
    with _served() as address, launched() as browser:
        page = browser.new_page(viewport=_VIEW)
        page.goto(address)
        _begin(page)
        frames = _typed(page)
    size = _write(frames, TARGET)
    print(f"{TARGET}: {len(frames)} pictures of the page in {frames[-1][0] - frames[0][0]:.0f} s, {size / 1000:.0f} kB")


@contextmanager
def _served() -> Iterator[str]:
    """The page as `make serve` has it, on a free port."""
    command = [sys.executable, "-m", "demo.serve", "--example", "--port", "0"]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield next(found[0] for line in process.stdout or () if (found := re.search(r"http://\S+", line)))
        finally:
            process.terminate()
            process.communicate()  # what it says at its end


def _begin(page: Any) -> None:
    """Live on, the prompt empty, and the first picture there."""
    page.locator("#fewstep_txt2img_live input").check(timeout=120_000)
    page.locator("#tab_txt2img .fewstep-live-image[src]").wait_for(timeout=120_000)
    page.evaluate("window.scrollTo(0, 0)")


def _typed(page: Any) -> Frames:
    """Types as people do and takes the page as it looks, with the time of each."""
    frames: Frames = []
    field = page.locator("#txt2img_prompt textarea")
    for text in TYPED:
        field.fill("")
        began = time.monotonic()
        for number, key in enumerate(text, 1):
            page.keyboard.type(key)
            while time.monotonic() < began + number / KEYS_A_SECOND:
                _take(page, frames)
        until = time.monotonic() + AFTER_SECONDS
        while time.monotonic() < until:
            _take(page, frames)
    return frames


def _take(page: Any, frames: Frames) -> None:
    shot = Image.open(io.BytesIO(page.screenshot(type="jpeg", quality=90)))
    size = _WIDTH, round(shot.height * _WIDTH / shot.width)
    frames.append((time.monotonic(), shot.convert("RGB").resize(size, Image.Resampling.LANCZOS)))


def _write(frames: Frames, target: Path) -> int:
    """An endless WebP at the speed at which it happened; its bytes. Raises ValueError where it became too large."""
    times = [at for at, _ in frames]
    shown = [round(1000 * (after - at)) for at, after in zip(times, [*times[1:], times[-1] + 1], strict=True)]
    first, *others = (image for _, image in frames)
    first.save(target, "WEBP", save_all=True, append_images=others, duration=shown, loop=0, quality=_QUALITY, method=4)
    size = target.stat().st_size
    if size > _MOST_BYTES:
        raise ValueError(f"{target} has {size} bytes, expected {_MOST_BYTES} at most. Record a shorter text, or with a lower quality")
    return size


if __name__ == "__main__":
    main()
