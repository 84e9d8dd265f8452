"""/api/v1/log/entries: the log's entries as every party sees them, and /log/checks: who checked it, and when."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ledger import cosigning, queries, tenancy
from ledger.audit import alarm
from ledger.tlog.text import encode_base64
from supplychain.api import params, schema, shown
from supplychain.api.base import EVENTS_READ, Endpoint, now
from supplychain.api.errors import not_found
from supplychain.api.schema import CURSOR, LIMIT, in_path

RUNS = 20


class Entries(Endpoint):
    """Entries, newest first."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": EVENTS_READ}
    parameters: ClassVar[dict[str, params.Reader]] = {"cursor": params.cursor, "limit": params.page_size}

    @extend_schema(
        operation_id="list_entries",
        summary="Entries of the log, newest first: what was signed, with which key; never what goods it is about",
        tags=["log"],
        parameters=[CURSOR, LIMIT],
        responses=schema.answers({200: "EntryPage"}),
    )
    def get(self, request: Request) -> Response:
        """Answer one page; `next` leads to the one after it."""
        limit = self.given.get("limit", 100)
        before, _ = self.given.get("cursor", (None, None))
        rows = queries.entries(before=before, limit=limit + 1)
        page = rows[:limit]
        last = params.format_cursor(page[-1].index) if len(rows) > limit else None
        return Response({"items": [_entry(row) for row in page], "next": params.next_page(request, last)})


class OneEntry(Endpoint):
    """One entry."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": EVENTS_READ}

    @extend_schema(
        operation_id="read_entry",
        summary="One entry of the log, with its leaf",
        tags=["log"],
        parameters=[in_path("index", "Its index in the log.", type="integer", minimum=0)],
        responses=schema.answers({200: "EntryWithLeaf"}, problems=(401, 403, 404)),
    )
    def get(self, request: Request, index: int) -> Response:
        """Answer it as it stands."""
        if index > params.MAX_INDEX:
            raise not_found()
        row = queries.entry(index)
        return Response({**_entry(row), "leaf": encode_base64(row.leaf)})


class Checks(Endpoint):
    """Who checked the log."""

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {"GET": EVENTS_READ}

    @extend_schema(
        operation_id="read_checks",
        summary="How the log stands: the last checks of all its bytes, and what each witness answered last",
        tags=["log"],
        responses=schema.answers({200: "Checks"}),
    )
    def get(self, request: Request) -> Response:
        """Answer both."""
        with tenancy.system():
            found, runs, witnesses = alarm.standing(now=now()), alarm.recent(RUNS), cosigning.standings()
        return Response(
            {
                "standing": found.sentence(),
                "alarm": found.alarm is not None,
                "is_late": found.is_late,
                "runs": [_run(each) for each in runs],
                "witnesses": [_witness(each) for each in witnesses],
            }
        )


def _entry(row: queries.EntryView) -> dict[str, Any]:
    said = row.statement
    return {
        "index": row.index,
        "type": said.type,
        "statement_id": said.id,
        "statement_hash": row.statement_hash.hex(),
        "record_time": shown.milliseconds(row.record_time_ms),
        "key_id": row.key_id,
        "links": len(said.links),
        "claims": dict(said.claims),
    }


def _run(run: alarm.Run) -> dict[str, Any]:
    return {
        "kind": run.kind,
        "started_at": shown.time(run.started_at),
        "finished_at": shown.time(run.finished_at),
        "from_index": run.from_index,
        "tree_size": run.tree_size,
        "holds": run.holds,
        "first_bad_index": run.first_bad_index,
        "faults": run.fault_count,
        "acknowledged_at": shown.time(run.acknowledged_at),
    }


def _witness(each: cosigning.Standing) -> dict[str, Any]:
    answered: datetime | None = each.answer.at if each.answer else None
    return {
        "name": each.name,
        "verifier_key": each.verifier_key,
        "is_asked": bool(each.url),
        "cosigned_size": each.cosigned_size,
        "cosigned_at": shown.time(each.cosigned_at),
        "answered_at": shown.time(answered),
        "refuses": each.refuses,
        "why": (each.answer.why if each.answer else "") or None,
    }
