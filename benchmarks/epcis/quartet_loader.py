"""Runs in the peer's own environment: makes its tables, or parses XML documents into them from two processes."""

import io
import multiprocessing
import sys
import time
from pathlib import Path

PROCESSES = 2


def set_up(conninfo: str) -> None:
    """Configure Django for the database of `conninfo` (libpq's key=value form)."""
    import django
    from django.conf import settings
    from psycopg import conninfo as parser

    given = parser.conninfo_to_dict(conninfo)
    settings.configure(
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "quartet_capture",
            "quartet_epcis",
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": given.get("dbname", ""),
                "USER": given.get("user", ""),
                "PASSWORD": given.get("password", ""),
                "HOST": given.get("host", ""),
                "PORT": given.get("port", ""),
            }
        },
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )
    django.setup()


def parse_all(conninfo: str, paths: list[str], gate: object) -> None:
    """Parse each document into the database, as its capture step does with loose enforcement."""
    set_up(conninfo)
    from quartet_epcis.parsing.parser import QuartetParser

    gate.wait()
    for path in paths:
        QuartetParser(io.BytesIO(Path(path).read_bytes())).parse()


def main(conninfo: str, what: str, folder: str = "") -> None:
    """Do what is asked; print how many events are in the tables, and the seconds that loading them took."""
    if what == "migrate":
        set_up(conninfo)
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        return
    paths = sorted(str(path) for path in Path(folder).glob("*.xml"))
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(PROCESSES + 1)
    started = [
        context.Process(target=parse_all, args=(conninfo, paths[number::PROCESSES], gate))
        for number in range(PROCESSES)
    ]
    for process in started:
        process.start()
    gate.wait()
    start = time.perf_counter()
    for process in started:
        process.join()
    took = time.perf_counter() - start
    if any(process.exitcode for process in started):
        sys.exit("a loader failed")
    set_up(conninfo)
    from quartet_epcis.models.events import Event

    print(Event.objects.count(), took)


if __name__ == "__main__":
    main(*sys.argv[1:])
