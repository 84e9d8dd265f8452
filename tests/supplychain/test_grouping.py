"""Captures of many threads at once: appended together, each with its own outcome."""

import importlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import pytest
from django.db import connection, transaction

from ledger import queries, tenancy
from ledger.admission import Appended, Outcome, Repeated, Submission
from ledger.operations import append_many
from supplychain import operations
from supplychain.epcis import builders
from supplychain.models import Event
from supplychain.operations import CaptureItem, grouping
from supplychain.operations.grouping import Grouping
from tests.cast import START, Hand, World, make_world, sscc

THREADS = 16
capturing = importlib.import_module("supplychain.operations.capture")  # the package offers a function of that name


@pytest.fixture
def world(transactional_db: None, settings: Any, tmp_path: Any) -> World:
    settings.WAYLOG_SECRETS = tmp_path / "secrets"
    settings.WAYLOG_CHECKPOINT_FILE = tmp_path / "checkpoint"
    return make_world()


@pytest.fixture
def hold(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
    """Hold the first append until so many requests wait behind it; the answer says how many items went into each."""

    def until(waiting: int) -> list[int]:
        sizes: list[int] = []

        def counted(submissions: Sequence[Submission], **more: Any) -> list[Outcome]:
            sizes.append(len(submissions))
            if len(sizes) == 1:
                wait_for(lambda: len(capturing._grouping._queue) == waiting)
            return append_many(submissions, **more)

        monkeypatch.setattr(capturing, "append_many", counted)
        monkeypatch.setattr(capturing._grouping, "_is_busy", False)
        return sizes

    return until


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if condition():
            return
        threading.Event().wait(0.001)
    raise AssertionError("it did not come to this")


def seen(hand: Hand, number: int) -> CaptureItem:
    """A signed observation that moves nothing."""
    return hand.sign(builders.observe_event(units=[sscc(number)], event_time=hand.world.now)).item


def at_once(world: World, requests: Sequence[tuple[list[CaptureItem], UUID | None]]) -> list[Any]:
    """Capture each request in a thread of its own; return what each gets or what it raises."""
    start = threading.Barrier(len(requests))

    def one(request: tuple[list[CaptureItem], UUID | None]) -> Any:
        items, party = request
        try:
            start.wait()
            return operations.capture(items, party=party, now=world.now)
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(one, requests))


def test_singles_of_many_threads_are_all_appended_once_and_together(
    world: World, hold: Callable[[int], list[int]]
) -> None:
    size, hands = queries.tree_size(), [world.grower, world.carrier]
    requests = [([seen(hands[n % 2], n + 1)], hands[n % 2].id) for n in range(THREADS)]
    groups = hold(THREADS - 1)
    outcomes = [found for [found] in at_once(world, requests)]
    assert all(isinstance(each, Appended) for each in outcomes)
    assert sorted(each.index for each in outcomes) == list(range(size, size + THREADS))
    assert groups == [1, THREADS - 1]
    with tenancy.system():
        tenants = dict(Event.objects.values_list("index", "tenant"))
    assert [tenants[each.index] for each in outcomes] == [party for _, party in requests]


def test_only_where_the_group_before_had_company_does_a_leader_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(grouping.time, "sleep", waited.append)
    alone = grouping.Grouping(lambda submissions, now, finish: [cast(Any, each) for each in submissions])
    one = cast(Any, "a submission")
    assert alone.append([one], START) == [one] and waited == []
    alone._is_busy = True
    assert alone.append([one], START) == [one] and waited == [grouping.LINGER]
    assert alone.append([one], START) == [one] and waited == [grouping.LINGER]


def test_a_refusal_reaches_the_one_who_asked_and_harms_nobody(world: World, hold: Callable[[int], list[int]]) -> None:
    bad = seen(world.grower, 900)
    twisted = CaptureItem(bad.envelope, bad.body + b" ", bad.salt)
    unread = CaptureItem(bad.envelope, b"{", bad.salt)
    good = [([seen(world.grower, n + 1)], world.grower.id) for n in range(THREADS - 3)]
    foreign = ([seen(world.grower, 901)], world.carrier.id)
    hold(THREADS - 2)
    *taken, [first], [second], [third] = at_once(world, [*good, foreign, ([twisted], None), ([unread], None)])
    assert all(isinstance(each, Appended) for [each] in taken)
    assert [each.error.code for each in (first, second, third)] == ["key", "invalid", "body"]


def test_the_items_of_a_request_stay_in_order_and_repeat_nothing(
    world: World, hold: Callable[[int], list[int]]
) -> None:
    twice = seen(world.carrier, 500)
    requests = [([seen(world.grower, 10 * n + k) for k in range(1, 4)], world.grower.id) for n in range(6)]
    hold(7)
    *found, first, second = at_once(world, [*requests, ([twice], None), ([twice], None)])
    for outcomes in found:
        start = outcomes[0].index
        assert [each.index for each in outcomes] == [start, start + 1, start + 2]
    assert {type(each) for [each] in (first, second)} == {Appended, Repeated}
    assert first[0].index == second[0].index


def test_what_the_log_cannot_write_is_told_to_all_and_the_next_request_works(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(submissions: Sequence[Submission], **more: Any) -> list[Outcome]:
        raise RuntimeError("the log is away")

    size = queries.tree_size()
    requests = [([seen(world.grower, n + 1)], world.grower.id) for n in range(THREADS)]
    with monkeypatch.context() as patch:
        patch.setattr(capturing, "append_many", broken)
        assert {str(each) for each in at_once(world, requests)} == {"the log is away"}
    assert queries.tree_size() == size
    [[outcome]] = at_once(world, requests[:1])
    assert isinstance(outcome, Appended)
    assert outcome.index == size


def test_whoever_leads_reads_again_only_what_is_its_own(world: World) -> None:
    tenancy.set_party(str(world.carrier.id))
    [outcome] = operations.capture([seen(world.grower, 1)], party=world.grower.id, now=world.now)
    assert isinstance(outcome, Appended)
    assert tenancy.current() == str(world.carrier.id)
    assert not Event.objects.exists()


def test_many_items_atomic_ones_and_those_of_a_transaction_go_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grouped(*_: Any) -> Any:
        raise AssertionError("this was to go alone")

    monkeypatch.setattr(capturing._grouping, "append", grouped)
    many = [seen(world.grower, n + 1) for n in range(capturing.MOST_GROUPED + 1)]
    assert len(operations.capture(many, party=None, now=world.now)) == len(many)
    alone = [seen(world.grower, 98)], [seen(world.grower, 99)]
    [atomic] = operations.capture(alone[0], party=None, now=world.now, atomic=True)
    with transaction.atomic():
        [inside] = operations.capture(alone[1], party=None, now=world.now)
    assert isinstance(atomic, Appended)
    assert isinstance(inside, Appended)


# --- the queue alone -------------------------------------------------------------------------------------------------


@pytest.fixture
def busy() -> Iterator[tuple[Grouping, Callable[[Sequence[Any]], Any], threading.Event, list[list[Any]]]]:
    """A queue whose first append waits for the event; whoever hands in "poison" spoils the append."""
    gate, taken = threading.Event(), []

    def append(submissions: Sequence[Any], now: datetime, finish: list[Any]) -> list[Any]:
        taken.append(list(submissions))
        gate.wait(10)
        if "poison" in submissions:
            raise ValueError("poison")
        return [f"{each}!" for each in submissions]

    group = Grouping(append)
    with ThreadPoolExecutor(8) as pool:
        yield group, lambda items: pool.submit(group.append, items, datetime.min), gate, taken
        gate.set()


def test_what_waits_goes_together_and_each_gets_its_own(busy: Any) -> None:
    group, hand_in, gate, taken = busy
    first = hand_in(["a"])
    wait_for(lambda: taken == [["a"]])
    others = [hand_in([name, name * 2]) for name in "bcd"]
    wait_for(lambda: len(group._queue) == 3)
    gate.set()
    assert first.result(10) == ["a!"]
    assert [each.result(10) for each in others] == [[f"{n}!", f"{n * 2}!"] for n in "bcd"]
    assert len(taken) == 2


def test_a_poisoned_request_fails_alone(busy: Any) -> None:
    group, hand_in, gate, taken = busy
    first = hand_in(["a"])
    wait_for(lambda: taken == [["a"]])
    good, bad, other = hand_in(["b"]), hand_in(["poison"]), hand_in(["c"])
    wait_for(lambda: len(group._queue) == 3)
    gate.set()
    assert [each.result(10) for each in (first, good, other)] == [["a!"], ["b!"], ["c!"]]
    with pytest.raises(ValueError, match="poison"):
        bad.result(10)


def test_a_group_has_a_largest_size_and_the_rest_follows(busy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "MOST", 3)
    group, hand_in, gate, taken = busy
    first = hand_in(["a"])
    wait_for(lambda: taken == [["a"]])
    others = [hand_in(["x", "y"]) for _ in range(4)]
    wait_for(lambda: len(group._queue) == 4)
    gate.set()
    assert [each.result(10) for each in (first, *others)] == [["a!"], *[["x!", "y!"]] * 4]
    assert [len(each) for each in taken] == [1, 2, 2, 2, 2]


def test_the_next_group_goes_while_the_last_one_is_finished_and_nobody_is_answered_before() -> None:
    finishing, go_on, taken = threading.Event(), threading.Event(), list[list[str]]()

    def append(submissions: Sequence[Any], now: datetime, finish: list[Any]) -> list[Any]:
        taken.append(list(submissions))
        if submissions == ["a"]:
            finish.append(lambda: (finishing.set(), go_on.wait(10)))
        return [f"{each}!" for each in submissions]

    group = Grouping(append)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(group.append, ["a"], datetime.min)
        assert finishing.wait(10)
        assert pool.submit(group.append, ["b"], datetime.min).result(10) == ["b!"]
        assert not first.done()
        go_on.set()
        assert first.result(10) == ["a!"]


def test_what_fails_after_the_commit_reaches_each_of_the_group(busy: Any) -> None:
    group, hand_in, gate, taken = busy
    plain = group._append

    def append(submissions: Sequence[Any], now: datetime, finish: list[Any]) -> list[Any]:
        outcomes: list[Any] = plain(submissions, now, finish)
        if "x" in submissions:
            finish.append(lambda: (_ for _ in ()).throw(OSError("the disk is full")))
        return outcomes

    group._append = append
    first = hand_in(["a"])
    wait_for(lambda: taken == [["a"]])
    good, bad = hand_in(["b"]), hand_in(["x"])
    wait_for(lambda: len(group._queue) == 2)
    gate.set()
    assert [each.result(10) for each in (first, good)] == [["a!"], ["b!"]]
    with pytest.raises(OSError, match="full"):
        bad.result(10)
    assert taken == [["a"], ["b", "x"], *([["b"], ["x"]] if taken[2] == ["b"] else [["x"], ["b"]])]
