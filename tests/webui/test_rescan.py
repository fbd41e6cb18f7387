"""The host's list of LoRAs is made anew between two pictures."""
from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from . import lora_files
from .client import WebUI
from .test_page import Tab, open_page, tab, wait_until

__all__ = ["open_page", "tab"]
SLOW = {"alwayson_scripts": {"Trouble": {"args": [json.dumps({"slow": 1.5})]}}}


def test_rescan_waits_for_the_running_picture_and_the_page_does_not(webui: WebUI, tab: Tab) -> None:
    file = webui.running.data / "models" / "Lora" / "brand-new-lcm-lora-sdv1-5.safetensors"
    tab.switch(on=True)
    usual = webui.txt2img({"method": "lcm"})

    def listed() -> bool:
        return any(row["name"] == file.stem for row in webui.get("/fewstep/v1/loras"))

    try:
        with ThreadPoolExecutor(1) as other:
            running = other.submit(WebUI(webui.running, webui.family).txt2img, {"method": "lcm"}, **SLOW)
            wait_until(lambda: webui.get("/sdapi/v1/progress")["state"]["job_count"] > 0)
            lora_files.write_lora(webui.running.host.checkpoint(webui.family), file, seed=97)
            tab.act("rescan")
            wait_until(lambda: "after the running picture" in tab.own("message").inner_text())
            assert not running.done() and not listed(), "the list was made under the picture"
            assert running.result().infotext == usual.infotext
        wait_until(listed)
        tab.act("rescan")
        wait_until(lambda: "has been read again" in tab.own("message").inner_text())
    finally:
        file.unlink(missing_ok=True)
        webui.post("/sdapi/v1/refresh-loras")
