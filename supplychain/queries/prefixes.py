"""Company prefixes that parties have registered: they say where the prefix ends in a GS1 key."""

from __future__ import annotations

from supplychain.epcis.keys import Identifier
from supplychain.epcis.translation import PrefixLength, company_digits
from supplychain.models import CompanyPrefix

SHORTEST, LONGEST = 6, 12


def prefix_length() -> PrefixLength:
    """Return who answers how many digits of a key are its company prefix; each key is looked up once."""
    known: dict[str, int | None] = {}

    def length_of(identifier: Identifier) -> int | None:
        digits = company_digits(identifier)[:LONGEST]
        if digits not in known:
            starts = [digits[:count] for count in range(SHORTEST, len(digits) + 1)]
            found = CompanyPrefix.objects.filter(prefix__in=starts).values_list("prefix", flat=True)
            known[digits] = max(map(len, found), default=None)
        return known[digits]

    return length_of
