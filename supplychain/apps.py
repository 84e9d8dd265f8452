"""The product as a Django application: here the lower rooms are told what only this one knows."""

from django.apps import AppConfig
from django.core.checks import Tags, register


class SupplychainConfig(AppConfig):
    name = "supplychain"
    verbose_name = "Waylog"

    def ready(self) -> None:
        """Load the Celery application and the checks, and register the decoder and the auditors."""
        from supplychain import checks
        from supplychain.celery import app

        app.set_default()
        register(checks.roles_are_split, Tags.security, deploy=True)
        register(checks.checkpoint_is_apart, Tags.security, deploy=True)
        register(checks.connections_suffice, Tags.database, deploy=True)
        register(checks.policy_is_readable)
        _register_readers()
        _register_projections()
        _register_jobs()


def _register_readers() -> None:
    """Entries of the log are for whoever shows a token or a session of a party."""
    from ledger.views import register_reader
    from supplychain.tokens import may_read_entries
    from supplychain.web.accounts import is_member

    register_reader(may_read_entries)
    register_reader(is_member)


def _register_projections() -> None:
    """Forecasts learn what events mean, and the audit what follows from them."""
    from forecasting import arrivalproof, arrivals, history, plans, runproof, stocking
    from ledger import audit
    from supplychain import decoder
    from supplychain.operations import rebuild

    history.register_decoder(decoder.decode)
    history.register_countries(decoder.countries)
    arrivals.register_decoder(decoder.decode_movements)
    plans.register_decoder(decoder.decode_stock)
    audit.register_auditor("projections", rebuild.differences)
    audit.register_auditor("forecasts", lambda: (audit.Fault(index, what) for index, what in runproof.faults()))
    audit.register_auditor("stock", lambda: (audit.Fault(index, what) for index, what in stocking.differences()))
    audit.register_auditor("arrivals", lambda: (audit.Fault(index, what) for index, what in arrivalproof.faults()))


def _register_jobs() -> None:
    """Large EPCIS documents are captured by the worker, and it checks the log each night."""
    from forecasting import jobs
    from supplychain.operations import arrivals, auditing, documents, plans

    jobs.register(documents.KIND, documents.perform, queue=documents.QUEUE)
    jobs.register(auditing.KIND, auditing.audit)
    jobs.register(arrivals.KIND, arrivals.perform)
    jobs.register(plans.KIND, plans.perform)
