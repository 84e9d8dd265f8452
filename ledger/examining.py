"""What an audit can say of a range of entries from their own bytes: hashes, columns, signatures, bodies.

Ranges are examined apart, by several processes where asked; what hangs together with other entries is `ledger.audit`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple

import psycopg
from django.db import connection

from ledger import sent
from ledger.examined import Examined, Run, Said
from ledger.models import Body, Entry, Key, Tile
from ledger.plain import Look, Plain
from ledger.tlog import envelope, keys, merkle, tile
from ledger.tlog.envelope import Leaf
from ledger.tlog.errors import TlogError
from ledger.tlog.statement import Statement, commitment, parse_statement
from ledger.tlog.text import decode_base64url

_Signed = tuple[int, bytes, bytes, bytes]
"""An index, the public key that its statement names, what is signed, the signature."""


class Examiner:
    """What every range is held against."""

    def __init__(self, origin: str, public_keys: Mapping[str, bytes], trusted_size: int = 0) -> None:
        self.origin, self.public_keys = origin, public_keys
        self.trusted_size = trusted_size
        """Signatures below are taken as checked before."""
        self._look = Look(origin, public_keys)

    def examine(self, first: int, end: int, pool: Executor | None = None) -> Examined:
        """Read and examine the entries in [first, end); signatures in `pool`, where one is given."""
        rows = {row[0]: row for row in _read(_ENTRIES, first, end)}
        bodies = {row[0]: row for row in _read(_BODIES, first, end)}
        found = Examined(first, end)
        plain, opened, signed = self._read(rows, bodies, found)
        held = self._signatures(signed, pool)
        for index in range(first, end):
            if index in plain and index in held:
                found.leaf_hashes.append(rows[index][2])
                _say(index, rows[index], plain[index], found)
            elif index in rows:
                item = opened[index] if index in opened else self._open(index, rows[index][1], found)
                self._one(rows[index], item, bodies.get(index), index in held, found)
            else:
                found.faults.append((index, "the entry is missing", "entries"))
                found.leaf_hashes.append(merkle.leaf_hash(b""))
                found.said.append(Said(index, ""))
        for index in bodies.keys() - rows.keys():
            found.faults.append((index, "a body stands beside an entry that has none", "bodies"))
        full = range(0, len(found.leaf_hashes) - tile.WIDTH + 1, tile.WIDTH)
        found.tile_roots = [merkle.root_of(found.leaf_hashes[at : at + tile.WIDTH]) for at in full]
        return found

    def _read(
        self, rows: Mapping[int, Any], bodies: Mapping[int, Any], found: Examined
    ) -> tuple[dict[int, Plain], dict[int, _Opened | None], list[_Signed]]:
        """The entries that are as nearly all are, those that were read with care, and the signatures of both."""
        plain: dict[int, Plain] = {}
        opened: dict[int, _Opened | None] = {}
        signed: list[_Signed] = []
        look, body_of = self._look.at, bodies.get
        for index, row in rows.items():
            each = look(row, body_of(index))
            if each is not None:
                plain[index] = each
                signed.append((index, each[0], each[1], each[2]))
                continue
            item = opened[index] = self._open(index, row[1], found)
            if item is not None and item.statement.key in self.public_keys:
                key = self.public_keys[item.statement.key]
                signed.append((index, key, item.signed, item.leaf.signature))
        return plain, opened, signed

    def _open(self, index: int, leaf: bytes, found: Examined) -> _Opened | None:
        try:
            read = envelope.parse_leaf(leaf)
            return _Opened(read, parse_statement(read.payload), envelope.signed_bytes(read.payload))
        except TlogError as error:
            found.faults.append((index, f"the leaf cannot be read: {error}", "entries"))
            return None

    def _signatures(self, signed: Sequence[_Signed], pool: Executor | None) -> set[int]:
        """The entries whose signature holds by the key that their statement names."""
        if pool is None:
            return set(self._holding(signed))
        half = (len(signed) + 1) // 2
        return {index for part in pool.map(self._holding, (signed[:half], signed[half:])) for index in part}

    def _holding(self, signed: Sequence[_Signed]) -> list[int]:
        held = []
        for index, public_key, message, signature in signed:
            if index >= self.trusted_size:
                try:
                    keys.verify_signature(public_key, message, signature)
                except TlogError:
                    continue
            held.append(index)
        return held

    def _one(self, row: Any, item: _Opened | None, body: Any, signature_holds: bool, found: Examined) -> None:
        index, leaf, stored_hash, _, _, _, key_id, _ = row
        leaf_hash = merkle.leaf_hash(leaf)
        found.leaf_hashes.append(leaf_hash)
        if leaf_hash != stored_hash:
            found.faults.append((index, "the stored leaf hash is not the hash of the leaf", "entries"))
        if item is None:
            found.said.append(Said(index, key_id))
            return
        said, statement_hash = item.statement, envelope.hash_of_signed(item.signed)
        self._columns(row, item, statement_hash, found)
        if not signature_holds:
            found.faults.append((index, "the signature does not hold by the key that the statement names", "entries"))
        tenant, chains = _examine_body(body, said, found) if body is not None else (None, ())
        is_acted_on = said.type in _ACTED_ON
        found.said.append(
            Said(
                index,
                key_id,
                said.key,
                said.type,
                item.leaf.record_time_ms,
                said.body,
                statement_hash if said.links or is_acted_on else b"",
                said.links,
                tenant,
                chains,
                said if is_acted_on else None,
                body is None and said.body is not None,
            )
        )

    def _columns(self, row: Any, item: _Opened, statement_hash: bytes, found: Examined) -> None:
        """What the row holds beside the leaf, and what the leaf says of itself."""
        index, said, leaf = row[0], item.statement, item.leaf
        derived = (statement_hash, said.body, said.type, said.key, sent.time(leaf.record_time_ms))
        if row[3:] != derived:
            for name, stored, computed in zip(_DERIVED, row[3:], derived, strict=True):
                if stored != computed:
                    found.faults.append((index, f"the stored {name} is not the leaf's", "entries"))
        if leaf.key_id != said.key:
            found.faults.append((index, "the leaf names another key than its statement", "entries"))
        if said.log != self.origin:
            found.faults.append((index, "the statement is for another log", "entries"))


_DERIVED = ("statement hash", "commitment", "type", "key", "record time")
_ACTED_ON = frozenset({"key.register", "key.revoke", "key.attest", "approval.request", "body.erased"})


class _Opened(NamedTuple):
    """An entry, read with care."""

    leaf: Leaf
    statement: Statement
    signed: bytes


def _say(index: int, row: Any, each: Plain, found: Examined) -> None:
    """What a plain event says: by itself where it has links, else together with those like it before it."""
    _, _, _, key, milliseconds, links, tenant, chains = each
    said = found.said
    if links:
        statement_hash, committed = row[3], row[4]
        said.append(
            Said(index, key, key, "event", milliseconds, committed, statement_hash, links, tenant, chains, None, False)
        )
        return
    last = said[-1] if said else None
    if type(last) is Run and last.key == key and last.tenant == tenant and last.times[-1] <= milliseconds:
        last.times.append(milliseconds)
    else:
        said.append(Run(index, key, tenant, [milliseconds]))


def _examine_body(body: Any, said: Statement, found: Examined) -> tuple[bytes, tuple[bytes, ...]]:
    """Hold a body against its statement; return whom it is filed under, and its chains."""
    index, filed, salt, data, tenant, listed, scopes = body
    if said.body is None or filed != said.body:
        found.faults.append((index, "the body beside it is filed under another commitment", "bodies"))
    if len(salt) != 32 or commitment(salt, data) != said.body:
        found.faults.append((index, "the statement does not commit to the stored body and salt", "bodies"))
    if listed is None and scopes is None:
        return tenant, ()
    elements = sent.elements(listed) if listed is not None else []
    chains = tuple([each for each in elements if each is not None and len(each) == 16])
    if len(chains) < len(elements) or scopes != sent.scopes(chains):
        found.faults.append((index, "the body's chains and scopes do not belong together", "bodies"))
        chains = tuple([each for each in elements if each is not None])
    return tenant, chains


# --- reading


_ENTRIES = (
    b"SELECT index, leaf, leaf_hash, statement_hash, commitment, type, key_id, timestamptz_send(record_time)"
    b" FROM ledger_entry WHERE index >= %s AND index < %s ORDER BY index"
)
_BODIES = (
    b"SELECT index, commitment, salt, body, uuid_send(tenant),"
    b" CASE WHEN chains <> '{}' THEN array_send(chains) END,"
    b" CASE WHEN scopes <> '{}' THEN array_send(scopes) END"
    b" FROM ledger_body WHERE index >= %s AND index < %s"
)
"""Arrays only where there are any, and as they are: most bodies belong to no chain, and reading an array costs much."""


def _read(sql: bytes, first: int, end: int) -> list[Any]:
    """Rows as the server sends them, in binary: bytes are not written as text and read again."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(sql, [first, end], binary=True).fetchall()


def leaves_and_bodies(first: int, end: int) -> tuple[list[tuple[int, bytes]], dict[int, tuple[bytes, bytes]]]:
    """The leaves of the entries in [first, end), in order, and by index the salts and bodies beside them."""
    bodies = _read(b"SELECT index, salt, body FROM ledger_body WHERE index >= %s AND index < %s", first, end)
    return _read(_LEAVES, first, end), {index: (salt, body) for index, salt, body in bodies}


_LEAVES = b"SELECT index, leaf FROM ledger_entry WHERE index >= %s AND index < %s ORDER BY index"


def stored_hashes(size: int) -> tuple[bytearray, list[bytes]]:
    """The leaf hashes of the first `size` entries as the tiles hold them, and the root that each full tile gives."""
    raw, roots = bytearray(), []
    rows = Tile.objects.filter(level=0, index__gte=0, index__lt=size // tile.WIDTH).order_by("index")
    for hashes in rows.values_list("hashes", flat=True).iterator(chunk_size=500):
        data = bytes(hashes)
        raw += data
        roots.append(merkle.root_of([data[at : at + 32] for at in range(0, len(data) - 31, 32)]))
    rest = Entry.objects.filter(index__gte=len(roots) * tile.WIDTH, index__lt=size).order_by("index")
    for leaf_hash in rest.values_list("leaf_hash", flat=True):
        raw += bytes(leaf_hash)
    return raw, roots


def kept_commitments(commitments: Iterable[bytes]) -> list[bytes]:
    """Those of the commitments whose body is kept, beside the entry that has the commitment."""
    found = dict(Entry.objects.filter(commitment__in=list(commitments)).values_list("index", "commitment"))
    kept = Body.objects.filter(index__in=list(found)).values_list("index", "commitment")
    return [bytes(filed) for index, filed in kept if bytes(filed) == bytes(found[index] or b"")]


def repeated(size: int) -> list[tuple[int, str]]:
    """The entries below `size` whose commitment stands at an earlier one already, or without one their statement.

    The columns are held against the leaves when they are examined; no index of the table is asked.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ARE_REPEATED, [size])
        if cursor.fetchone() is None:
            return []
        cursor.execute(_REPEATED, [size])
        return [(index, "commitment" if commits else "statement") for index, commits in cursor.fetchall()]


_ARE_REPEATED = (
    "SELECT 1 FROM ledger_entry WHERE index < %s"
    " GROUP BY coalesce(commitment, statement_hash) HAVING count(*) > 1 LIMIT 1"
)
_REPEATED = (
    "SELECT index, commitment IS NOT NULL FROM (SELECT index, commitment,"
    " row_number() OVER (PARTITION BY coalesce(commitment, statement_hash) ORDER BY index) AS nth"
    " FROM ledger_entry WHERE index < %s) AS counted WHERE nth > 1"
)


def public_keys() -> dict[str, bytes]:
    """Every public key that the tables or the entries show, by the id that follows from it: so none can be false.

    Whether and where a key was registered is for the audit to say.
    """
    found = [bytes(raw) for raw in Key.objects.values_list("public_key", flat=True)]
    for leaf in Entry.objects.filter(type="key.register").order_by("index").values_list("leaf", flat=True):
        try:
            said = parse_statement(envelope.parse_leaf(bytes(leaf)).payload)
            found.append(decode_base64url(str(said.claims.get("public_key")), "the public key"))
        except TlogError:
            continue  # the entry's own fault
    return {keys.key_id(raw): raw for raw in found if len(raw) == 32}
