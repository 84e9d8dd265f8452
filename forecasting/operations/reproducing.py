"""Compute a run again from the log as it stood then, and compare with what was signed and stored."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from forecasting import jobs, manifest, queries, runproof
from forecasting.history import History, SeriesHistory, SeriesKey, demand_history, preferred, signed_forecasts
from forecasting.models import ForecastRun, SeriesForecast
from forecasting.operations.choosing import signed_choice
from forecasting.operations.inputs import told_of
from forecasting.operations.shards import SHARD_SIZE, choice_of
from forecasting.operations.signing import members, signed_for, source_of
from forecasting.runs import RunSettings, SeriesResult, compute, make_choice, sample, versions
from ledger.verified import VerifiedEntry, erased_since

TOLERANCE = 1e-3
"""With other versions of the libraries: of a series' largest quantile. With the same ones a run repeats bit for bit."""


@dataclass(slots=True)
class Reproduction:
    """What computing a run again gave; `carried` series were computed by earlier nights, whose runs name them."""

    run: ForecastRun
    same_versions: bool
    series: int = 0
    carried: int = 0
    largest_difference: float = 0.0
    differences: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether the run came out as it was signed: to the bit, or within the tolerance with other versions."""
        return not self.differences


def reproduce(run: ForecastRun, *, progress: jobs.Beat = lambda done, total: None) -> Reproduction:
    """Compute `run` again from the log at its tree size, and compare with what was signed and stored.

    The log is read, not the kept observations. Raises LogBroken when it does not hold.
    """
    found = Reproduction(run, same_versions=run.versions == versions())
    body = json.loads(bytes(run.manifest.body))
    if body.get("format") != manifest.FORMAT:
        found.differences.append(f"it was made by an older version, whose manifest is a {body.get('format')}")
        return found
    history = demand_history(tree_size=run.tree_size)
    if history.checkpoint is None or history.checkpoint.root_hash != bytes(run.root_hash):
        found.differences.append(f"the log's first {run.tree_size} entries have another root than the run names")
        return found
    index = run.statement_index or 0
    signed = signed_forecasts([index]).get(index)
    found.differences += runproof.faults_of(run, signed)
    settings = manifest.parse_settings(run.settings)
    if run.kind == ForecastRun.Kind.CHOICE:
        _choice(found, history, settings, signed)
    else:
        _forecast(found, history, settings, signed, progress)
    if found.differences and (gone := erased_since(run.tree_size)):
        found.differences.append(
            f"{gone} bodies of its history were erased since: what they said is not in it any more"
        )
    return found


# --- a forecast run --------------------------------------------------------------------------------------------------


def _forecast(
    found: Reproduction, history: History, settings: RunSettings, signed: VerifiedEntry | None, progress: jobs.Beat
) -> None:
    run = found.run
    by_key = {one.key.text: one for one in history.series}
    rows = {_key(row).text: row for row in run.computed.all()}
    found.series, found.carried = len(rows), run.carried_count
    _compare_members(found, by_key.values(), settings)
    choice, done = choice_of(run), 0
    keys = sorted(rows)
    for at in range(0, len(keys), SHARD_SIZE):
        some = [key for key in keys[at : at + SHARD_SIZE] if key in by_key]
        countries = {rows[key].site: str(json.loads(rows[key].record)["country"]) for key in some}
        told = told_of([by_key[key] for key in some], cutoff=settings.cutoff, countries=countries)
        results = compute(told, settings, choice, siblings=lambda key: queries.siblings(key, by_key))
        for key, result in zip(some, results, strict=True):
            _compare(found, rows[key], result, settings)
        done += len(some)
        progress(done, len(keys))
    again = signed_for(run, run.versions, with_overrides="overrides" in json.loads(bytes(run.manifest.body)))
    if signed is not None and again.digest.hex() != signed.statement.claims.get("manifest"):
        found.differences.append("the manifest has another digest than the one that was signed")


def _key(row: SeriesForecast) -> SeriesKey:
    return SeriesKey(row.kind, row.product, row.site, row.unit, row.tenant)


def _compare_members(found: Reproduction, histories: Iterable[SeriesHistory], settings: RunSettings) -> None:
    """The run has every series that the log told of, and no other."""
    known = [one.key for one in histories if any(seen.known_at <= settings.cutoff for seen in one.observations)]
    wanted = {key.text for key in preferred(known) if settings.tenant is None or key.tenant == settings.tenant}
    stored = {_key(row).text for row in members(found.run).only("kind", "product", "site", "unit", "tenant")}
    for text in sorted(wanted ^ stored)[:20]:
        where = "in the log and not in the run" if text in wanted else "in the run and not in the log"
        found.differences.append(f"{text} is {where}")


def _compare(found: Reproduction, row: SeriesForecast, result: SeriesResult, settings: RunSettings) -> None:
    """Name what differs: all of a record with the same versions, the inputs and the methods with others."""
    old, new = json.loads(row.record), manifest.record_of(result, settings)
    names = set(old) | set(new)
    if not found.same_versions:
        names -= {"forecast"}
    if wrong := sorted(name for name in names if old.get(name) != new.get(name)):
        found.differences.append(f"{row}: {', '.join(wrong)} differ")
    if row.is_thinned:  # the digests above are all that is left to compare
        return
    difference = _relative_difference(row.steps, manifest.format_forecast(result)["steps"])
    found.largest_difference = max(found.largest_difference, difference)
    if difference > (0.0 if found.same_versions else TOLERANCE):
        found.differences.append(f"{row}: the stored forecast differs by {difference:.2g} of its largest quantile")


def _relative_difference(stored: Sequence[Any], computed: Sequence[Any]) -> float:
    if [step["period"] for step in stored] != [step["period"] for step in computed]:
        return float("inf")
    pairs = [
        (a, b)
        for one, two in zip(stored, computed, strict=True)
        for a, b in zip([one["point"], *one["quantiles"]], [two["point"], *two["quantiles"]], strict=True)
    ]
    largest = max((abs(b) for _, b in pairs), default=0.0)
    gap = max((abs(a - b) for a, b in pairs), default=0.0)
    return 0.0 if gap == 0 else gap / largest if largest > 0 else float("inf")


# --- a choice run ----------------------------------------------------------------------------------------------------


def _choice(found: Reproduction, history: History, settings: RunSettings, signed: VerifiedEntry | None) -> None:
    """Draw the same sample, choose again, stop after as many blocks."""
    run = found.run
    known = [one for one in history.series if any(seen.known_at <= settings.cutoff for seen in one.observations)]
    wanted = {key.text for key in preferred([one.key for one in known])}
    pool = {number: one for number, one in enumerate(known) if one.key.text in wanted}
    ids = sample({number: one.key for number, one in pool.items()}, settings)
    told = told_of([pool[number] for number in ids], cutoff=settings.cutoff)
    stop, asked = int(run.chosen.told["blocks"]), 0

    def enough() -> bool:
        nonlocal asked
        asked += 1
        return asked >= stop and run.chosen.told["choice"]["unreached"] > 0

    chosen = make_choice(told, settings, enough=enough, left_out=run.chosen.told["left_out"])
    if "likenesses" not in run.chosen.told["choice"]:  # signed before they were learnt
        chosen = replace(chosen, choice=replace(chosen.choice, likenesses={}))
    again, _ = signed_choice(
        run.id, source_of(run), settings, chosen, run.versions, left_out=run.chosen.told["left_out"]
    )
    found.series = len(ids)
    if again.series_root != bytes(run.series_root or b""):
        found.differences.append("the series that it looked at are not those that were signed")
    if signed is not None and found.same_versions and again.digest.hex() != signed.statement.claims.get("manifest"):
        found.differences.append("the champions or their intervals come out otherwise than they were signed")
