"""What the frame around every page shows."""

from typing import Any

from django.http import HttpRequest

from supplychain.web.accounts import membership_of


def shell(request: HttpRequest) -> dict[str, Any]:
    """The acting membership; pages add the rest."""
    return {"membership": membership_of(request)}
