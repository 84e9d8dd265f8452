"""The whole of forecasting for a batch of series, without a database: choose now and then, forecast every night.

Two calls. `choose` looks at past origins and settles one champion a pool (frequency, class of demand, length) and how
wide its intervals must be; it costs three forecasts of every method and belongs in a weekly run. `forecast_pool`
takes that frozen `Choice` and makes today's forecasts; it costs one forecast of the champion and belongs in the
nightly run. Nothing is read but what is passed in, the same items and choice give the same bits in any batch, and a
series that cannot be forecast comes back with the sentence that says why, never as an exception.

    past = [Past(Item(series), then=(series_in_july, series_in_august, series_in_september)), ...]
    choice = choose(past, horizon=6)                    # weekly; `format_choice` makes JSON of it to store and to sign
    found = forecast_pool([Item(series), ...], choice, horizon=6)      # nightly, by shards of some hundred series
    for outcome in found:
        outcome.forecast or outcome.reason

What an item may carry: missing values (NaN, a stockout is not zero demand), columns that are known ahead (holidays,
promotions, prices), a parent from which a cold start borrows, and whether demand comes in whole units.
"""

from forecasting.timeseries.engine.ahead import Column, ColumnRefused
from forecasting.timeseries.engine.answers import Item, answers_of
from forecasting.timeseries.engine.choice import NO_CHOICE, Choice, PoolScore, format_choice, parse_choice
from forecasting.timeseries.engine.choosing import Past, choose, past_of
from forecasting.timeseries.engine.forecasting import Outcome, forecast_pool
from forecasting.timeseries.methods.cold_start import Kin

__all__ = [
    "NO_CHOICE",
    "Choice",
    "Column",
    "ColumnRefused",
    "Item",
    "Kin",
    "Outcome",
    "Past",
    "PoolScore",
    "answers_of",
    "choose",
    "forecast_pool",
    "format_choice",
    "parse_choice",
    "past_of",
]
