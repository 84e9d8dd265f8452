"""What identifiers are to custody: units, products, and what people call them."""

from __future__ import annotations

import re
from functools import lru_cache

from supplychain.epcis.errors import IdentifierInvalid
from supplychain.epcis.identifiers import Identifier, parse_identifier


@lru_cache(maxsize=65536)
def is_unit(epc: str) -> bool:
    """Whether an identifier can name a logistic unit: an SSCC, or a private URI."""
    try:
        return parse_identifier(epc).scheme in ("sscc", "private")
    except IdentifierInvalid:
        return False


_PRIVATE_LOT = re.compile(r"(https?://.+/product/[^/?#]+)/lot/[^/?#]+").fullmatch


@lru_cache(maxsize=65536)
def product_of(epc: str) -> str:
    """The class of `epc` without lot or serial number, canonical; what has no GTIN stands for itself.

    Of a private `.../product/<word>/lot/<lot>`, as imports make them, the product is what stands before the lot.
    """
    try:
        found = parse_identifier(epc)
    except IdentifierInvalid:
        return epc
    if found.is_private:
        lot = _PRIVATE_LOT(epc)
        return lot[1] if lot else epc
    return Identifier("gtin", found.key).uri if found.scheme in ("gtin", "lgtin", "sgtin", "upui") else found.uri


@lru_cache(maxsize=4096)
def label(uri: str) -> str:
    """What a person calls an identifier."""
    try:
        return parse_identifier(uri).label
    except IdentifierInvalid:
        return uri
