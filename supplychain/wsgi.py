"""The web server's entry point."""

import gc
import os
import sys

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from supplychain.balance import evenly

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supplychain.settings")
application = evenly(get_wsgi_application(), settings.WAYLOG_DATA / "web-processes")

gc.collect()
gc.set_threshold(50_000, 10, 10)  # a batch makes many objects, and nearly all go by themselves
gc.freeze()  # what was loaded stays: looking at it again and again is a tenth of a capture's time

# A thread that holds the log's lock waits for the interpreter after each answer of the database: not 5 ms, then.
sys.setswitchinterval(0.001)
