"""On whose behalf the database is read: the second wall behind every queryset's own scoping.

Row-level security policies compare a row's tenant, and the readers of its scopes, with the setting `waylog.party` of
the connection. Without a setting nothing is visible.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

from django.db import connection, transaction
from django.db.models import BooleanField, Model, Q, QuerySet
from django.db.models.expressions import RawSQL
from psycopg.pq import TransactionStatus

from ledger import bulk

Row = TypeVar("Row", bound=Model)

EVERYONE = "*"
"""What an edge sets that acts for the system itself: capture, forecasts, audits, commands."""


@contextmanager
def acting_for(party: UUID | None) -> Iterator[None]:
    """Show only the rows that `party` may read (None: no rows of any party)."""
    with _setting("" if party is None else str(party)):
        yield


@contextmanager
def system() -> Iterator[None]:
    """Show all rows; for work that nobody's eyes follow, such as an append, a forecast or an audit."""
    with _setting(EVERYONE):
        yield


@contextmanager
def system_transaction() -> Iterator[None]:
    """A transaction that shows all rows. Where it is the outermost, its own end brings the old setting back."""
    if connection.in_atomic_block:
        with system(), transaction.atomic():
            yield
    else:
        with transaction.atomic():
            bulk.answers(("SELECT set_config('waylog.party', %s, true)", [EVERYONE]))
            yield


@contextmanager
def _setting(value: str) -> Iterator[None]:
    before = current()
    set_party(value)
    try:
        yield
    finally:
        if not _is_aborted():  # else the rollback that must follow brings the old setting back
            set_party(before)


def _is_aborted() -> bool:
    raw = connection.connection
    return raw is not None and raw.info.transaction_status == TransactionStatus.INERROR


def current() -> str:
    """The setting of this thread's connection."""
    known = _remembered()
    if known is None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT coalesce(current_setting('waylog.party', true), '')")
            row = cursor.fetchone()
        known = str(row[0]) if row else ""
        _remember(known)
    return known


def set_party(value: str) -> None:
    """Set it until it is set again; requests do so at their start."""
    if _remembered() == value:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('waylog.party', %s, false)", [value])
    _remember(value)


_settings: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
"""What is set, by connection to the database (a new one begins without), as far as no transaction can take it back."""


def _remembered() -> str | None:
    """What is set, where that is known without asking: within a transaction it never is."""
    raw = connection.connection
    return None if raw is None or raw.info.transaction_status != TransactionStatus.IDLE else _settings.get(raw)


def _remember(value: str) -> None:
    raw = connection.connection
    if raw.info.transaction_status == TransactionStatus.IDLE:
        _settings[raw] = value
    else:
        _settings.pop(raw, None)


def readable_by(rows: QuerySet[Row], party: UUID) -> QuerySet[Row]:
    """Keep the rows that `party` may read: the first wall, by the same rule as the policies of the second."""
    table = connection.ops.quote_name(rows.model._meta.db_table)
    shared = RawSQL(
        f"EXISTS (SELECT 1 FROM ledger_scopereader r WHERE r.party = %s AND r.scope = ANY({table}.scopes))",
        [party],
        output_field=BooleanField(),
    )
    return rows.filter(Q(tenant=party) | Q(shared))
