"""What meets the host from outside a generation: its LoRA list, made under the lock of its queue, and the controls of its page."""
from __future__ import annotations

import sys
import threading
import time
from typing import Any

import pytest

from .fake import Host


class Listing:
    """The host's LoRA extension, whose list takes a moment to make; notes whether a generation could have begun meanwhile."""

    def __init__(self, host: Host):
        self.lock, self.listed, self.unlocked = host.call_queue.queue_lock, 0, 0
        self.available_networks: dict[str, Any] = {}

    def list_available_networks(self) -> None:
        if self.lock.acquire(False):
            self.unlocked += 1
            self.lock.release()
        self.listed += 1


@pytest.fixture
def listing(host: Host, monkeypatch: pytest.MonkeyPatch) -> Listing:
    made = Listing(host)
    monkeypatch.setitem(sys.modules, "networks", made)  # type: ignore[arg-type]
    return made


def test_the_list_is_made_while_no_picture_is(host: Host, listing: Listing) -> None:
    host.our("facts").HostFacts().refresh(wait=True)
    assert (listing.listed, listing.unlocked) == (1, 0)
    assert listing.lock.acquire(False), "the lock is given back"


def test_a_running_picture_is_waited_for(host: Host, listing: Listing) -> None:
    facts = host.our("facts").HostFacts()
    listing.lock.acquire()
    thread = threading.Thread(target=facts.refresh, args=(True,), daemon=True)
    thread.start()
    time.sleep(0.05)
    assert listing.listed == 0
    listing.lock.release()
    thread.join(10)
    assert (listing.listed, listing.unlocked) == (1, 0)


def test_a_page_that_asks_during_a_picture_is_answered_at_once_and_the_list_comes_after_it(host: Host, listing: Listing) -> None:
    facts = host.our("facts").HostFacts()
    listing.lock.acquire()
    said = facts._rescan.soon(wait=0.05)
    assert listing.listed == 0 and "running picture" in said
    facts._rescan.soon(wait=0.05)
    listing.lock.release()
    until(lambda: listing.listed == 1)
    time.sleep(0.05)
    assert (listing.listed, listing.unlocked) == (1, 0), "asked twice while it waited, it is done once"
    assert facts.refresh() == "The LoRA folder has been read again" and listing.listed == 2


def test_a_list_that_cannot_be_made_frees_the_lock(host: Host, listing: Listing, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(listing, "list_available_networks", broken)
    with pytest.raises(OSError):
        host.our("facts").HostFacts().refresh(wait=True)
    assert listing.lock.acquire(False)


def test_a_host_without_its_lora_extension_has_nothing_to_list(host: Host) -> None:
    facts = host.our("facts").HostFacts()
    facts.refresh(wait=True)
    assert facts.refresh() == ""


def until(condition: Any) -> None:
    patience = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < patience
        time.sleep(0.005)


# ------------------------------------------------------------------------------------------------------------- the page's controls


@pytest.fixture
def script(host: Host) -> Any:
    """scripts/accelerator.py, as the host loads it."""
    pytest.importorskip("gradio")
    made = host.script().Accelerator()
    made.show(False)
    return made


def test_the_hosts_controls_are_known_by_their_whole_names(script: Any) -> None:
    """As they stand in modules/ui.py, modules/scripts.py and scripts/xyz_grid.py of A1111 1.10, Forge, reForge and Neo."""
    ids = {
        "txt2img_prompt": "prompt", "txt2img_neg_prompt": "neg_prompt", "txt2img_steps": "steps", "txt2img_sampling": "sampling",
        "txt2img_hr-checkbox": "hr-checkbox", "txt2img_hires_steps": "hires_steps", "hr_sampler": "hr_sampler",
        "hr_scheduler": "hr_scheduler", "script_list": "script_list", "script_txt2img_xyz_plot_x_values": "x_values",
    }  # fmt: skip
    for id_ in ids:
        script.after_component(id_, elem_id=id_, label="any")
    script.after_component("by label", elem_id=None, label="X values")
    assert script.host_controls == {**{name: id_ for id_, name in ids.items()}, "X values": "by label"}


@pytest.mark.parametrize("id_", [
    "steps", "width", "prompt", "x_type", "x_values", "cfg_scale", "img2img_steps", "script_txt2img_mine_steps",
    "script_img2img_xyz_plot_x_type",
    "x_txt2img_steps", "my_hr_sampler", "gallery",
])
def test_a_foreign_control_is_not_the_hosts(script: Any, id_: str) -> None:
    script.after_component("the host's", elem_id="txt2img_steps", label="Sampling steps")
    script.after_component("foreign", elem_id=id_, label="steps")
    script.after_component("foreign", label=id_)
    assert script.host_controls == {"steps": "the host's"}
