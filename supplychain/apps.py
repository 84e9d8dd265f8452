"""The product as a Django application: here the lower rooms are told what only this one knows."""

from django.apps import AppConfig


class SupplychainConfig(AppConfig):
    name = "supplychain"
    verbose_name = "Waylog"

    def ready(self) -> None:
        """Load the Celery application, and register the decoder and the auditors."""
        from supplychain.celery import app

        app.set_default()
