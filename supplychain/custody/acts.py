"""What an event does, to which units, with which contents: read from the event alone."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from supplychain.custody.names import is_unit, label
from supplychain.custody.state import Act, CustodyRefused
from supplychain.epcis.events import Event, Quantity
from supplychain.epcis.identifiers import canonical
from supplychain.epcis.units import convert

MAX_QUANTITY = 10**12


def act_of(event: Event) -> Act:
    """Tell what `event` does; everything that is no act is an observation."""
    return Act.CORRECT if event.error_declaration is not None else act_beneath(event)


def act_beneath(event: Event) -> Act:
    """Tell what `event` does apart from being declared wrong."""
    if not units_of(event):
        return Act.OBSERVE
    kind, action, step = event.event_type, event.action, event.biz_step
    if kind == "AggregationEvent":
        return _AGGREGATIONS.get(f"{action} {step}", Act.OBSERVE)
    if kind != "ObjectEvent":
        return Act.OBSERVE
    if action == "ADD":
        return Act.COMMISSION if step == "commissioning" else Act.OBSERVE
    if action != "OBSERVE":
        return Act.OBSERVE
    if event.waylog.discrepancy:
        return Act.ACKNOWLEDGE if event.waylog.discrepancy == "acknowledged" else Act.DISPUTE
    if step in ("receiving", "accepting"):
        return Act.ACCEPT
    return Act.DISPATCH if step == "shipping" and taker_of(event) else Act.OBSERVE


_AGGREGATIONS = {"ADD packing": Act.PACK, "DELETE unpacking": Act.UNPACK}


def units_of(event: Event) -> tuple[str, ...]:
    """The logistic units that `event` is about, canonical, in the order of their links."""
    named = [event.parent_id] if event.parent_id else []
    if event.event_type != "AggregationEvent":
        named += event.epc_list
    return tuple(dict.fromkeys(canonical(epc) for epc in named if is_unit(epc)))


def taker_of(event: Event) -> str:
    """Whom a dispatch hands the goods to (canonical; empty when it names nobody)."""
    return canonical(event.destination("possessing_party") or event.destination("owning_party") or "")


def contents_of(event: Event) -> dict[tuple[str, str], Decimal]:
    """What an event states of contents: quantity by class and unit of measure; an instance counts 1."""
    if event.event_type == "AggregationEvent":
        return added(event.child_quantity_list, event.child_epcs, "/childQuantityList")
    return added(event.quantity_list, (epc for epc in event.epc_list if not is_unit(epc)), "/quantityList")


def exact(quantity: float | Decimal) -> Decimal:
    """The number that was written, to the six decimals that are kept; raises CustodyRefused beyond all measure."""
    if not 0 <= quantity < MAX_QUANTITY:
        raise CustodyRefused(f"A quantity lies between 0 and {MAX_QUANTITY:,}.", code="quantity", status=422)
    return round(Decimal(str(quantity)), 6)


def temperature_of(event: Event) -> float | None:
    """The highest temperature that the event's sensors report, in degrees Celsius."""
    return max((value for value in _temperatures(event) if value is not None), default=None)


def _temperatures(event: Event) -> Iterable[float | None]:
    for element in event.sensor_element_list:
        for report in element.reports:
            if report.type == "Temperature":
                for value in (report.value, report.max_value):
                    if value is not None:
                        yield value if report.uom in (None, "CEL") else convert(value, report.uom, "CEL")


def added(listed: Iterable[Quantity], instances: Iterable[str], pointer: str) -> dict[tuple[str, str], Decimal]:
    found: dict[tuple[str, str], Decimal] = {}
    for position, item in enumerate(listed):
        if item.quantity is None:
            raise CustodyRefused(
                f"Say how much of {label(item.epc_class)} it is.", code="quantity", pointer=f"{pointer}/{position}"
            )
        quantity = exact(item.quantity)
        key = canonical(item.epc_class), item.uom or ""
        found[key] = found.get(key, Decimal(0)) + quantity
    for epc in instances:
        found[canonical(epc), ""] = Decimal(1)
    return found
