"""The shapes of what is entered beside forecasts, and of how they did: a part of `shapes`."""

from __future__ import annotations

from supplychain.api.shapeparts import COUNT, NUMBER, TEXT, TIME, YES_OR_NO, Shape, listed, maybe, record, ref

DAY: Shape = {"type": "string", "format": "date"}
KIND: Shape = {"type": "string", "enum": ["promotion", "holiday", "stockout"]}
KNOWN_MEMBERS: dict[str, Shape] = {
    "kind": KIND,
    "name": {"type": "string", "minLength": 1, "maxLength": 60},
    "start": DAY,
    "end": {**DAY, "description": "Its last day."},
    "product": {"type": "string", "maxLength": 500, "description": "Absent: every product."},
    "site": {"type": "string", "maxLength": 500, "description": "Absent: every site."},
}
FIGURE_MEMBERS: dict[str, Shape] = {
    "periods": COUNT,
    "error": {**NUMBER, "description": "Mean of |forecast - actual|."},
    "bias": {**NUMBER, "description": "Mean of forecast - actual: above 0 too much was forecast."},
    "tracking_signal": maybe(NUMBER),
    "value_added": {**maybe(NUMBER), "description": "What it saves of the error of the last season repeated."},
    "coverage_80": NUMBER,
    "coverage_95": NUMBER,
    "volume": NUMBER,
    "alarms": listed(TEXT),
}
CELL = record(
    "A sum in one period.",
    {
        "period": DAY,
        "days": {**COUNT, "description": "How many of its days are forecast."},
        "is_whole": YES_OR_NO,
        "point": NUMBER,
        "quantiles": listed(NUMBER),
    },
)

SHAPES: dict[str, Shape] = {
    "Accuracy": record(
        "What came of forecasts in the last 91 days, at the party's sites.", {"items": listed(ref("AccuracyLine"))}
    ),
    "AccuracyLine": record(
        "How forecasts did in one group.",
        {
            "group": {"type": "string", "enum": ["all", "live", "attested", "class", "site", "series"]},
            "name": listed(TEXT, description="A class, a site, or product, site and unit; empty for all."),
            **FIGURE_MEMBERS,
        },
    ),
    "KnownDays": record(
        "A promotion, a holiday of one's own, or a stockout.",
        {"id": COUNT, **KNOWN_MEMBERS, "entered_by": TEXT, "entered_at": TIME},
    ),
    "KnownDaysList": record("What stands.", {"items": listed(ref("KnownDays"))}),
    "NewKnownDays": record(
        "What is known of some days.", KNOWN_MEMBERS, optional=("product", "site"), additionalProperties=False
    ),
    "NewOverride": record(
        "What is expected instead of the model.",
        {
            "series": {**COUNT, "description": "The id of a series of a run."},
            "period": DAY,
            "quantity": {**NUMBER, "minimum": 0, "maximum": 1e12},
            "reason": {"type": "string", "minLength": 1, "maxLength": 500},
        },
        additionalProperties=False,
    ),
    "Override": record(
        "What somebody expects instead of the model, beside what the model says.",
        {
            "id": COUNT,
            "product": TEXT,
            "site": TEXT,
            "unit": maybe(TEXT),
            "frequency": TEXT,
            "period": DAY,
            "quantity": NUMBER,
            "model_quantity": NUMBER,
            "reason": TEXT,
            "author": TEXT,
            "made_at": TIME,
            "ended_at": maybe(TIME),
        },
    ),
    "Overrides": record("Overrides, those that ended too, newest first.", {"items": listed(ref("Override"))}),
    "Totals": record(
        "Forecasts of one unit added up.",
        {
            "run": {"type": "string", "format": "uuid"},
            "unit": TEXT,
            "units": listed(TEXT),
            "level": TEXT,
            "every": TEXT,
            "levels": listed(NUMBER),
            "items": listed(ref("TotalsNode")),
        },
    ),
    "TotalsCell": CELL,
    "TotalsNode": record(
        "A product, a site, a lane (from, to), or all of it.",
        {"name": listed(TEXT), "series": COUNT, "cells": listed(ref("TotalsCell"))},
    ),
}
