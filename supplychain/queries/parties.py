"""Which party somebody means."""

from __future__ import annotations

from django.db.models import Q

from supplychain.epcis.identifiers import canonical
from supplychain.epcis.vocabulary import nearest
from supplychain.models import Party


class PartyUnknown(LookupError):
    """No party is called that, or more than one."""


def party_called(text: str) -> Party:
    """The party with this name or URI; without a word, the one that runs this server. Raises PartyUnknown."""
    if not text:
        operator = Party.objects.filter(is_operator=True).first()
        if operator is None:
            raise PartyUnknown("there is no party yet; start Waylog once with `manage.py up`")
        return operator
    uri = canonical(text)
    found = list(Party.objects.filter(Q(name__iexact=text) | Q(uri=uri) | Q(identifiers__uri=uri)).distinct()[:2])
    if len(found) == 1:
        return found[0]
    if found:
        raise PartyUnknown(f"more than one party is called {text!r}; name it by its URI")
    near = nearest(text, Party.objects.values_list("name", flat=True))
    raise PartyUnknown(f"no party is called {text!r}" + (f"; did you mean {near!r}?" if near else ""))
