"""A database of a campaign's own: the servers that tests use, without fsync, in a folder that is thrown away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit


@contextmanager
def database() -> Iterator[Path]:
    """Start PostgreSQL, migrate, set Django up; yield a folder for state."""
    import django

    from supplychain.services import binaries, databases
    from supplychain.services.pytest_plugin import Services

    binaries.add_to_path()
    services = Services()
    os.environ["DJANGO_SETTINGS_MODULE"] = "supplychain.settings"
    try:
        services.decide()
        services.start()
        django.setup()
        name = urlsplit(os.environ["DATABASE_URL"]).path.lstrip("/")
        databases.make_test_database(name)
        yield services.folder.path
        from django.db import connections

        connections.close_all()
    finally:
        services.stop()
