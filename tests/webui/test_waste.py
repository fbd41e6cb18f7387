"""Nothing is done twice, and nothing before it is needed: LoRAs are not merged anew, and files are not read at start-up."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from . import hosts, lora_files
from .client import PROMPT, Result, WebUI
from .conftest import Pool
from .test_generation import EULER_METHOD, hires_fields

WITNESS = Path(__file__).parent / "witness"


# ----------------------------------------------------------------------------------------------------------------- merges


def hand(webui: WebUI, weight: float = 1.0, **fields: Any) -> Result:
    """The same LoRA at the same weight as the Accelerator's, by hand."""
    plan = webui.plan(method=EULER_METHOD[webui.family])
    prompt = f"{PROMPT} <lora:{plan['lora']}:{weight:g}>"
    return webui.txt2img(prompt=prompt, **{"steps": plan["steps"], "cfg_scale": 1.0, **fields})


def ours(webui: WebUI, **fields: Any) -> Result:
    return webui.txt2img({"method": EULER_METHOD[webui.family]}, **fields)


@pytest.mark.parametrize("hires", [False, True], ids=["one-pass", "hires"])
def test_a_lora_in_force_is_not_merged_anew(webui: WebUI, hires: bool) -> None:
    fields = hires_fields(webui) if hires else {}
    kept = rewritten(webui, hand, hand, fields)
    for first, second in ((ours, ours), (hand, ours), (ours, hand)):
        assert rewritten(webui, first, second, fields) <= kept
    assert hand(webui, weight=0.5, **fields).probe["rewritten"] > kept, "another weight is not seen, so nothing is"


def rewritten(webui: WebUI, first: Callable[..., Result], second: Callable[..., Result], fields: dict[str, Any]) -> int:
    """How many of the UNet's weights the host writes for the second picture, all of its passes together."""
    first(webui, **fields)
    return second(webui, **fields).probe["rewritten"]


# ------------------------------------------------------------------------------------------------------ looking at files


def test_a_style_that_becomes_an_accelerator_is_seen(webui: WebUI) -> None:
    file = webui.running.data / "models" / "Lora" / "perhaps-a-style.safetensors"

    def put(name: str) -> dict[str, Any] | None:
        lora_files.write_lora(webui.running.host.checkpoint(webui.family), file.with_suffix(".new"), metadata={"ss_output_name": name})
        file.with_suffix(".new").replace(file)
        return taken_for()

    def taken_for() -> dict[str, Any] | None:
        return next((lora for lora in webui.get("/fewstep/v1/loras") if lora["name"] == file.stem), None)

    def listed() -> dict[str, Any] | None:
        webui.post("/sdapi/v1/refresh-loras")
        return taken_for()

    title = {"sd15": "lcm-lora-sdv1-5", "sdxl": "lcm-lora-sdxl"}[webui.family]
    try:
        put("a style")
        assert listed() is None
        put(title)
        asked = webui.plan(lora=file.stem)
        assert asked["method"] == "lcm", "who names a file gets what it is now"
        put("a style")
        listed()
        put(title)
        found = listed()
        assert found is not None and found["method"] == "lcm"
    finally:
        file.unlink()
        webui.post("/sdapi/v1/refresh-loras")


# --------------------------------------------------------------------------------------------------------------- start-up


def test_no_file_is_read_before_it_is_needed(webui: WebUI, pool: Pool, tmp_path: Path) -> None:
    host, note = webui.running.host, tmp_path / "opened"
    environment = {"PYTHONPATH": str(WITNESS), "FEWSTEP_WITNESS": str(note)}
    with hosts.running(host, pool.new_folder(host), environment=environment) as running:
        fresh = WebUI(running, host.families[0])
        assert outside(note, running) == set(), "at start-up"
        assert any(line.endswith("methods.yaml") for line in note.read_text(encoding="utf-8").splitlines()), "the witness sees nothing"
        fresh.txt2img()
        assert outside(note, running) == set(), "in a generation without the Accelerator"
        fresh.txt2img({"method": "lcm"})
        assert "fewstep-loras.json" in {Path(path).name for path in outside(note, running)}, "what is known of LoRA files"


def outside(note: Path, running: hosts.Running) -> set[str]:
    """Files that the extension has opened and that are no code and not its own."""
    opened = {Path(line) for line in note.read_text(encoding="utf-8", errors="replace").splitlines()}
    its_own = (hosts.EXTENSION / "lib_fewstep", running.data / "extensions" / hosts.NAME)
    code = (".py", ".pyc", ".so")
    return {str(path) for path in opened if path.suffix not in code and not any(path.is_relative_to(folder) for folder in its_own)}
