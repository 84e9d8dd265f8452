"""Streams over WebSocket: a real server, real connections, and a database that other connections write to."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from supplychain.operations import namedqueries
from supplychain.streams import feed, server
from supplychain.streams.server import Streams, listening
from tests.cast import World, make_world, sscc
from tests.conftest import ROOT
from tests.supplychain.api.conftest import make_client, make_token

pytestmark = pytest.mark.django_db(transaction=True)
SHIPPED = "/epcis/queries/shipped/events"
ALL = "/epcis/queries/all/events"


@pytest.fixture
def world(transactional_db, settings, tmp_path):
    settings.WAYLOG_SECRETS = tmp_path / "secrets"
    made = make_world()
    for hand in (made.packer, made.carrier):
        namedqueries.keep_query("all", {}, party=hand.id, now=made.now)
        namedqueries.keep_query("shipped", {"EQ_bizStep": ["shipping"]}, party=hand.id, now=made.now)
    return made


@pytest.fixture
def token(world):
    def make(hand, scopes="epcis:query"):
        client, _ = make_client(hand, scopes)
        return make_token(client, scopes)

    return make


def now():
    return datetime.now(UTC)


@asynccontextmanager
async def serving(clock=now, **more):
    streams = Streams(clock, **more)
    async with await listening(streams, host="127.0.0.1", port=0) as served:
        port = served.sockets[0].getsockname()[1]

        def opened(path, token=None, **headers):
            named = {"Authorization": f"Bearer {token}"} if token else {}
            named |= {name.replace("_", "-"): value for name, value in headers.items()}
            return connect(f"ws://127.0.0.1:{port}{path}", additional_headers=named, compression=None, proxy=None)

        yield streams, opened
    await asyncio.gather(*(streams._read(connections.close_all) for _ in range(server.THREADS)))
    streams.pool.shutdown()


def run(tell: Callable, **more):
    async def told():
        async with serving(**more) as (streams, opened):
            await asyncio.wait_for(tell(streams, opened), 20)

    with ThreadPoolExecutor(1) as apart:  # browsers of other tests leave a loop running in the main thread
        apart.submit(asyncio.run, told()).result()


async def act(call, *args, **more):
    """Do something in the database, from a thread with a connection of its own."""

    def done():
        try:
            return call(*args, **more)
        finally:
            connections.close_all()

    return await asyncio.to_thread(done)


async def received(connection):
    document = json.loads(await asyncio.wait_for(connection.recv(), 10))
    events = document["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return [event["eventID"] for event in events], document


async def refused(opening):
    with pytest.raises(InvalidStatus) as told:
        async with opening:
            pass
    answer = told.value.response
    return answer.status_code, answer.body.decode()


def test_events_come_as_they_are_captured_and_a_stream_is_resumed(world: World, token):
    packer = token(world.packer)

    async def tell(streams, opened):
        async with opened(ALL, packer) as first:
            assert int(first.response.headers["Waylog-Last-Index"]) >= 0
            index = (await act(world.packer.pack, sscc(1))).index
            streams.bell.stroke()
            ids, document = await received(first)
            assert ids == [(await act(world.event, index)).event_id]
            assert document["waylog:lastIndex"] == index
            assert document["type"] == "EPCISQueryDocument"
        missed = [(await act(world.packer.pack, sscc(number))).index for number in (2, 3)]
        async with opened(f"{ALL}?lastIndex={index}", packer) as second:
            ids, document = await received(second)
            assert ids == [(await act(world.event, each)).event_id for each in missed]
            assert document["waylog:lastIndex"] == missed[-1]

    run(tell)


def test_what_is_opened_late_comes_then_and_a_stream_is_resumed_within_it(world: World, token, monkeypatch):
    monkeypatch.setattr(feed, "BATCH", 2)
    carrier, stranger = token(world.carrier), token(world.stranger)

    async def tell(streams, opened):
        await act(namedqueries.keep_query, "all", {}, party=world.stranger.id, now=world.now)
        packed = await act(world.packer.pack, sscc(1))
        seen = await act(world.packer.observe, sscc(1))
        before = (await act(world.carrier.pack, sscc(9))).index
        async with opened(ALL, carrier) as first:
            assert int(first.response.headers["Waylog-Last-Index"]) == before
            dispatched = await act(world.packer.dispatch, sscc(1), world.carrier)
            wanted = [(await act(world.event, each.index)).event_id for each in (packed, seen, dispatched)]
            streams.bell.stroke()
            ids, document = await received(first)
            assert (ids, document["waylog:lastIndex"]) == (wanted[:2], f"{dispatched.index}.{seen.index}")
        async with opened(f"{ALL}?lastIndex={document['waylog:lastIndex']}", carrier) as second:
            ids, document = await received(second)
            assert (ids, document["waylog:lastIndex"]) == (wanted[2:], dispatched.index)
        async with opened(f"{ALL}?lastIndex={before}", stranger) as third:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(third.recv(), 0.5)

    run(tell)


def test_a_schedule_sends_at_its_times_what_came_until_then(world: World, token, monkeypatch):
    monkeypatch.setattr(server, "LOOKS_AFTER", 0.05)
    packer, ahead = token(world.packer), [timedelta(0)]
    at_noon = "hour=12&reportIfEmpty=true"

    def clock():
        return now() + ahead[0]

    def pass_noon():
        tomorrow = clock() + timedelta(days=1)
        ahead[0] += tomorrow.replace(hour=12, minute=0, second=1) - clock()

    async def tell(streams, opened):
        monkeypatch.setattr(feed, "allowed", lambda text, *, now: world.packer.id)  # tokens do not last for days
        async with opened(f"{ALL}?{at_noon}", packer) as stream:
            packed = await act(world.packer.pack, sscc(1))
            streams.bell.stroke()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(stream.recv(), 0.3)
            pass_noon()
            ids, document = await received(stream)
            assert ids == [(await act(world.event, packed.index)).event_id]
            pass_noon()
            ids, document = await received(stream)
            assert (ids, document["waylog:lastIndex"]) == ([], packed.index)
        async with opened(f"{ALL}?{at_noon}&initialRecordTime=2020-01-01T00:00:00Z", packer) as from_ever:
            pass_noon()
            ids, _ = await received(from_ever)
            assert ids == [(await act(world.event, packed.index)).event_id]

    run(tell, clock=clock)


def test_a_bell_that_is_not_heard_only_costs_time(world: World, token, monkeypatch):
    monkeypatch.setattr(server, "LOOKS_AFTER", 0.05)
    packer = token(world.packer)

    async def tell(streams, opened):
        async with opened(ALL, packer) as stream:
            await act(world.packer.pack, sscc(1))
            assert len((await received(stream))[0]) == 1

    run(tell)


def test_the_bell_of_the_log_is_heard(world: World, token, services):
    """From a commit through Valkey to the client."""
    packer = token(world.packer)

    async def tell(streams, opened):
        heard = asyncio.create_task(streams.bell.listen())
        await asyncio.sleep(0.3)
        async with opened(ALL, packer) as stream:
            before = streams.bell.strokes
            await act(world.packer.pack, sscc(1))
            assert len((await received(stream))[0]) == 1
            assert streams.bell.strokes > before
        heard.cancel()

    run(tell)


def test_a_stream_holds_what_its_query_finds_and_its_party_may_read(world: World, token):
    packer, carrier = token(world.packer), token(world.carrier)
    before = world.packer.pack(sscc(1)).index - 1
    world.packer.pack(sscc(2))
    shipped = world.packer.dispatch(sscc(1), world.carrier).index
    shipped_id = world.event(shipped).event_id
    private = world.event(world.packer.pack(sscc(3)).index).event_id

    async def tell(streams, opened):
        async with opened(f"{SHIPPED}?lastIndex={before}", packer) as stream:
            assert (await received(stream))[0] == [shipped_id]
        async with opened(f"{ALL}?lastIndex={before}", carrier) as stream:
            ids, _ = await received(stream)
            assert shipped_id in ids and private not in ids

    run(tell)


def test_who_may_not_have_a_stream_gets_none(world: World, token):
    packer, stranger, capturing = token(world.packer), token(world.stranger), token(world.packer, "epcis:capture")

    async def tell(streams, opened):
        assert (await refused(opened(ALL)))[0] == 401
        assert (await refused(opened(ALL, "nonsense")))[0] == 401
        assert (await refused(opened(ALL, capturing)))[0] == 403
        assert (await refused(opened(ALL, stranger)))[0] == 404
        assert (await refused(opened("/epcis/queries/none/events", packer)))[0] == 404
        assert (await refused(opened("/epcis/events", packer)))[0] == 404
        status, said = await refused(opened(f"{ALL}?access_token={packer}"))
        assert (status, packer in said) == (400, False)
        for asked in (
            "lastIndex=-1",
            "lastIndex=x",
            "lastIndex=1.",
            "lastIndex=1.2.3",
            "lastIndex=999999",
            "lastIndex=",
            "stream=false",
            "stream=true&hour=1",
            "hour=25",
            "reportIfEmpty=1",
            "initialRecordTime=soon",
            "lastIndex=1&initialRecordTime=2026-03-02T06:00:00Z",
        ):
            assert (await refused(opened(f"{ALL}?{asked}", packer)))[0] == 400, asked
        assert (await refused(opened(ALL, packer, GS1_EPC_Format="Morse")))[0] == 400
        assert streams.open.total() == 0

    run(tell)


def test_a_token_that_ends_ends_the_stream(world: World, token, monkeypatch):
    monkeypatch.setattr(server, "LOOKS_AFTER", 0.02)
    packer = token(world.packer)
    late = [timedelta()]

    async def tell(streams, opened):
        async with opened(ALL, packer) as stream:
            late[0] = timedelta(hours=2)
            with pytest.raises(ConnectionClosed) as closed:
                await stream.recv()
            assert closed.value.rcvd.code == 1008

    run(tell, clock=lambda: now() + late[0])


def test_who_says_something_is_told_that_nothing_is_read(world: World, token):
    packer = token(world.packer)

    async def tell(streams, opened):
        async with opened(ALL, packer) as stream:
            await stream.send("hello")
            with pytest.raises(ConnectionClosed) as closed:
                await stream.recv()
            assert closed.value.rcvd.code == 1003

    run(tell)


def test_a_client_that_goes_is_forgotten_though_nothing_happens(world: World, token):
    packer = token(world.packer)

    async def tell(streams, opened):
        for leave in (lambda stream: stream.close(), lambda stream: asyncio.sleep(0, stream.transport.abort())):
            stream = await opened(ALL, packer)
            assert streams.open.total() == 1
            await leave(stream)
            for _ in range(200):
                if not streams.open.total():
                    break
                await asyncio.sleep(0.02)
            assert streams.open.total() == 0

    run(tell)


def test_the_example_of_the_docs_follows_a_stream(world: World, token):
    packer = token(world.packer)
    last = world.packer.pack(sscc(1)).index
    ids = [world.event(world.packer.pack(sscc(number)).index).event_id for number in (2, 3)]

    async def tell(streams, opened):
        address = opened(ALL).uri
        command = (str(ROOT / "docs" / "examples" / "stream.py"), address, str(last))
        env = {**os.environ, "TOKEN": packer}
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE, env=env
        )
        try:
            told = [(await asyncio.wait_for(process.stdout.readline(), 15)).decode().split()[0] for _ in ids]
            assert told == ids
        finally:
            process.kill()
            await process.wait()

    run(tell)


def test_a_party_has_so_many_streams(world: World, token, monkeypatch):
    monkeypatch.setattr(server, "MOST_OF_A_PARTY", 2)
    packer, carrier = token(world.packer), token(world.carrier)

    async def tell(streams, opened):
        async with opened(ALL, packer), opened(ALL, packer):
            assert (await refused(opened(ALL, packer)))[0] == 503
            async with opened(ALL, carrier):
                assert streams.open.total() == 3

    run(tell)


def test_a_client_that_does_not_read_is_waited_for(world: World, token, monkeypatch):
    """What is held for it is one message and what the sockets take, however much there is."""
    monkeypatch.setattr(feed, "BATCH", 1)
    packer = token(world.packer)
    before = world.packer.pack(sscc(1)).index
    made = []

    def endless(stream, position, *, now):
        made.append(position)
        return feed.Message("x" * 1_000_000, position + 1, False)

    monkeypatch.setattr(feed, "next_message", endless)

    async def tell(streams, opened):
        async with opened(f"{ALL}?lastIndex={before}", packer) as stream:
            await asyncio.sleep(0.5)
            count = len(made)
            await asyncio.sleep(0.5)
            assert len(made) == count < 40
            stream.transport.abort()

    run(tell)
