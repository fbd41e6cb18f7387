"""The runner of live pictures with a hand in place of the host: what each request is answered, and that nobody is left waiting."""
from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from .fake import Host


class Hand:
    """Draws when it is let, and remembers what."""

    def __init__(self, host: Host):
        self.drawn: list[Any] = []
        self.let = threading.Semaphore(0)
        self.started = threading.Semaphore(0)
        self._picture = host.our("live_picture").Picture

    def __call__(self, order: Any) -> Any:
        self.drawn.append(order)
        self.started.release()
        assert self.let.acquire(timeout=10)
        if order == "broken":
            raise ValueError("no memory")
        return self._picture(str(order).encode(), 0.1, 1, 4, ())


async def begun(hand: Hand) -> None:
    """Until the next picture is in flight."""
    assert await asyncio.to_thread(hand.started.acquire, timeout=10)


@pytest.fixture
def hand(host: Host) -> Hand:
    return Hand(host)


def runner(host: Host, hand: Hand) -> Any:
    return host.our("live").LiveRunner(hand)


def test_the_newest_is_drawn_after_the_one_in_flight(host: Host, hand: Hand) -> None:
    async def run() -> list[Any]:
        live = runner(host, hand)
        first = asyncio.create_task(live.ask("a", 0, "0", 0))
        await begun(hand)
        others = [asyncio.create_task(live.ask("a", number, str(number), number)) for number in range(1, 50)]
        await asyncio.sleep(0)
        hand.let.release(2)
        return await asyncio.wait_for(asyncio.gather(first, *others), 10)

    answers = asyncio.run(run())
    assert hand.drawn == [0, 49]
    assert [answer.jpeg for answer in (answers[0], answers[-1])] == [b"0", b"49"] and set(answers[1:-1]) == {"superseded"}


@pytest.mark.parametrize("leaver", ["in flight", "waiting"])
def test_who_leaves_takes_nobody_along(host: Host, hand: Hand, leaver: str) -> None:
    async def run() -> tuple[Any, Any]:
        live = runner(host, hand)
        flying = asyncio.create_task(live.ask("a", 1, "x", "x"))
        await begun(hand)
        waiting = asyncio.create_task(live.ask("a", 2, "y", "y"))
        other = asyncio.create_task(live.ask("b", 1, "z", "z"))
        await asyncio.sleep(0)
        (flying if leaver == "in flight" else waiting).cancel()
        hand.let.release(3)
        rest = waiting if leaver == "in flight" else flying
        found = await asyncio.wait_for(asyncio.gather(rest, other), 10)
        hand.let.release()
        assert isinstance(await asyncio.wait_for(live.ask("a", 3, "w", "w"), 10), host.our("live_picture").Picture)
        assert not live._asked
        return found[0].jpeg, found[1].jpeg

    assert asyncio.run(run()) == ((b"y", b"z") if leaver == "in flight" else (b"x", b"z"))
    assert ("y" in hand.drawn) == (leaver == "in flight"), "drawn for nobody"


def test_an_error_reaches_who_asked_and_the_next_is_drawn(host: Host, hand: Hand) -> None:
    async def run() -> Any:
        live = runner(host, hand)
        hand.let.release(2)
        with pytest.raises(ValueError, match="no memory"):
            await live.ask("a", 1, "x", "broken")
        return await live.ask("a", 2, "x", "x")

    assert asyncio.run(run()).jpeg == b"x"


def test_the_thread_ends_with_the_extension(host: Host, hand: Hand) -> None:
    """A reloaded WebUI loads the extension anew, and may keep the old one's route."""
    live = runner(host, hand)

    async def run() -> Any:
        first = asyncio.create_task(live.ask("a", 0, "0", 0))
        await begun(hand)
        live.end()
        hand.let.release()
        return await asyncio.wait_for(first, 10)

    before = {thread for thread in threading.enumerate() if thread.name.startswith("fewstep-live")}
    assert asyncio.run(run()).jpeg == b"0", "the picture in flight was lost"
    for thread in {thread for thread in threading.enumerate() if thread.name.startswith("fewstep-live")} - before:
        thread.join(10)
        assert not thread.is_alive()
