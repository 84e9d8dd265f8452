"""Bodies are counted while they are read and while they are unpacked, and nothing is held beyond the cap."""

from __future__ import annotations

import gzip
import io
import os

import pytest

from supplychain.api.errors import Problem
from supplychain.api.parsers import read

CAP = 300_000


class Stream(io.BytesIO):
    """A stream that remembers how much was read of it."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self.taken += len(found)
        return found


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, CAP])
@pytest.mark.parametrize("coding", ["", "identity", "gzip", " GZIP "])
def test_a_body_is_read_as_it_was_sent(size: int, coding: str) -> None:
    body = os.urandom(size // 2) + bytes(size - size // 2)
    sent = gzip.compress(body) if "gzip" in coding.lower() else body
    assert read(io.BytesIO(sent), coding, max_bytes=CAP) == body


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_one_byte_too_many_is_a_413(coding: str) -> None:
    body = bytes(CAP + 1)
    with pytest.raises(Problem) as raised:
        read(io.BytesIO(gzip.compress(body) if coding else body), coding, max_bytes=CAP)
    assert raised.value.status == 413


def test_reading_stops_at_the_cap() -> None:
    stream = Stream(bytes(50 * CAP))
    with pytest.raises(Problem):
        read(stream, "", max_bytes=CAP)
    assert stream.taken < CAP + 100_000


def test_a_bomb_is_not_unpacked_further_than_the_cap() -> None:
    stream = Stream(gzip.compress(bytes(1000 * CAP), 1))
    with pytest.raises(Problem) as raised:
        read(stream, "gzip", max_bytes=CAP)
    assert raised.value.status == 413
    assert stream.taken <= 65_536


def test_empty_blocks_without_end_are_a_413() -> None:
    stream = Stream(gzip.compress(b"")[:10] + b"\x00\x00\x00\xff\xff" * CAP)
    with pytest.raises(Problem) as raised:
        read(stream, "gzip", max_bytes=CAP)
    assert raised.value.status == 413


@pytest.mark.parametrize(
    "sent",
    [b"", b"x", gzip.compress(b"abc")[:-3], gzip.compress(b"abc") + b"x", gzip.compress(b"a") * 2, b"\x1f\x8b"],
    ids=["empty", "no magic", "cut", "followed", "two members", "magic alone"],
)
def test_what_is_not_one_gzip_member_is_a_400(sent: bytes) -> None:
    with pytest.raises(Problem) as raised:
        read(io.BytesIO(sent), "gzip", max_bytes=CAP)
    assert raised.value.status == 400


@pytest.mark.parametrize("coding", ["br", "deflate", "zstd", "gzip, gzip"])
def test_another_coding_is_a_415(coding: str) -> None:
    with pytest.raises(Problem) as raised:
        read(io.BytesIO(b""), coding, max_bytes=CAP)
    assert raised.value.status == 415
