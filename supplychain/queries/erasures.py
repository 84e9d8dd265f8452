"""Erasures as their parties see them: who asked is theirs, the chain's others are told, the operator decides."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q

from ledger import tenancy
from supplychain.models import Approval, Party

SHOWN = 200


def erasures(party: UUID) -> list[Approval]:
    """What `party` asked for, was told of or decides about, the newest first."""
    with tenancy.system():
        found = Approval.objects.filter(act=Approval.Act.ERASE).select_related("asked_by", "decided_by")
        if not Party.objects.filter(id=party, is_operator=True).exists():
            found = found.filter(Q(tenant=party) | Q(notified__contains=[party]))
        return list(found.order_by("-asked_at", "-index")[:SHOWN])


def erasure(approval_id: UUID, party: UUID) -> Approval | None:
    """One of them; None where there is none that `party` may see."""
    return next((each for each in erasures(party) if each.pk == approval_id), None)
