"""How long it takes to recognise a large folder of LoRAs: `python tests/bench_detect.py [files]`. Not a test: times depend on the machine.

The files have headers of real size (SDXL, rank 64: 788 modules of three tensors each) and a hole in the disk for their weights. One in
fifty carries the name of a published file. "Warm" is a new start of the WebUI with the cache on disk, "again" the next look after that.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from lib_fewstep.core.detect import Detection
from lib_fewstep.core.profiles import Tables
from lib_fewstep.core.tables import load_tables
from lib_fewstep.host.detections import DetectionCache
from tests.core.lora_files import SD15, SDXL, kohya, write


def make_folder(folder: Path, count: int) -> list[Path]:
    """`count` files, every fifth for SD1.5."""
    shapes = {"sdxl": kohya(SDXL, 64), "sd15": kohya(SD15, 32)}
    paths = []
    for number in range(count):
        name = f"sdxl_lightning_4step_lora ({number})" if number % 50 == 1 else f"style {number}"
        metadata = {"ss_output_name": f"style {number}", "ss_tag_frequency": "x" * 2000, "sshs_model_hash": f"{number:064x}"}
        paths.append(write(folder / f"{name}.safetensors", shapes["sd15" if number % 5 == 0 else "sdxl"], metadata=metadata))
    return paths


def header_bytes(path: Path) -> int:
    with open(path, "rb") as file:
        return int.from_bytes(file.read(8), "little")


def timed(label: str, work: Callable[[], list[Detection]]) -> list[Detection]:
    start, busy = time.perf_counter(), time.process_time()
    found = work()
    print(f"{label:<24}{(time.perf_counter() - start) * 1000:10.1f} ms, of which busy {(time.process_time() - busy) * 1000:10.1f} ms")
    return found


def look(cache: DetectionCache, paths: list[Path]) -> list[Detection]:
    found = [cache.get(path) for path in paths]
    cache.save()
    return found


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tables: Tables = load_tables()
        paths = make_folder(Path(folder), count)
        cache_file = Path(folder) / "cache" / "loras.json"
        cold = DetectionCache(cache_file, tables)
        print(f"{count} files, a header of {header_bytes(paths[1]) / 1000:.0f} kB each")
        first = timed("cold, nothing cached", lambda: look(cold, paths))
        again = timed("again, in the same run", lambda: look(cold, paths))
        warm = timed("warm, cache on disk", lambda: look(DetectionCache(cache_file, tables), paths))
        assert first == again == warm
        print(f"cache file: {cache_file.stat().st_size / 1000:.0f} kB; recognised: {sum(found.method is not None for found in first)}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
