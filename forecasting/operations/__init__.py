"""Writes of the forecasting room: ask for runs, do them in shards, sign them into the log, compute them again."""

from forecasting.operations.arriving import ArrivalsAgain, reproduce_arrivals, sign_arrivals
from forecasting.operations.asking import (
    CHOICE,
    FORECAST,
    SHARD,
    SIGN,
    QuotaExceeded,
    cancel_run,
    request_choice,
    request_forecast,
    request_nightly_forecast,
    request_weekly_choice,
)
from forecasting.operations.beside import (
    KnownRefused,
    OverrideRefused,
    end_override,
    enter_known,
    override,
    withdraw_known,
)
from forecasting.operations.choosing import choice
from forecasting.operations.driving import RunEnded, drive
from forecasting.operations.keeping import LetGo, let_go
from forecasting.operations.reproducing import TOLERANCE, Reproduction, reproduce
from forecasting.operations.shards import forecast, shard, shard_failed
from forecasting.operations.signing import ForecastsOnly, sign, sign_failed

__all__ = [
    "CHOICE",
    "FORECAST",
    "SHARD",
    "SIGN",
    "TOLERANCE",
    "ArrivalsAgain",
    "ForecastsOnly",
    "KnownRefused",
    "LetGo",
    "OverrideRefused",
    "QuotaExceeded",
    "Reproduction",
    "RunEnded",
    "cancel_run",
    "choice",
    "drive",
    "end_override",
    "enter_known",
    "forecast",
    "let_go",
    "override",
    "reproduce",
    "reproduce_arrivals",
    "request_choice",
    "request_forecast",
    "request_nightly_forecast",
    "request_weekly_choice",
    "shard",
    "shard_failed",
    "sign",
    "sign_arrivals",
    "sign_failed",
    "withdraw_known",
]
