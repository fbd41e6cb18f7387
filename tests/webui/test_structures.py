"""Families that the other tests lack: SD 2.1 on AUTOMATIC1111; SDXL, SSD-1B and Vega on Forge and its kin.

Their methods and their distilled checkpoints run on random checkpoints of the true structure. Those for Forge have 2 GB each: `--large`.
"""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from lib_fewstep.core.profiles import Profile

from . import hosts, test_checkpoints, test_generation
from .client import WebUI
from .conftest import LARGE, Pool

MAKERS = {"a1111": {"sd21": "tiny_sd21"}}
_SLIM = {"sdxl": "slim_sdxl", "ssd1b": "slim_ssd1b", "vega": "slim_vega"}
LARGE_MAKERS = {"forge": _SLIM, "reforge": _SLIM, "neo": {"sdxl": "slim_sdxl"}}
"""Neo does not recognise SSD-1B and Vega."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each host with each of these families, and there each method and each published checkpoint."""
    makers = {**MAKERS, **(LARGE_MAKERS if metafunc.config.getoption(LARGE) else {})}
    rows = [
        ((host, family, maker), subject)
        for host in hosts.all_hosts()
        for family, maker in makers.get(host.kind, {}).items()
        for subject in (*hosts.methods_of(family), *hosts.checkpoints_of(family))
    ]
    ids = [f"{host.name}-{family}-{_label(subject)}" for (host, family, _), subject in rows]
    metafunc.parametrize(("webui_of", "subject"), rows, ids=ids, indirect=["webui_of"], scope="module")


def _label(subject: Profile | tuple[str, Profile]) -> str:
    return subject.key if isinstance(subject, Profile) else f"{subject[1].key}-checkpoint"


@pytest.fixture(scope="module")
def webui_of(request: pytest.FixtureRequest, pool: Pool) -> Iterator[WebUI]:
    host, family, maker = request.param
    pool.stop()
    checkpoint = host.checkpoints.get(family) or hosts.made(maker)
    host = replace(host, checkpoints={**host.checkpoints, family: checkpoint})
    loras = {f"Lora/{path.name}": path for path in hosts.make_loras(checkpoint, family).iterdir()}
    with hosts.running(host, pool.new_folder(host), models=loras) as running:
        webui = WebUI(running, family)
        webui.load_checkpoint()
        webui.txt2img(steps=1)  # the first generation sets options of the host's own, such as a checkpoint's hash
        yield webui


def test_it_is_asked_of_the_unet_exactly_and_restored(webui_of: WebUI, subject: Profile | tuple[str, Profile]) -> None:
    if isinstance(subject, Profile):
        test_generation.test_a_method_is_asked_of_the_unet_exactly(webui_of, subject)
        test_generation.test_a_picture_restores_its_own_making(webui_of, subject)
    else:
        test_checkpoints.test_a_distilled_checkpoint_runs_by_itself(webui_of, subject)
