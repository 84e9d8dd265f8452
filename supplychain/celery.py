"""The Celery application, and when scheduled jobs run (UTC)."""

import gc
import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import worker_process_init, worker_ready

from supplychain import heartbeat

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supplychain.settings")

app = Celery("waylog")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_scheduler = f"{heartbeat.__name__}:Scheduler"
app.conf.beat_max_loop_interval = 5
app.conf.beat_schedule = {
    "nightly-forecast": {"task": "forecasting.tasks.nightly_forecast", "schedule": crontab(hour=2, minute=10)},
    "weekly-choice": {
        "task": "forecasting.tasks.weekly_choice",
        "schedule": crontab(day_of_week="sun", hour=0, minute=30),
    },
    "let-go-of-forecasts": {"task": "forecasting.tasks.let_go", "schedule": crontab(hour=4, minute=40)},
    "nightly-audit": {"task": "supplychain.tasks.nightly_audit", "schedule": crontab(hour=3, minute=40)},
    "learn-arrivals": {"task": "supplychain.tasks.learn_arrivals", "schedule": crontab(hour=2, minute=50)},
    "nightly-plans": {"task": "supplychain.tasks.nightly_plans", "schedule": crontab(hour=4, minute=10)},
    "refresh-arrivals": {"task": "supplychain.tasks.refresh_arrivals", "schedule": 60.0},
    "measure-load": {"task": "supplychain.tasks.measure_load", "schedule": crontab(minute=2)},
    "sweep-jobs": {"task": "forecasting.tasks.sweep_jobs", "schedule": 15.0},
    "remind-of-ending-keys": {"task": "supplychain.tasks.remind_of_ending_keys", "schedule": crontab(hour=6, minute=5)},
    "expire-keys": {"task": "ledger.tasks.expire_keys", "schedule": 300.0},
    "deliver-due": {
        "task": "supplychain.tasks.deliver_due",
        "schedule": 5.0,
        "options": {"queue": "webhooks", "expires": 30},
    },
    "tend-webhooks": {"task": "supplychain.tasks.tend_webhooks", "schedule": crontab(hour=4, minute=20)},
    "publish-checkpoint": {"task": "ledger.tasks.publish_checkpoint", "schedule": 60.0},
}


@worker_process_init.connect
@worker_ready.connect
def _leave_what_was_loaded(**_: Any) -> None:
    """What was loaded stays: looking at it again and again is a tenth of a capture's time."""
    gc.collect()
    gc.freeze()
