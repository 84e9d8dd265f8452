"""Somebody's log, read over HTTP as C2SP tlog-tiles serves it: checkpoint, tiles, entries. Nothing is believed here."""

import time
from dataclasses import dataclass

from ledger.fetching import Response, Unreachable, check_url, request
from ledger.tlog.errors import Malformed
from ledger.tlog.note import MAX_NOTE_BYTES
from ledger.tlog.tile import MAX_ENTRY_BYTES, WIDTH, Tile, entries_path, parse_bundle, parse_tile, tile_path

ATTEMPTS = 4
SECONDS = 30.0
MAX_BUNDLE_BYTES = WIDTH * (MAX_ENTRY_BYTES + 2)


class EntriesClosed(Exception):
    """The log shows its entries to parties, mirrors and auditors only, and did not take us for one."""


@dataclass(frozen=True, slots=True)
class LogAt:
    """The address in front of `/checkpoint` and `/tile/...`, and a token where entries are not public."""

    url: str
    token: str = ""
    pause: float = 0.5

    @classmethod
    def of(cls, url: str, *, token: str = "") -> "LogAt":
        """Take a server's address for that of its log, `/log`; raise Malformed for what is no address."""
        address = check_url(url)
        return cls(address if address.count("/") > 2 else address + "/log", token)

    def checkpoint(self, *, cosigned: bool = False) -> str:
        """The log's newest checkpoint (that its witnesses have cosigned); raise Unreachable or Malformed."""
        address = "checkpoint/cosigned" if cosigned else "checkpoint"
        try:
            return self._get(address, MAX_NOTE_BYTES).decode()
        except UnicodeDecodeError:
            raise Malformed("the checkpoint is not UTF-8") from None

    def tile(self, wanted: Tile) -> bytes:
        """A tile of hashes; raise Unreachable, or Malformed for one that is not of its width."""
        if wanted.level is None:
            raise Malformed("a bundle of entries is no tile of hashes")
        data = self._get(tile_path(wanted.level, wanted.index, wanted.width), WIDTH * 32)
        parse_tile(data, wanted.width)
        return data

    def entries(self, index: int, width: int) -> list[bytes]:
        """The entries of a bundle; raise Unreachable, EntriesClosed, or Malformed for one that is not of its width."""
        return parse_bundle(self._get(entries_path(index, width), MAX_BUNDLE_BYTES), width)

    def _get(self, path: str, max_bytes: int) -> bytes:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            try:
                url = f"{self.url}/{path}"
                answer = request("GET", url, headers=headers, seconds=SECONDS, max_bytes=max_bytes)
            except Unreachable:
                if last:
                    raise
            else:
                if answer.status == 200:
                    return answer.body
                _refuse(answer, url, last=last)
            time.sleep(self.pause * 2**attempt)
        raise AssertionError("the last attempt returns or raises")


def _refuse(answer: Response, url: str, *, last: bool) -> None:
    if answer.status in (401, 403):
        raise EntriesClosed(f"{url} is not open to us: it needs a token (WAYLOG_TOKEN), or --hashes-only")
    if last or (answer.status < 500 and answer.status != 429):
        raise Unreachable(f"{url} answered {answer.status}")
