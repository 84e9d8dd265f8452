"""The ledger as a Django application."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "ledger"
    verbose_name = "Ledger"

    def ready(self) -> None:
        """Let `ledger verify` check the cosignatures too."""
        from ledger import audit, cosigning

        audit.register_auditor("cosignatures", cosigning.audit_cosignatures)
