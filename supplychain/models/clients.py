"""Programs that act for a party through the API."""

from django.db import models
from oauth2_provider.models import AbstractApplication

from supplychain.models.parties import Party


class ApiClient(AbstractApplication):
    """An OAuth 2 client. It acts for one party, within the scopes that were granted to it."""

    party = models.ForeignKey(Party, models.CASCADE, related_name="api_clients", null=True)
    granted_scopes = models.TextField(
        default="", blank=True, help_text="The scopes it may ask for, separated by spaces."
    )
    last_used_at = models.DateTimeField(null=True)

    class Meta(AbstractApplication.Meta):
        swappable = "OAUTH2_PROVIDER_APPLICATION_MODEL"
