"""The process that holds the WebSockets: `manage.py streams`.

One thread of asyncio has the connections, a few threads read the database. Whoever commits rings (operations.
subscriptions.doorbell); a bell that is not heard costs a second or two, for each stream looks by itself as well. A
client that reads slowly is waited for: no more than one message a stream is held here.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import ssl
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Any, Final, TypeVar
from uuid import UUID

import redis.asyncio
from django.conf import settings
from django.db import DatabaseError, close_old_connections
from redis.exceptions import RedisError
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from supplychain import heartbeat
from supplychain.operations.subscriptions.doorbell import CHANNEL
from supplychain.queries.candidates import Opened
from supplychain.services.connections import STREAM_THREADS
from supplychain.streams import feed
from supplychain.streams.feed import Refused, Stream

MOST: Final = 500
MOST_OF_A_PARTY: Final = 20
THREADS: Final = STREAM_THREADS
LOOKS_AFTER: Final = 2.0
"""Seconds without a bell after which a stream looks by itself."""
CHECKED_EVERY: Final = timedelta(seconds=30)
"""How often it is asked whether the token still holds."""
_POLICY, _AGAIN, _UNSUPPORTED = 1008, 1013, 1003

Result = TypeVar("Result")
logger = logging.getLogger(__name__)


class Bell:
    """Wakes whoever waits for the log to grow."""

    def __init__(self) -> None:
        self.strokes = 0
        self._waiting: set[asyncio.Future[None]] = set()

    def stroke(self) -> None:
        """Wake all."""
        self.strokes += 1
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    async def wait(self, heard: int, seconds: float) -> None:
        """Wait for a stroke after the one with the number `heard`, and not longer than so many seconds."""
        if self.strokes != heard:
            return
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await asyncio.wait_for(waiting, seconds)
        except TimeoutError:
            pass
        finally:
            self._waiting.discard(waiting)

    async def listen(self) -> None:
        """Hear what `doorbell.ring` says, for ever; a Valkey that is away is tried again."""
        while True:
            try:
                async with redis.asyncio.Redis.from_url(settings.REDIS_URL) as client, client.pubsub() as heard:
                    await heard.subscribe(CHANNEL)
                    async for message in heard.listen():
                        if message["type"] == "message":
                            self.stroke()
            except (RedisError, OSError) as away:
                logger.warning("the doorbell is not heard: %s", away)
                await asyncio.sleep(LOOKS_AFTER)


@dataclass
class Streams:
    """The streams of one process. `clock` is read here alone."""

    clock: Callable[[], datetime]
    bell: Bell = field(default_factory=Bell)
    open: Counter[UUID] = field(default_factory=Counter)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, "streams"))

    async def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Let a client in, or say why not."""
        if request.path == "/healthz":
            return connection.respond(HTTPStatus.OK, "ok\n")
        try:
            stream = await self._read(partial(feed.opened, request.path, request.headers, now=self.clock()))
            if self.open.total() >= MOST or self.open[stream.party] >= MOST_OF_A_PARTY:
                raise Refused(503, "There are too many streams; end one first.", {"Retry-After": "30"})
        except Refused as refused:
            return _response(connection, refused)
        except DatabaseError:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "The database does not answer.\n")
        connection.stream = stream  # type: ignore[attr-defined]
        return None

    def greet(self, connection: ServerConnection, request: Request, response: Response) -> Response:
        """Say where the stream begins, so that it can be resumed before its first event."""
        stream: Stream | None = getattr(connection, "stream", None)
        if stream is not None and response.status_code == 101:
            response.headers["Waylog-Last-Index"] = str(feed.last_index(stream.position))
        return response

    async def handle(self, connection: ServerConnection) -> None:
        """Send a client its events until it goes, or may have them no more."""
        stream: Stream = connection.stream  # type: ignore[attr-defined]
        self.open[stream.party] += 1
        sending = asyncio.create_task(self._send_until_refused(connection, stream))
        reading = asyncio.create_task(_read_nothing(connection))  # it ends when the client goes
        try:
            await asyncio.wait({sending, reading}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, reading):
                task.cancel()
            await asyncio.gather(sending, reading, return_exceptions=True)
            self.open[stream.party] -= 1

    async def _send_until_refused(self, connection: ServerConnection, stream: Stream) -> None:
        try:
            await self._send_all(connection, stream)
        except Refused as refused:
            await connection.close(_POLICY, str(refused))
        except DatabaseError:
            await connection.close(_AGAIN, "The database does not answer: come again with lastIndex.")
        except ConnectionClosed:
            return

    async def _send_all(self, connection: ServerConnection, stream: Stream) -> None:
        """At once what there is, then what comes; by a schedule at its times alone what came until then."""
        position, checked = stream.position, self.clock()
        due = None if stream.schedule is None else stream.schedule.next_after(checked)
        while True:
            heard, now = self.bell.strokes, self.clock()
            if now - checked >= CHECKED_EVERY:
                await self._read(partial(_check, stream, now))
                checked = now
            if due is not None and now < due:
                await asyncio.sleep(min((due - now).total_seconds(), LOOKS_AFTER))
                continue
            position = await self._send_what_came(connection, stream, position, now)
            if stream.schedule is not None:
                due = stream.schedule.next_after(now)
            else:
                await self.bell.wait(heard, LOOKS_AFTER)

    async def _send_what_came(
        self, connection: ServerConnection, stream: Stream, position: Opened, now: datetime
    ) -> Opened:
        is_told = not stream.report_if_empty or stream.schedule is None
        while True:
            message = await self._read(partial(feed.next_message, stream, position, now=now))
            if message.text:
                await connection.send(message.text)  # waits while the client has not read what was sent before
                is_told = True
            position = message.end
            if message.is_all:
                break
        if not is_told:
            await connection.send(await self._read(partial(feed.empty_message, stream, position, now=now)))
        return position

    async def _read(self, call: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self.pool, _with_connection, call)


def _with_connection(call: Callable[[], Result]) -> Result:
    close_old_connections()
    return call()


def _check(stream: Stream, now: datetime) -> None:
    if feed.allowed(stream.token, now=now) != stream.party:
        raise Refused(403, "The token is another party's by now.")


async def _read_nothing(connection: ServerConnection) -> None:
    """A client has nothing to say; whoever says something is told so, once."""
    with suppress(ConnectionClosed):
        await connection.recv()
        await connection.close(_UNSUPPORTED, "Nothing is read here.")


def _response(connection: ServerConnection, refused: Refused) -> Response:
    phrase = HTTPStatus(refused.status).phrase
    headers = Headers({"Content-Type": "text/plain; charset=utf-8", "Connection": "close", **refused.headers})
    body = f"{refused}\n".encode()
    headers["Content-Length"] = str(len(body))
    return Response(refused.status, phrase, headers, body)


async def listening(streams: Streams, *, host: str, port: int, tls: ssl.SSLContext | None = None) -> Server:
    """Take connections from now on."""
    return await serve(
        streams.handle,
        host,
        port,
        process_request=streams.admit,
        process_response=streams.greet,
        ssl=tls,
        compression=None,
        max_size=1024,
        max_queue=4,
        open_timeout=10,
        ping_interval=20,
        ping_timeout=20,
        close_timeout=5,
        server_header="Waylog",
        logger=logger,
    )


async def run(streams: Streams, *, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
    """Serve until a signal comes."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    tasks: list[asyncio.Task[Any]] = [asyncio.create_task(streams.bell.listen()), asyncio.create_task(_live())]
    server = await listening(streams, host=host, port=port, tls=tls)
    await stop.wait()
    server.close()
    await server.wait_closed()
    for task in tasks:
        task.cancel()


async def _live() -> None:
    while True:
        await asyncio.to_thread(heartbeat.give_sign, "streams")
        await asyncio.sleep(heartbeat.LIFE / 3)
