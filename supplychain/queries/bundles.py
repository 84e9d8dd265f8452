"""The bundle of a shipment: its chain, what was seen on the way, and the bodies that its reader may see."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from ledger import bundles, kept, tenancy
from ledger.tlog.bundle import MAX_BUNDLE_BYTES
from ledger.tlog.disclosure import parse_disclosure, select
from ledger.tlog.errors import Malformed
from supplychain.models import Event, Shipment, in_scope
from supplychain.queries import feeds


class BundleTooLarge(Exception):
    """The shipment has more than one file may hold."""


def bundle(found: Shipment, *, party: UUID, disclose: Collection[str] = ()) -> bytes:
    """The file, for `party`, which may read `found`; checked without this server by the page /verify or tlog's command.

    It holds the secret of the chain, as every party of the shipment does, and of what bodies name by digests alone the
    members that are named in `disclose`. Raises BundleTooLarge; LogBroken.
    """
    rows = list(Event.objects.filter(in_scope(found.pk)).order_by("index").values_list("index", "act"))
    linked = [index for index, act in rows if act != feeds.OBSERVE]
    bodies = _bodies([index for index, _ in rows], party)
    try:
        return bundles.make(
            indices=[index for index, _ in rows],
            chains={bytes(found.chain): linked},
            bodies={each.index: (each.body, each.salt) for each in bodies},
            disclosures={each.index: select(each.body, each.disclosures, disclose) for each in bodies if disclose},
        )
    except Malformed as fault:
        raise BundleTooLarge(f"a bundle holds at most {MAX_BUNDLE_BYTES >> 20} MiB: {fault}") from None


def disclosable(found: Shipment, *, party: UUID) -> list[str]:
    """The names of what the bodies of a shipment name by digests alone, as far as `party` may read it."""
    readable = tenancy.readable_by(Event.objects.filter(in_scope(found.pk)), party)
    told = kept.disclosures(readable.values_list("index", flat=True))
    return sorted({parse_disclosure(text).name for text in told})


def filename(found: Shipment) -> str:
    """What the file is called."""
    return f"shipment-{found.pk}.bundle.json"


def _bodies(indices: list[int], party: UUID) -> list[kept.KeptBody]:
    """The bodies of these entries that `party` may read: by the rule here, and by row-level security again."""
    readable = tenancy.readable_by(Event.objects.filter(index__in=indices), party)
    return list(kept.bodies(readable.values_list("index", flat=True)).values())
