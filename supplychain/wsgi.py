"""The web server's entry point."""

import gc
import os
import sys

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supplychain.settings")
application = get_wsgi_application()

gc.collect()
gc.set_threshold(50_000, 10, 10)  # a batch makes many objects, and nearly all go by themselves
gc.freeze()  # what was loaded stays: looking at it again and again is a tenth of a capture's time

# A thread that holds the log's lock waits for the interpreter after each answer of the database: not 5 ms, then.
sys.setswitchinterval(0.001)
