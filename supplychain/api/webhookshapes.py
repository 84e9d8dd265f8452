"""The shapes of webhooks and deliveries: a part of `shapes`."""

from __future__ import annotations

from supplychain.api.shapeparts import COUNT, TEXT, TIME, UUID, YES_OR_NO, Shape, listed, maybe, page, record, ref

_SCHEDULE: Shape = {"type": ["object", "null"], "additionalProperties": TEXT}
_STATE: Shape = {"type": "string", "enum": ["paused", "failing", "waiting", "behind", "current"]}
_DELIVERY = record(
    "One request to a receiver, and what it said.",
    {
        "id": {**UUID, "description": "What the receiver was told as Waylog-Delivery."},
        "at": TIME,
        "kind": {"type": "string", "enum": ["events", "empty", "test"]},
        "first_index": maybe(COUNT),
        "last_index": maybe(COUNT),
        "events": COUNT,
        "bytes": COUNT,
        "attempt": COUNT,
        "verdict": {"type": "string", "enum": ["delivered", "too_large", "gone", "refused", "failed"]},
        "status": {**COUNT, "description": "The answer's; 0 where there was none."},
        "said": {"type": "string", "description": "The beginning of the answer, or why there was none."},
        "latency_ms": COUNT,
        "next_try": maybe(TIME),
    },
)

SHAPES: dict[str, Shape] = {
    "Delivery": _DELIVERY,
    "DeliveryPage": page("What was sent, the newest first.", "Delivery"),
    "Webhook": record(
        "A subscription and how it stands.",
        {
            "id": UUID,
            "query": TEXT,
            "dest": TEXT,
            "stream": YES_OR_NO,
            "schedule": _SCHEDULE,
            "state": _STATE,
            "paused_at": maybe(TIME),
            "paused_because": maybe(TEXT),
            "stuck_at": {**maybe(COUNT), "description": "The index of the one event that is too large to be taken."},
            "next_index": {**COUNT, "description": "The first index of the log that is not dealt with."},
            "behind": {**COUNT, "description": "How many entries of the log are not dealt with."},
            "failures": COUNT,
            "failing_since": maybe(TIME),
            "next_try": maybe(TIME),
            "created_at": TIME,
            "last_delivery": {"anyOf": [ref("Delivery"), {"type": "null"}]},
        },
    ),
    "WebhookAct": record(
        "What to do.",
        {
            "act": {"type": "string", "enum": ["pause", "resume", "test", "step_over", "replay"]},
            "index": {**COUNT, "description": "Of replay: from here on."},
            "time": {**TIME, "description": "Of replay, instead: from this record time on."},
        },
        optional=("index", "time"),
        additionalProperties=False,
    ),
    "Webhooks": record("The party's subscriptions.", {"items": listed(ref("Webhook"))}),
}
