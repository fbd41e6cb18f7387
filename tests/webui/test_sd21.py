"""Stable Diffusion 2.1 on AUTOMATIC1111: its methods and its distilled checkpoint, on a small checkpoint of the true structure."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from lib_fewstep.core.profiles import Profile

from . import hosts, test_checkpoints, test_generation
from .client import WebUI
from .conftest import Pool

FAMILY = "sd21"
HOSTS = [host for host in hosts.all_hosts() if host.kind == "a1111"]


@pytest.fixture(scope="module", params=HOSTS, ids=lambda host: f"{host.name}-{FAMILY}")
def there(request: pytest.FixtureRequest, pool: Pool) -> Iterator[WebUI]:
    pool.stop()
    checkpoint = request.param.checkpoints.get(FAMILY) or hosts.made("tiny_sd21")
    host = replace(request.param, checkpoints={**request.param.checkpoints, FAMILY: checkpoint})
    loras = {f"Lora/{path.name}": path for path in hosts.make_loras(checkpoint, FAMILY).iterdir()}
    with hosts.running(host, pool.new_folder(host), models=loras) as running:
        webui = WebUI(running, FAMILY)
        webui.load_checkpoint()
        webui.txt2img(steps=1)  # the first generation sets options of the host's own, such as a checkpoint's hash
        yield webui


@pytest.mark.parametrize("method", hosts.methods_of(FAMILY), ids=lambda method: method.key)
def test_a_method_is_asked_of_the_unet_exactly_and_restored(there: WebUI, method: Profile) -> None:
    test_generation.test_a_method_is_asked_of_the_unet_exactly(there, method)
    test_generation.test_a_picture_restores_its_own_making(there, method)


@pytest.mark.parametrize("published", hosts.checkpoints_of(FAMILY), ids=lambda published: published[1].key)
def test_a_distilled_checkpoint_runs_by_itself(there: WebUI, published: tuple[str, Profile]) -> None:
    test_checkpoints.test_a_distilled_checkpoint_runs_by_itself(there, published)
