"""Partners: parties that whoever runs this server registers, so that goods can be handed to them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from django.conf import settings
from django.db import transaction

from ledger import tenancy
from supplychain.epcis.identifiers import party_uri
from supplychain.models import Membership, Party, Role
from supplychain.operations import people
from supplychain.operations.naming import name_sites
from supplychain.operations.parties import register_party
from supplychain.operations.setup import NewSite


@dataclass(frozen=True, slots=True)
class NewPartner:
    """A party, its first manager where one shall sign in, and its places."""

    name: str
    uri: str
    manager: str = ""
    email: str = ""
    sites: Sequence[NewSite] = ()


def uri_of(gln: str) -> str:
    """Return the URI of a party by its GLN, or a private one where it has none. Raises IdentifierInvalid."""
    return party_uri(gln) if gln else f"https://{settings.WAYLOG_HOST}/party/{uuid4().hex}"


def register_partner(wanted: NewPartner, *, password: str, now: datetime) -> tuple[Party, Membership | None]:
    """Register a party with managed keys, name its places and let its manager sign in; all or nothing. Raises Refused.

    Until the partner has keys of its own, what it does here is signed with the managed key, and every page says so.
    """
    with tenancy.system(), transaction.atomic():
        made = register_party(wanted.name, wanted.uri, now=now)
        name_sites(wanted.sites, party=made.pk)
        if not wanted.email:
            return made, None
        manager = people.add_person(
            party=made.pk, email=wanted.email, name=wanted.manager, role=Role.MANAGER, password=password
        )
        return made, manager
