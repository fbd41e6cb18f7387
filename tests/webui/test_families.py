"""LoRA files as users have them: bare names, one title in several files, files that cannot be read."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from . import lora_files
from .client import WebUI

Put = Callable[..., Path]


@pytest.fixture
def put(webui: WebUI) -> Iterator[Put]:
    """Puts files into the host's LoRA folder, and takes them out again."""
    folder, made = webui.running.data / "models" / "Lora", []

    def add(name: str, content: bytes | None = None, title: str = "") -> Path:
        made.append(folder / name)
        if content is None:
            metadata = {"ss_output_name": title} if title else None
            lora_files.write_lora(webui.running.host.checkpoint(webui.family), made[-1], metadata=metadata)
        else:
            made[-1].write_bytes(content)
        webui.post("/sdapi/v1/refresh-loras")
        return made[-1]

    yield add
    for file in made:
        file.unlink()
    webui.post("/sdapi/v1/refresh-loras")


def taken_for(webui: WebUI, name: str) -> dict[str, Any] | None:
    return next((lora for lora in webui.get("/fewstep/v1/loras") if lora["name"] == name), None)


@pytest.mark.parametrize("name, known_as", [("LCM", "lcm"), ("tcd-lora", "tcd")])
def test_a_bare_name_is_enough(name: str, known_as: str, webui: WebUI, put: Put) -> None:
    put(f"{name}.safetensors")
    found = taken_for(webui, name)
    assert found is not None and (found["method"], found["fits"]) == (known_as, True)


def test_a_tag_means_the_one_file_that_the_host_loads_for_it(webui: WebUI, put: Put) -> None:
    for name in ("TCD-three-files", "another", "a third"):
        put(f"{name}.safetensors", title="tcd-lora")
    put("tcd-lora.safetensors", title="tcd-lora")
    result = webui.txt2img({}, prompt="a red circle <lora:tcd-lora:0.8>")
    assert result.infotext.count("Accelerator: tcd") == 1, result.comments
    assert len(result.loras) == 1 and "tcd-lora" in str(result.loras)


@pytest.mark.parametrize("name, content, why", [
    ("TCD-SD15-LoRA-old.pt", b"PK\x03\x04 and so on", ".pt"), ("lcm-lora-page.safetensors", b"<!DOCTYPE html><html></html>", "web page"),
])  # fmt: skip
def test_nothing_is_added_to_a_file_that_may_be_an_accelerator(name: str, content: bytes, why: str, webui: WebUI, put: Put) -> None:
    file = put(name, content)
    if taken_for(webui, file.stem) is None:
        pytest.skip(f"this WebUI lists no {file.suffix} files")
    plan = webui.plan(prompt=f"a red circle <lora:{file.stem}:0.8>")
    assert not plan["active"] and file.stem in plan["notes"][0] and why in plan["notes"][0]
