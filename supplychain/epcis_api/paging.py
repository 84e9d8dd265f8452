"""Pages: perPage, nextPageToken, `Link: <...>; rel="next"` (EPCIS 2.0, 12.6).

A token is sealed: it belongs to one party and one query, runs out after a day, and says where in a fixed result the
next page begins. So pages neither shift nor repeat when events are captured between them, and a token tells nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from nacl.exceptions import CryptoError
from nacl.secret import SecretBox

from supplychain.epcis.builders import format_time
from supplychain.epcis_api import headers, problems
from supplychain.epcis_api.base import EITHER, Endpoint, now
from supplychain.epcis_api.problems import EpcisProblem
from supplychain.operations import namedqueries
from supplychain.queries.namedqueries import is_deleted_page

PAGE = 30
MAX_PAGE = 1_000
MAX_QUERY_STRING = 16 * 1024
LIFETIME = timedelta(days=1)
_PARAMETERS = ("perPage", "nextPageToken")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for: how much, of what, and from where (`place`: None on the first page)."""

    per_page: int
    pairs: tuple[tuple[str, str], ...]
    party: str
    fingerprint: str
    place: Mapping[str, Any] | None


def asked(request: HttpRequest, *, party: UUID, of: str = "") -> Asked:
    """Read the parameters of a page; `of` is what else its result depends on.

    Raises EpcisProblem: 414 for an address that is too long, 400 for a perPage or a token that is none.
    """
    text = request.META.get("QUERY_STRING", "")
    if len(text) > MAX_QUERY_STRING:
        said = f"A query has at most {MAX_QUERY_STRING:,} bytes here; keep a longer one by POST /epcis/queries."
        raise EpcisProblem("URITooLongException", said)
    pairs = tuple(
        (name, value) for name in request.GET if name not in _PARAMETERS for value in request.GET.getlist(name)
    )
    seed = json.dumps([request.path, sorted(pairs), of, str(party)])
    fingerprint = hashlib.sha256(seed.encode("utf-8", "replace")).hexdigest()[:24]
    token = request.GET.get("nextPageToken")
    place = None if token is None else _opened(token, fingerprint, party)
    return Asked(_per_page(request.GET.get("perPage")), pairs, str(party), fingerprint, place)


def _per_page(text: str | None) -> int:
    if text is None:
        return PAGE
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or int(text) < 1:
        fault = {"pointer": "/perPage", "parameter": "perPage", "value": text[:20]}
        said = "perPage is a whole number from 1 on."
        raise EpcisProblem("QueryParameterException", said, errors=[fault | {"message": said}])
    return min(int(text), MAX_PAGE)


def refuse_others(page: Asked) -> None:
    """Refuse whatever other parameters a list was given. Raises EpcisProblem (400)."""
    for name, _ in page.pairs:
        said = f"There is no such parameter here: {name[:60]!r}; perPage and nextPageToken are."
        raise EpcisProblem("QueryParameterException", said)


def linked(answer: HttpResponse, request: HttpRequest, page: Asked, place: Mapping[str, Any] | None) -> HttpResponse:
    """Say where the next page is; nothing where this is the last one."""
    if place is None:
        return answer
    expires_at = now() + LIFETIME
    token = _sealed({"p": dict(place), "f": page.fingerprint, "o": page.party, "x": int(expires_at.timestamp())})
    query = urlencode([*page.pairs, ("perPage", str(page.per_page)), ("nextPageToken", token)])
    answer["Link"] = f'<{request.build_absolute_uri(request.path)}?{query}>; rel="next"'
    answer[headers.NEXT_PAGE_TOKEN_EXPIRES] = format_time(expires_at)
    return answer


class PageToken(Endpoint):
    """DELETE a token that will not be used."""

    scopes = {"DELETE": EITHER}

    def delete(self, request: HttpRequest, token: str) -> HttpResponse:
        """Forget a page: 204; 404 for what is no token, or none of the party's, or one that has run out."""
        found = _read(token)
        if found is None or not _is_good(found, token, self.party):
            raise problems.no_such_resource("There is no such nextPageToken, or none of yours.")
        expires_at = datetime.fromtimestamp(found["x"], UTC)
        namedqueries.delete_page(_digest(token), party=self.party, expires_at=expires_at, now=now())
        return HttpResponse(status=204)


# --- tokens -----------------------------------------------------------------------------------------------------------


def _opened(token: str, fingerprint: str, party: UUID) -> Mapping[str, Any]:
    found = _read(token)
    if found is None or found["f"] != fingerprint or not _is_good(found, token, party):
        said = "This nextPageToken was not given for this query, or it has run out; follow the Link of a page as it is."
        fault = {"pointer": "/nextPageToken", "parameter": "nextPageToken", "value": token[:40], "message": said}
        raise EpcisProblem("QueryParameterException", said, errors=[fault])
    place: Mapping[str, Any] = found["p"]
    return place


def _is_good(found: Mapping[str, Any], token: str, party: UUID) -> bool:
    is_alive = found["x"] > now().timestamp() and found["o"] == str(party)
    return is_alive and not is_deleted_page(_digest(token), party=party)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _box() -> SecretBox:
    return SecretBox(hashlib.sha256(b"waylog/page-token/v1\n" + settings.SECRET_KEY.encode()).digest())


def _sealed(value: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(bytes(_box().encrypt(json.dumps(value).encode()))).decode().rstrip("=")


def _read(token: str) -> Mapping[str, Any] | None:
    """What was sealed; None where it was not sealed here."""
    if not token.isascii() or len(token) > 2_000:
        return None
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        found: Mapping[str, Any] = json.loads(_box().decrypt(sealed))
    except (CryptoError, ValueError):
        return None
    return found
