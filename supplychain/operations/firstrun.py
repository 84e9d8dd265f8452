"""The first run without a demo world: a link that works once, then the company, its manager, products and sites."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from ledger import queries as log
from ledger.admission import Refused
from supplychain.models import Role, User
from supplychain.operations.setup import NewPerson, NewProduct, NewSite, set_up_log


class FirstRunRefused(Refused):
    """The link does not hold, or there is a log already."""

    code = "first_run"
    status = 404


@dataclass(frozen=True, slots=True)
class Company:
    """What the page asks for. Without a URI the company gets a private one under the server's host."""

    name: str
    uri: str
    manager: str
    email: str
    password: str
    products: Sequence[NewProduct] = ()
    sites: Sequence[NewSite] = ()


def is_needed() -> bool:
    """Whether there is no log yet."""
    try:
        log.tree_size()
    except log.LogMissing:
        return True
    return False


def make_token() -> str:
    """Make the secret of a new link; links made before stop working. Only its hash is kept. Raises FirstRunRefused."""
    if not is_needed():
        raise FirstRunRefused("There is a log already: its first run is over.")
    token = secrets.token_urlsafe(24)
    kept = _file()
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.touch(mode=0o600)
    kept.chmod(0o600)
    kept.write_text(_digest(token) + "\n")
    return token


def check_token(token: str) -> None:
    """Raise FirstRunRefused unless this is the latest link's secret and there is no log yet."""
    kept = _file()
    known = kept.read_text().strip() if kept.is_file() else ""
    if not known or not hmac.compare_digest(known, _digest(token)) or not is_needed():
        raise FirstRunRefused("This link is not valid any more.")


@transaction.atomic
def set_up(token: str, company: Company, *, now: datetime) -> User:
    """Make the log with `company` as its operator, its manager, products and sites; the link is used up.

    Raises FirstRunRefused, and what registering the party refuses.
    """
    check_token(token)
    set_up_log(
        host=settings.WAYLOG_HOST,
        operator_name=company.name,
        operator_uri=company.uri,
        people=[NewPerson(company.manager, company.email, Role.MANAGER, company.password)],
        sites=company.sites,
        products=company.products,
        now=now,
    )
    transaction.on_commit(lambda: _file().unlink(missing_ok=True))
    return User.objects.get(email__iexact=company.email)


def _file() -> Path:
    return Path(settings.WAYLOG_DATA) / "firstrun"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
