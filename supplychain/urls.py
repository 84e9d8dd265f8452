"""All addresses."""

from django.urls import include, path

urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("api/v1/", include("supplychain.api.urls")),
    path("epcis/", include("supplychain.epcis_api.urls")),
    path("log/", include("ledger.urls")),
    path("oauth/", include("supplychain.api.oauth")),
    path("", include("supplychain.web.urls")),
]
