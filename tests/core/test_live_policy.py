"""Whose picture is drawn next: rules, and properties of any sequence of wishes."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_fewstep.core.live import Live, begin, due, finish, offer, withdraw

PAGES = ("a", "b", "c")


def offered(live: Live, page: str, number: int, content: str, now: float = 0.0, outcome: str = "waits") -> Live:
    live, found = offer(live, page, number, content, now)
    assert found == outcome
    return live


def drawn(live: Live, now: float, seconds: float | None = 0.1) -> tuple[Live, str | None]:
    """Begins and ends the next picture -> what was drawn."""
    live, wish = begin(live, now)
    return finish(live, seconds), wish.content if wish is not None else None


def test_the_newest_wish_replaces_the_one_that_waits() -> None:
    live = offered(Live(), "a", 1, "x")
    live, wish = begin(live, 0.0)
    assert wish is not None and wish.content == "x"
    for number, content in ((2, "y"), (3, "z")):
        live = offered(live, "a", number, content, 1.0)
    assert begin(live, 1.0)[1] is None, "two in flight"
    live, content = drawn(finish(live, 0.1), 2.0)
    assert content == "z" and due(live) is None


def test_what_overtook_on_the_way_is_not_drawn() -> None:
    live = offered(Live(), "a", 5, "new")
    live = offered(live, "a", 4, "old", outcome="superseded")
    live = offered(live, "a", 5, "new", outcome="superseded")
    assert drawn(live, 0.0)[1] == "new"


def test_what_is_shown_is_not_drawn_again() -> None:
    live, _ = drawn(offered(Live(), "a", 1, "x"), 0.0)
    live = offered(live, "a", 2, "y", 1.0)
    live = offered(live, "a", 3, "x", 1.0, outcome="unchanged")
    assert due(live) is None, "y was taken back before it was drawn"
    assert due(offered(live, "b", 1, "x", 1.0)) == 1.0, "another page does not show it"


def test_what_is_in_flight_is_not_drawn_again() -> None:
    live, _ = begin(offered(Live(), "a", 1, "x"), 0.0)
    assert due(finish(offered(live, "a", 2, "x", outcome="unchanged"), 0.1)) is None


def test_what_failed_may_be_asked_for_again() -> None:
    live, _ = drawn(offered(Live(), "a", 1, "x"), 0.0, seconds=None)
    assert due(offered(live, "a", 2, "x", 1.0)) == 1.0


@pytest.mark.parametrize(("seconds", "expected"), [
    ([], 10.0), ([1.5] * 10, 10.0), ([1.51] * 10, 10.25), ([9.0], 10.25), ([9.0] * 5 + [1.0] * 10, 10.0),
], ids=["nothing known", "fast", "slow", "one slow", "slow long ago"])
def test_a_page_must_be_quiet_only_where_pictures_take_long(seconds: list[float], expected: float) -> None:
    live = Live()
    for number, each in enumerate(seconds):
        live, _ = drawn(offered(live, "a", number, str(number)), 9.0, each)
    live = offered(live, "a", 100, "x", 10.0)
    assert due(live) == expected
    assert begin(live, expected - 0.01)[1] is None
    assert begin(live, expected)[1] is not None


def test_typing_on_holds_a_picture_back_for_three_seconds_at_most() -> None:
    live, _ = drawn(offered(Live(), "a", 0, "0"), 0.0, 9.0)
    for tick in range(1, 40):
        now = 10 + tick / 10
        live = offered(live, "a", tick, str(tick), now)
        assert due(live) == pytest.approx(min(now + 0.25, 13.1))


def test_pages_take_turns() -> None:
    live, order = Live(), ""
    for turn in range(6):
        for page in "ab":
            live = offered(live, page, turn, f"{page}{turn}", float(turn) + (page == "b") / 2)
        live, wish = begin(live, turn + 0.9)
        order += wish.page if wish is not None else "-"
        live = finish(live, 0.1)
    assert order == "ababab"


def test_a_page_that_has_gone_is_not_drawn_for() -> None:
    live = offered(offered(Live(), "a", 1, "x"), "b", 1, "y")
    assert drawn(withdraw(live, "a", 1), 0.0)[1] == "y"
    assert due(withdraw(withdraw(live, "a", 1), "b", 1)) is None
    assert withdraw(live, "a", 0) == live, "a newer wish of its page stays"


def test_a_thousand_pages_are_not_remembered() -> None:
    live = Live()
    for number in range(1000):
        live, _ = drawn(offered(live, f"page {number}", 1, "x"), 0.0)
    assert len(live.pages) == 64
    offered(live, "page 999", 1, "x", outcome="superseded")


# ------------------------------------------------------------------------------------------------------------------ any sequence


@dataclass
class Run:
    """Pages that ask and one that draws, by a script of events (page, content or None for "the picture is there", pause)."""

    live: Live = field(default_factory=Live)
    now: float = 0.0
    numbers: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    wanted: dict[str, str] = field(default_factory=dict)
    shown: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    seconds: float = 0.1

    def ask(self, page: str, content: str) -> None:
        self.numbers[page] += 1
        self.wanted[page] = content
        self.live, _ = offer(self.live, page, self.numbers[page], content, self.now)
        self.check()

    def advance(self) -> None:
        """What is in flight ends, else what is due begins."""
        if (wish := self.live.drawing) is not None:
            self.shown[wish.page].append((wish.number, wish.content))
            self.live = finish(self.live, self.seconds)
        else:
            self.live, _ = begin(self.live, self.now)
        self.check()

    def settle(self) -> None:
        for _ in range(1000):
            if self.live.drawing is None and not self.live.waiting:
                return
            self.now += 0.3
            self.advance()
        raise AssertionError("it never comes to rest")

    def check(self) -> None:
        assert len({wish.page for wish in self.live.waiting}) == len(self.live.waiting), "two of a page wait"
        if self.live.drawing is not None:
            assert due(self.live) is None and begin(self.live, self.now + 100)[1] is None, "two in flight"


EVENTS = st.lists(st.tuples(st.sampled_from(PAGES), st.sampled_from(["x", "y", "z", None]), st.floats(0, 4)), max_size=60)


@given(EVENTS, st.sampled_from([0.1, 1.5, 2.0, 20.0]))
def test_the_last_input_is_always_drawn_and_never_older_after_newer(
    events: Sequence[tuple[str, str | None, float]], seconds: float
) -> None:
    run = Run(seconds=seconds)
    for page, content, pause in events:
        run.now += pause
        if content is None:
            run.advance()
        else:
            run.ask(page, content)
    run.settle()
    assert {page: pictures[-1][1] for page, pictures in run.shown.items()} == run.wanted
    for pictures in run.shown.values():
        numbers, contents = [number for number, _ in pictures], [content for _, content in pictures]
        assert numbers == sorted(set(numbers)), "older after newer"
        assert all(one != next_ for one, next_ in pairwise(contents)), "equal input was drawn again"


@given(st.permutations(range(30)), st.integers(0, 29))
def test_wishes_in_any_order_end_with_the_last(order: list[int], drawn_at: int) -> None:
    live, contents = Live(), []
    for place, number in enumerate(order):
        live, _ = offer(live, "a", number, str(number), 0.0)
        if place == drawn_at:
            live, content = drawn(live, 0.0)
            contents.append(content)
    live, content = drawn(live, 0.0)
    assert (content or contents[-1]) == "29"


@given(EVENTS)
def test_no_page_waits_longer_than_one_picture_of_each_other_page(events: Sequence[tuple[str, str | None, float]]) -> None:
    run = Run()
    for page, content, pause in events:
        run.now += pause
        if content is not None:
            run.ask(page, content)
    turns = []
    for step in range(20):  # everybody wants something new all the time
        for page in PAGES:
            run.ask(page, f"new {step}")
        run.now += 1
        run.advance()
        if run.live.drawing is not None:
            turns.append(run.live.drawing.page)
        run.advance()
    assert all(len(set(turns[i : i + len(PAGES)])) == len(PAGES) for i in range(2 * len(PAGES), len(turns) - len(PAGES)))
