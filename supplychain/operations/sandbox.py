"""The sandbox: two parties that are in the log like any others, and a program for each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ledger import tenancy
from supplychain.models import CompanyPrefix, Party
from supplychain.operations.parties import register_party
from supplychain.operations.people import NewClient, add_client
from supplychain.operations.setup import NewProduct, NewSite, add_products, add_sites
from supplychain.sandbox import samples

SCOPES = (
    "events:write events:read shipments:read forecasts:read forecasts:write keys:write party:manage"
    " epcis:capture epcis:query"
)
CLIENT = "Sandbox"


@dataclass(frozen=True, slots=True)
class Tester:
    """A party of the sandbox and a program that acts for it."""

    name: str
    party: Party
    made: NewClient

    def told(self) -> dict[str, str]:
        """What whoever tries it needs to know."""
        return {
            "party": self.party.name,
            "client_id": self.made.client.client_id,
            "client_secret": self.made.secret,
            "scopes": SCOPES,
        }


def open_sandbox(*, now: datetime) -> tuple[Tester, ...]:
    """Register the sandbox and its partner where they are not yet; give each a program with a new secret.

    A program that was made here before ends, so whoever knew its secret is out.
    """
    made = []
    with tenancy.system():
        for name, uri, site, prefix in (
            ("sandbox", samples.SANDBOX_URI, samples.SANDBOX_SITE, samples.PREFIXES[0]),
            ("partner", samples.PARTNER_URI, samples.PARTNER_SITE, samples.PREFIXES[1]),
        ):
            title = "Sandbox" if name == "sandbox" else "Sandbox partner"
            party = Party.objects.filter(uri=uri).first() or register_party(title, uri, now=now)
            add_sites(party, [NewSite(site, f"Site of the {title.lower()}")])
            CompanyPrefix.objects.get_or_create(prefix=prefix, defaults={"party": party})
            party.api_clients.filter(name=CLIENT).delete()
            made.append(Tester(name, party, add_client(party=party.id, name=CLIENT, scopes=SCOPES)))
        add_products(made[0].party, [NewProduct(samples.product(n), f"Sample product {n}") for n in (1, 2, 3)])
    return tuple(made)
