"""The shapes of forecast runs, arrivals, plans and the jobs that make them: a part of `shapes`."""

from __future__ import annotations

from supplychain.api.shapeparts import (
    ANYTHING,
    COUNT,
    HASH,
    NUMBER,
    TEXT,
    TIME,
    UUID,
    YES_OR_NO,
    Shape,
    listed,
    maybe,
    record,
    ref,
)

RUN_MEMBERS: dict[str, Shape] = {
    "id": UUID,
    "cutoff": {**TIME, "description": "The last instant that the methods could see."},
    "finished_at": TIME,
    "origin": TEXT,
    "tree_size": COUNT,
    "root_hash": HASH,
    "statement_index": {**COUNT, "description": "The entry that signs the run."},
    "manifest_digest": HASH,
    "provenance": {"type": "string", "description": "What it was made from, as a sentence."},
    "settings": ANYTHING,
    "versions": ANYTHING,
    "seed": {"type": "integer"},
}
SERIES_MEMBERS: dict[str, Shape] = {
    "id": COUNT,
    "kind": TEXT,
    "product": TEXT,
    "site": TEXT,
    "unit": maybe(TEXT),
    "frequency": TEXT,
    "season_length": maybe(COUNT),
    "demand_class": maybe(TEXT),
    "method": maybe(TEXT),
    "reason": {**maybe(TEXT), "description": "Why there is no forecast."},
    "attested": YES_OR_NO,
}
FORECAST_RUN = record("A run, and what it was made from.", RUN_MEMBERS)
FORECAST_SERIES = record(
    "One series: what was, what is forecast, and how well the methods did.",
    {
        **SERIES_MEMBERS,
        "run": UUID,
        "history_start": {"type": ["string", "null"], "format": "date"},
        "history": listed(maybe(NUMBER)),
        "levels": listed(NUMBER),
        "steps": listed(ANYTHING),
        "components": ANYTHING,
        "scores": ANYTHING,
        "backtest": ANYTHING,
    },
)

ARRIVAL = record(
    "When a shipment under way is expected, from verified events alone.",
    {
        "shipment": UUID,
        "as_of": {**TIME, "description": "The moment that the answer speaks of: what had not arrived by then counts."},
        "stage": {**maybe(TEXT), "description": "The latest event that moved it: `dispatch 2`, `accept 1`."},
        "since": TIME,
        "promised_at": maybe(TIME),
        "risk": {**maybe(NUMBER), "description": "Probability that the promise is missed; null without one."},
        "quantiles": listed(
            record("A quantile of the arrival.", {"level": NUMBER, "at": TIME}),
            description="Eleven; none where `reason` says why.",
        ),
        "reason": maybe(TEXT),
        "method": maybe(TEXT),
        "drivers": ANYTHING,
        "last_index": COUNT,
        "origin": TEXT,
        "tree_size": {**COUNT, "description": "The checkpoint that its events were verified under."},
        "root_hash": HASH,
        "learnt_size": {**COUNT, "description": "The tree size that the model was learnt from."},
        "made_at": TIME,
    },
)
PLAN_LINE = record(
    "One product at one site: what to order and why.",
    {
        "id": COUNT,
        "product": TEXT,
        "site": TEXT,
        "unit": maybe(TEXT),
        "on_hand": NUMBER,
        "counted_at": maybe(TIME),
        "on_order": NUMBER,
        "expected": {**NUMBER, "description": "Demand until an order of the next review could arrive."},
        "reorder_point": NUMBER,
        "order_up_to": NUMBER,
        "quantity": {**NUMBER, "description": "What is proposed; 0 where nothing is needed."},
        "risk": {**NUMBER, "description": "Of running out before an order placed now could arrive."},
        "risk_if_ordered": NUMBER,
        "lead_days": NUMBER,
        "lead_trips": COUNT,
        "policy": ANYTHING,
        "reason": {**maybe(TEXT), "description": "Why nothing can be proposed."},
        "ordered": maybe(NUMBER),
        "order_index": maybe(COUNT),
    },
)
JOB = record(
    "Work that was asked for; a worker takes it next.",
    {
        "id": UUID,
        "kind": TEXT,
        "status": {"type": "string", "enum": ["queued", "running", "done", "failed", "cancelled"]},
        "is_open": YES_OR_NO,
        "shards": COUNT,
        "shards_done": COUNT,
        "error": maybe(TEXT),
        "created_at": TIME,
    },
)
CLOCK: Shape = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$", "description": "UTC, such as 05:30."}
SENT: dict[str, Shape] = {
    "NewCount": record("What was counted.", {"quantity": {**NUMBER, "minimum": 0}}, additionalProperties=False),
    "NewForecast": record(
        "A run now; with a day and a name, one frozen as of that day.",
        {
            "cutoff": {"type": "string", "format": "date"},
            "label": {"type": "string", "minLength": 1, "maxLength": 80},
        },
        optional=("cutoff", "label"),
        additionalProperties=False,
    ),
    "NewOrder": record(
        "How much is ordered; another quantity than was proposed needs a reason.",
        {"quantity": NUMBER, "reason": {"type": "string", "minLength": 1, "maxLength": 500}},
        optional=("reason",),
        additionalProperties=False,
    ),
    "NewPlan": record(
        "The day's fleet; what is left out is as on the page.",
        {
            "vehicles": {"type": "integer", "minimum": 1, "maximum": 50},
            "capacity": NUMBER,
            "start": CLOCK,
            "end": CLOCK,
        },
        optional=("vehicles", "capacity", "start", "end"),
        additionalProperties=False,
    ),
    "OrderingRule": record(
        "How a party orders, where no product and site are named: by default.",
        {
            "target": {**NUMBER, "description": "The share of cycles without a shortage, .5 to under 1."},
            "review_days": NUMBER,
            "handling_days": NUMBER,
            "pack": NUMBER,
            "minimum": NUMBER,
            "product": {"type": "string", "minLength": 1, "maxLength": 255},
            "site": {"type": "string", "minLength": 1, "maxLength": 255},
        },
        optional=("product", "site"),
        additionalProperties=False,
    ),
    "PlanSigned": record("The entry of the log that signs it.", {"index": COUNT}),
}
PLAN = record(
    "What one reading of the verified log proposed.",
    {
        "id": UUID,
        "made_at": TIME,
        "origin": TEXT,
        "tree_size": COUNT,
        "root_hash": HASH,
        "run": maybe(UUID),
        "lines": listed(PLAN_LINE),
        "routes": ANYTHING,
    },
)
SHAPES: dict[str, Shape] = {
    **SENT,
    "Arrival": ARRIVAL,
    "ForecastRun": FORECAST_RUN,
    "ForecastRuns": record("Runs, newest first.", {"items": listed(ref("ForecastRun"))}),
    "ForecastRunWithSeries": record(
        "A run with the series at the party's own sites.",
        {**RUN_MEMBERS, "series": listed(ref("ForecastSeriesSummary"))},
    ),
    "ForecastSeries": FORECAST_SERIES,
    "ForecastSeriesSummary": record("A series, without its numbers.", SERIES_MEMBERS),
    "Job": JOB,
    "Plan": PLAN,
}
