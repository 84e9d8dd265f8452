"""Forecasts added up, as a page."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpResponse
from django.shortcuts import render

from forecasting.timeseries.hierarchy import LEVELS_OF, Cell, Level, Node
from forecasting.timeseries.methods import LEVELS
from forecasting.timeseries.series import Frequency
from supplychain.queries import totals as adding
from supplychain.web import charts, words
from supplychain.web.access import MemberRequest, member
from supplychain.web.names import Names

LEVEL_WORDS: dict[Level, str] = {
    "total": "in all",
    "product": "by product",
    "site": "by site",
    "lane": "by lane, from where to where",
}
EVERY: dict[Frequency, str] = {"D": "day", "W": "week", "MS": "month"}
MOST_ROWS = 400


@member
def totals(request: MemberRequest) -> HttpResponse:
    """Show one level of one unit."""
    level = cast(Level, _one_of(request, "level", tuple(LEVELS_OF), "total"))
    every = cast(Frequency, _one_of(request, "every", tuple(EVERY), "W"))
    unit = request.GET.get("unit", "")[:20]
    found = adding.totals(party=request.membership.party_id, unit=unit, level=level, every=every)
    context: dict[str, Any] = {
        "tab": "totals",
        "levels": list(LEVEL_WORDS.items()),
        "frequencies": list(EVERY.items()),
        "level_word": level if level != "total" else "all",
        "levels_word": LEVEL_WORDS[level],
        "every_word": EVERY[every],
    }
    if found is not None:
        rows = _rows(found.nodes)
        context |= {
            "units": [(name, _unit(name), count) for name, count in found.units],
            "unit": _unit(found.unit),
            "asked": {"unit": found.unit, "level": level, "every": every},
            "series": found.series,
            "together": found.together,
            "until": found.until,
            "rows": rows[:MOST_ROWS],
            "cut": len(rows) > MOST_ROWS,
            "picture": _picture(found.total),
        }
    return render(request, "forecasts/totals.html", context)


def _one_of(request: MemberRequest, name: str, words_: tuple[str, ...], default: str) -> str:
    given = request.GET.get(name, default)
    return given if given in words_ else default


def _unit(name: str) -> str:
    """`kg` for a unit of measure, `cases` for what pieces of a product are called."""
    if name.isupper():
        return words.quantity(0, name).removeprefix("0").strip() or "pieces"
    return f"{name}s"


def _rows(nodes: tuple[Node, ...]) -> list[tuple[str, dict[str, Any]]]:
    names = Names(uris={part for node in nodes for part in node.name if part})
    return [(_name(node.name, names), _cell(cell)) for node in nodes for cell in node.cells]


def _name(parts: tuple[str, ...], names: Names) -> str:
    if not parts:
        return "All"
    known = names.known()
    told = [known.get(part) or (words.short_identifier(part) if part else "elsewhere") for part in parts]
    return " to ".join(told)


def _cell(cell: Cell) -> dict[str, Any]:
    (low80, high80), (low95, high95) = (adding.bounds(LEVELS, cell.quantiles, level) for level in (80, 95))
    return {
        "period": cell.period,
        "point": cell.point,
        "days": cell.days,
        "is_whole": cell.is_whole,
        "low80": low80,
        "high80": high80,
        "low95": low95,
        "high95": high95,
    }


def _picture(total: Node | None) -> dict[str, Any]:
    """The total's whole periods; parts of one would look like a fall."""
    if total is None:
        return {}
    steps = []
    for cell in total.cells:
        if cell.is_whole:
            told = _cell(cell)
            bounds = [told[name] for name in ("low80", "high80", "low95", "high95")]
            steps.append(charts.Step(cell.period, cell.point, *bounds))
    if len(steps) < 2:
        return {}
    return {"wide": charts.band_chart([], steps, charts.WIDE), "narrow": charts.band_chart([], steps, charts.NARROW)}
