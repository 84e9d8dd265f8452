"""The web server's entry point."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supplychain.settings")
application = get_wsgi_application()

gc.collect()
gc.freeze()  # what was loaded stays: looking at it again and again is a tenth of a capture's time
