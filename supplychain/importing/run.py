"""An import from file to log: rows read, signed as attested history, captured in batches.

There is nothing to remember between two runs: an event's id follows from its row, so what stands in the log already is
passed over as repeated. An import that was stopped goes on where it stopped when it is started again, even against a
database that was restored in between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from nacl.signing import SigningKey

from ledger import queries as log
from ledger import tenancy
from ledger.admission import Refusal, Repeated
from supplychain import operations
from supplychain.epcis import builders
from supplychain.epcis.errors import EventInvalid
from supplychain.epcis.parsing import parse_body
from supplychain.importing.errors import RowFault, RowRefused
from supplychain.importing.mapping import Mapping
from supplychain.importing.readers import Row, TableFile
from supplychain.importing.rows import Reading, RowReader
from supplychain.models import Event, Party
from supplychain.operations.setup import NewProduct, NewSite, add_products, add_sites

BATCH = 500
"""Rows that are captured together: at most 1,000 events."""
MAX_REFUSALS = 20_000
"""How many refusals a report lists; all are counted."""


@dataclass(slots=True)
class Report:
    """What became of a file."""

    file: str
    sha256: str
    mapping: str
    party: str
    dry_run: bool
    finished: bool = False
    rows_read: int = 0
    rows_imported: int = 0
    rows_repeated: int = 0
    rows_refused: int = 0
    events_captured: int = 0
    unused_columns: list[str] = field(default_factory=list)
    notes: list[RowFault] = field(default_factory=list)
    """What is wrong with the file, short of a reason to refuse it."""
    refusals: list[RowFault] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return asdict(self)

    def refuse(self, faults: Sequence[RowFault]) -> None:
        """Count one refused row, and list why."""
        self.rows_refused += 1
        self.refusals += faults[: max(0, MAX_REFUSALS - len(self.refusals))]


def report_on(path: Path, mapping: Mapping, party: Party, *, dry_run: bool) -> Report:
    """An empty report, to be filled by `import_file`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return Report(path.name, digest.hexdigest(), mapping.name, party.name, dry_run)


def import_file(
    path: Path,
    mapping: Mapping,
    *,
    party: Party,
    now: datetime,
    report: Report,
    progress: Callable[[int, int], None] = lambda done, expected: None,
) -> None:
    """Import `path` for `party`, signed by its managed key; fill `report` as it goes.

    With `report.dry_run` all is checked and nothing written. `progress` is told how many rows are done, and about how
    many there are. Raises FileRefused and KeyNotHeld before anything is captured.
    """
    with tenancy.system():
        signing_key = None if report.dry_run else operations.held_key(party.id)
        origin = log.origin()
        with TableFile(path, mapping.file) as table:
            reader = RowReader(table, mapping, origin=origin, importer=party.uri, now=now)
            report.notes, report.unused_columns = list(reader.faults), list(reader.unused)
            for rows in _batches(table.rows):
                readings = _read(reader, rows, report)
                batch = _Batch(party, origin, now, report)
                batch.settle(readings, signing_key)
                if signing_key is not None:
                    _name_places(reader, party)
                progress(report.rows_read, table.expected)
    report.finished = True


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _read(reader: RowReader, rows: Iterable[Row], report: Report) -> list[Reading]:
    readings = []
    for row in rows:
        report.rows_read += 1
        try:
            readings.append(reader.read(row))
        except RowRefused as refused:
            report.refuse(refused.faults)
    return readings


def _name_places(reader: RowReader, party: Party) -> None:
    """Let pages call places and products by the file's words."""
    uom, unit_name = reader.mapping.uom or "", reader.mapping.unit_name
    add_sites(party, [NewSite(uri, name[:160]) for uri, name in reader.sites.items()])
    add_products(party, [NewProduct(uri, name[:160], uom, unit_name[:20]) for uri, name in reader.products.items()])


@dataclass(slots=True)
class _Waiting:
    """A row with the events of it that are not in the log yet."""

    reading: Reading
    missing: list[dict[str, Any]]
    items: list[operations.CaptureItem] = field(default_factory=list)


class _Batch:
    """Some rows on their way into the log."""

    def __init__(self, party: Party, origin: str, now: datetime, report: Report) -> None:
        self.party, self.now, self.report = party, now, report
        self.signer = operations.EventSigner(origin)

    def settle(self, readings: Sequence[Reading], signing_key: SigningKey | None) -> None:
        """Capture what of these rows is not in the log yet; without a key only check it."""
        waiting = self._waiting(readings)
        if signing_key is None:
            self._check(waiting)
        else:
            self._sign(waiting, signing_key)
            self._capture([each for each in waiting if each.items])

    def _waiting(self, readings: Sequence[Reading]) -> list[_Waiting]:
        """The rows of which something is missing in the log; the others are counted as repeated, or refused."""
        digests = _digests_in_log(self.party.id, [str(e["eventID"]) for each in readings for e in each.events])
        waiting = []
        for reading in readings:
            known = [(event, digests.get(str(event["eventID"]))) for event in reading.events]
            changed = any(digest and digest != _digest(event) for event, digest in known)
            missing = [event for event, digest in known if digest is None]
            if changed:
                reason = (
                    "the row was imported before with other values; a change of history is a correction of its event"
                )
                self.report.refuse([RowFault(reading.row, "", reason)])
            elif missing:
                waiting.append(_Waiting(reading, missing))
            else:
                self.report.rows_repeated += 1
        return waiting

    def _check(self, waiting: Sequence[_Waiting]) -> None:
        for each in waiting:
            try:
                for event in each.missing:
                    parse_body(builders.body_bytes(event))
            except EventInvalid as invalid:
                self._refuse_invalid(each.reading, invalid)
            else:
                self.report.rows_imported += 1
                self.report.events_captured += len(each.missing)

    def _sign(self, waiting: Sequence[_Waiting], signing_key: SigningKey) -> None:
        begun = [each for each in waiting if len(each.missing) < len(each.reading.events)]
        events = [parse_body(builders.body_bytes(event)) for each in begun for event in each.missing]
        if events:
            self.signer.load(events, party=self.party.id)
        for each in waiting:
            try:
                each.items = [self.signer.sign(event, signing_key=signing_key).item for event in each.missing]
            except EventInvalid as invalid:
                self._refuse_invalid(each.reading, invalid)

    def _refuse_invalid(self, reading: Reading, invalid: EventInvalid) -> None:
        self.report.refuse([RowFault(reading.row, "", fault.message) for fault in invalid.faults])

    def _capture(self, waiting: Sequence[_Waiting]) -> None:
        items = [item for each in waiting for item in each.items]
        outcomes = iter(operations.capture(items, party=self.party.id, now=self.now))
        for each in waiting:
            mine = list(islice(outcomes, len(each.items)))
            refused = next((outcome for outcome in mine if isinstance(outcome, Refusal)), None)
            self.report.events_captured += sum(not isinstance(outcome, Refusal | Repeated) for outcome in mine)
            if refused is not None:
                half = "" if refused is mine[0] else "its dispatch is in the log, its delivery is not: "
                self.report.refuse([RowFault(each.reading.row, "", f"{half}{refused.error}")])
            elif all(isinstance(outcome, Repeated) for outcome in mine):
                self.report.rows_repeated += 1
            else:
                self.report.rows_imported += 1


def _digests_in_log(party: UUID, event_ids: Sequence[str]) -> dict[str, bytes]:
    found = Event.objects.filter(tenant=party, event_id__in=event_ids, is_error_declaration=False)
    return {event_id: bytes(digest) for event_id, digest in found.values_list("event_id", "body_digest")}


def _digest(event: dict[str, Any]) -> bytes:
    return hashlib.sha256(builders.body_bytes(event)).digest()
