"""One row of a table to the events that it tells of, or to everything that is wrong with it.

A row is one delivery: a dispatch that opens the shipment, and, where the row says that it arrived, an acceptance that
the importer attests. What the file has no key for gets a private URI under the log's origin, made of the file's own
word: `https://logs.example/0123456789abcdef/import/scms/site/Zambia`. The same row gives the same bytes, always.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, uuid5

from supplychain.epcis import builders
from supplychain.epcis.events import Quantity
from supplychain.epcis.vocabulary import nearest
from supplychain.importing.errors import FileRefused, RowFault, RowRefused
from supplychain.importing.mapping import Mapping, Named
from supplychain.importing.readers import Cell, Row, Table
from supplychain.importing.values import CellWrong, date_of, quantity_of, text_of, uri_of

FUTURE = timedelta(hours=24)
MAX_KEY = 200
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Reading:
    """What one row gives: the shipment's unit, its dispatch, and its acceptance where it has arrived."""

    row: int
    key: str
    unit: str
    events: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class _Movement:
    """When goods left and arrived, when each became known, and which column the first date came from."""

    sent_at: datetime
    sent_known_at: datetime
    sent_by: str
    promised_at: datetime | None
    received_at: datetime | None
    received_known_at: datetime | None


class RowReader:
    """Reads the rows of one table by one mapping, for one importer. Raises FileRefused when columns are missing."""

    def __init__(self, table: Table, mapping: Mapping, *, origin: str, importer: str, now: datetime) -> None:
        self.mapping, self.importer, self.now = mapping, importer, now
        self.base = f"https://{origin}/import/{mapping.name}/"
        self.faults = list(table.faults)
        self.sites: dict[str, str] = {}
        self.products: dict[str, str] = {}
        self._places = self._find_columns(table)
        self._rows_by_key: dict[str, int] = {}
        self.unused = tuple(column for column in table.columns if column and column not in self._places)

    def _find_columns(self, table: Table) -> dict[str, int]:
        """Where each column stands that the mapping names; one that merely adds something may be missing."""
        wanted = (*self.mapping.required, *self.mapping.optional)
        doubled = {fault.column for fault in table.faults}
        places: dict[str, int] = {}
        missing: list[str] = []
        for column in wanted:
            if column in doubled:
                raise FileRefused(f"the column {column!r} stands more than once in the header; rename all but one")
            if column in table.columns:
                places[column] = table.columns.index(column)
                continue
            near = nearest(column, table.columns)
            sentence = f"the file has no column {column!r}" + (f"; did you mean {near!r}?" if near else "")
            if column in self.mapping.required:
                missing.append(sentence)
            else:
                self.faults.append(RowFault(0, column, sentence))
        if missing:
            raise FileRefused("; ".join(missing))
        return places

    def read(self, row: Row) -> Reading:
        """Read one row; raise RowRefused with all that is wrong with it."""
        if row.fault:
            raise RowRefused([RowFault(row.number, "", row.fault)])
        return _RowInHand(self, row).read()

    def claim(self, key: str, row: int) -> int:
        """Note that a key was seen in a row; return the row in which it stood first."""
        return self._rows_by_key.setdefault(key, row)

    def place(self, column: str) -> int | None:
        return self._places.get(column)


class _RowInHand:
    """One row while it is read: what is wrong is gathered, and raised at the end."""

    def __init__(self, reader: RowReader, row: Row) -> None:
        self.reader, self.mapping, self.row = reader, reader.mapping, row
        self.faults: list[RowFault] = []

    def read(self) -> Reading:
        mapping = self.mapping
        key = self._key()
        product = self._product()
        quantity = self._value(mapping.quantity, self._quantity)
        site = self._named(mapping.destination, "site", keep=self.reader.sites)
        consignee = self._consignee(site)
        origin = self._named(mapping.origin, "site", keep=self.reader.sites) if mapping.origin else None
        unit = self._named(mapping.unit, "unit") if mapping.unit else None
        documents = self._documents()
        movement = self._movement()
        details = {column.replace(":", " "): text for column in mapping.details if (text := self._text(column))}
        if self.faults or not (key and product and quantity and site and consignee and movement):
            raise RowRefused(self.faults)
        contents = [Quantity(product, quantity, mapping.uom)]
        unit = unit or uri_of(key, "name", self.reader.base, "unit")
        dispatch = self._dispatch(key, unit, contents, movement, origin, site, consignee, documents, details)
        events = [dispatch]
        if movement.received_at is not None:
            events.append(self._acceptance(key, unit, contents, movement, site, consignee))
        return Reading(self.row.number, key, unit, tuple(events))

    # cells

    def _cell(self, column: str) -> Cell:
        place = self.reader.place(column)
        return self.row.cells[place] if place is not None and place < len(self.row.cells) else ""

    def _wrong(self, column: str, reason: str) -> None:
        self.faults.append(RowFault(self.row.number, column, reason))

    def _value(self, column: str, read: Callable[[Cell], _T]) -> _T | None:
        """Read one cell; None, and a fault, where it does not hold what it should."""
        try:
            return read(self._cell(column))
        except CellWrong as wrong:
            self._wrong(column, str(wrong))
            return None

    def _text(self, column: str) -> str:
        return self._value(column, text_of) or ""

    def _needed(self, column: str) -> str:
        before = len(self.faults)
        text = self._text(column)
        if not text and len(self.faults) == before:
            self._wrong(column, "it is empty")
        return text

    def _key(self) -> str:
        parts = [self._needed(column) for column in self.mapping.key]
        key = "|".join(parts) if all(parts) else ""
        column = ", ".join(self.mapping.key)
        if len(key) > MAX_KEY:
            self._wrong(column, f"what names the row has {len(key)} characters; {MAX_KEY} are the most")
            return ""
        if key and (first := self.reader.claim(key, self.row.number)) != self.row.number:
            self._wrong(column, f"row {first} has the same: {key}")
        return key

    def _quantity(self, cell: Cell) -> int | float:
        return quantity_of(cell, decimal=self.mapping.decimal, whole=self.mapping.uom is None)

    def _product(self) -> str | None:
        """The class of what was moved: the lot where the file names one; pages call its product by the file's word."""
        named, lot = self.mapping.product, self._text(self.mapping.lot) if self.mapping.lot else ""
        product = self._named(named, "product", keep=self.reader.products)
        if not product or not lot:
            return product
        try:
            return uri_of(self._text(named.column), named.form, self.reader.base, "product", lot)
        except CellWrong as wrong:
            self._wrong(self.mapping.lot or "", str(wrong))
            return None

    def _named(self, named: Named, kind: str, *, keep: dict[str, str] | None = None) -> str | None:
        """The URI that a cell stands for; its word is kept, so that pages can show it."""
        text = self._needed(named.column)
        if not text:
            return None
        try:
            uri = uri_of(text, named.form, self.reader.base, kind)
            if keep is not None and uri not in keep:
                keep[uri] = text
        except CellWrong as wrong:
            self._wrong(named.column, str(wrong))
            return None
        return uri

    def _consignee(self, site: str | None) -> str | None:
        """To whom the goods go; without a column of its own, a party that is called like the destination."""
        if self.mapping.consignee:
            return self._named(self.mapping.consignee, "party")
        return site and self._named(replace(self.mapping.destination, form="name"), "party")

    def _documents(self) -> list[tuple[str, str]]:
        found = []
        for kind, column in self.mapping.documents.items():
            if self._text(column) and (uri := self._named(Named(column), kind)):
                found.append((kind, uri))
        return found

    # times

    def _date(self, column: str | None) -> datetime | None:
        if column is None:
            return None
        return self._value(column, lambda cell: date_of(cell, self.mapping.dates))

    def _movement(self) -> _Movement | None:
        mapping, before = self.mapping, len(self.faults)
        received = self._date(mapping.delivery_time)
        recorded = self._date(mapping.delivery_recorded)
        promised = self._date(mapping.promised)
        if received is not None and received > self.reader.now + FUTURE:
            self._wrong(mapping.delivery_time or "", f"{received:%Y-%m-%d} lies in the future")
        # what was recorded before it happened was known when it happened
        known = None if received is None else self._known(received, recorded)
        sent = self._sent(received)
        if sent is None or len(self.faults) > before:
            return None
        sent_at, column = sent
        late = known if column == mapping.delivery_time else None
        sent_known = late or self._known(sent_at, self._date(mapping.dispatch_recorded))
        return _Movement(sent_at, sent_known, column, promised, received, known)

    def _known(self, happened_at: datetime, recorded: datetime | None) -> datetime:
        return max(happened_at, recorded or happened_at)

    def _sent(self, received: datetime | None) -> tuple[datetime, str] | None:
        """The first date of the mapping's columns that is not later than the delivery (or than now)."""
        latest = received or self.reader.now + FUTURE
        before = len(self.faults)
        seen: list[datetime] = []
        for column in self.mapping.dispatch_time:
            found = self._date(column)
            if found is not None and found <= latest:
                return found, column
            if found is not None:
                seen.append(found)
        if len(self.faults) == before:
            reason = "no date says when the goods left"
            if seen:
                reason = f"{min(seen):%Y-%m-%d} " + ("is later than the delivery" if received else "lies in the future")
            self._wrong(", ".join(self.mapping.dispatch_time), reason)
        return None

    # events

    def _event_id(self, key: str, act: str) -> str:
        """The same for the same row of the same kind of file, by the same party, whenever it is imported."""
        return uuid5(NAMESPACE_URL, f"{self.reader.importer}\n{self.reader.base}\n{key}\n{act}").urn

    def _dispatch(
        self,
        key: str,
        unit: str,
        contents: list[Quantity],
        movement: _Movement,
        origin: str | None,
        site: str,
        consignee: str,
        documents: list[tuple[str, str]],
        details: dict[str, str],
    ) -> dict[str, Any]:
        event = builders.dispatch_event(
            units=[unit],
            giver=self.reader.importer,
            taker=consignee,
            final_party=consignee,
            final_location=site,
            promised_time=movement.promised_at,
            event_time=movement.sent_at,
            event_id=self._event_id(key, "dispatch"),
            read_point=origin,
            biz_transactions=documents,
            known_at=movement.sent_known_at,
            contents=contents,
        )
        own: dict[str, Any] = {"import:dispatchTimeFrom": movement.sent_by}
        if details:
            own["import:row"] = details
        return {"@context": {"import": self.reader.base}, **event, **own}

    def _acceptance(
        self, key: str, unit: str, contents: list[Quantity], movement: _Movement, site: str, consignee: str
    ) -> dict[str, Any]:
        assert movement.received_at is not None
        return builders.accept_event(
            units=[unit],
            giver=self.reader.importer,
            taker=consignee,
            counted=contents,
            event_time=movement.received_at,
            event_id=self._event_id(key, "acceptance"),
            read_point=site,
            biz_location=site,
            known_at=movement.received_known_at,
        )
