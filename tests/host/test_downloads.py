"""Whether this WebUI lets people at its page fetch files, and the words for it."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .fake import Host

REACHED = "others can reach this WebUI (--listen, --share and the like), and it was started without --enable-insecure-extension-access"


@pytest.mark.parametrize(("options", "expected"), [
    ({}, None),
    ({"listen": True, "disable_extension_access": False}, None),
    ({"listen": True, "disable_extension_access": True}, REACHED),
    ({"server_name": "0.0.0.0", "disable_extension_access": True}, REACHED),
    *((
        {"server_name": address, "disable_extension_access": True},
        f"this WebUI was started with --server-name {address} and without --enable-insecure-extension-access",
    ) for address in ("127.0.0.1", "localhost", "::1")),
    ({"server_name": "127.0.0.1", "share": True, "disable_extension_access": True}, REACHED),
    ({"lora_dir": ""}, "this WebUI's LoRA extension is off"),
])  # fmt: skip
def test_who_may_fetch(host: Host, options: dict[str, Any], expected: str | None) -> None:
    vars(host.shared.cmd_opts).update({"lora_dir": "/models/Lora", **options})
    assert host.our("downloads").forbidden() == expected
    assert host.our("downloads").lora_folder() == Path(options.get("lora_dir", "/models/Lora"))


def test_who_has_switched_it_off_is_told_nothing(host: Host) -> None:
    host.shared.cmd_opts.lora_dir = "/models/Lora"
    host.shared.opts.data["fewstep_downloads"] = False
    assert host.our("downloads").forbidden() == ""
