"""Forecasting as a Django application."""

import os

from django.apps import AppConfig

# One thread a process: workers are what runs in parallel. Read by the libraries when numpy is first imported.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "STAN_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")


class ForecastingConfig(AppConfig):
    name = "forecasting"
    verbose_name = "Forecasting"

    def ready(self) -> None:
        """Tell the job runner what the jobs of forecasts do."""
        from forecasting import arrivalrows as arrivalrows  # tables of this room that lie beside its models
        from forecasting import jobs, operations
        from forecasting import planrows as planrows

        jobs.register(operations.FORECAST, operations.forecast)
        jobs.register(operations.CHOICE, operations.choice)
        jobs.register(operations.SHARD, operations.shard, failed=operations.shard_failed)
        jobs.register(operations.SIGN, operations.sign, failed=operations.sign_failed)
