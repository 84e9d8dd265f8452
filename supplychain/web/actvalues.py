"""What people enter into the forms of acts, as events hold it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import quote

from supplychain.epcis.errors import IdentifierInvalid
from supplychain.epcis.events import Quantity
from supplychain.epcis.identifiers import Identifier, parse_identifier
from supplychain.models import ShipmentLine

OFFSET = re.compile(r"([+-])(0\d|1[0-4]):([0-5]\d)")


def order_uri(order: str, *, party: str, origin: str) -> str:
    """An order's number as the URI that events hold: under the party's GLN where it has one (CBV 2.0, 8.5)."""
    if re.match(r"(urn|https?):", order):
        return order
    try:
        found = parse_identifier(party)
    except IdentifierInvalid:
        found = Identifier("private", party)
    if found.scheme == "pgln":
        return f"urn:epcglobal:cbv:bt:{found.key}:{quote(order, safe='')}"
    return f"https://{origin}/order/{quote(order, safe='')}"


def class_of(product: str, lot: str) -> str:
    """The class that an event counts: the product, or a lot of it. Raises IdentifierInvalid."""
    if not lot:
        return product
    found = parse_identifier(product)
    if found.is_private:
        return f"{product.rstrip('/')}/lot/{quote(lot, safe='')}"
    uri = Identifier("lgtin", found.key, lot=lot).uri
    parse_identifier(uri)
    return uri


def quantities(lines: Iterable[tuple[ShipmentLine, Decimal]]) -> list[Quantity]:
    """Lines with what was counted of each, as events hold them."""
    return [Quantity(epc_class=line.epc, quantity=float(value), uom=line.uom or None) for line, value in lines]


def is_instance(epc: str) -> bool:
    """Whether an identifier names one thing rather than a class."""
    found = parse_identifier(epc)
    return not (found.is_class or found.is_private)


def at_offset(local: datetime | None, offset: str, now: datetime) -> datetime:
    """`local` as the clock of `offset` shows it; now where nothing is given."""
    found = OFFSET.fullmatch(offset)
    assert found is not None
    sign = -1 if found[1] == "-" else 1
    zone = timezone(sign * timedelta(hours=int(found[2]), minutes=int(found[3])))
    return now.astimezone(zone) if local is None else local.replace(tzinfo=zone)


def plain(value: Decimal) -> str:
    """A number without trailing zeros."""
    return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"


def sentence(error: Exception) -> str:
    """What an error says, as a sentence."""
    text = str(error)
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
