"""The peer: quartet_epcis, the Django EPCIS repository on PyPI, in a virtual environment that is thrown away.

Its licence is the AGPL, so it is in no lock of ours. It is measured at its best: its own parser called in two
processes, straight into the same PostgreSQL, without HTTP, tokens, rules or a task queue, which its users have as well.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

PACKAGES = ("quartet_epcis==4.1.5", "quartet-capture", "haikunator", "djangorestframework", "psycopg[binary]")
DATABASE = "quartet_bench"
_LOADER = Path(__file__).with_name("quartet_loader.py")


def loaded(documents: list[bytes], *, events: int, owner_url: str) -> float:
    """Seconds that the peer takes for these XML documents with so many events, both processes together."""
    with tempfile.TemporaryDirectory(prefix="quartet-bench-") as folder, _database(owner_url) as url:
        here = Path(folder)
        python = _environment(here)
        for number, data in enumerate(documents):
            (here / f"{number:05}.xml").write_bytes(data)
        _run([str(python), str(_LOADER), url, "migrate"])
        said = _run([str(python), str(_LOADER), url, "load", folder])
    stored, took = said.split()[-2:]
    assert int(stored) == events, f"{stored} of {events} events are in the peer's tables"
    return float(took)


def _environment(folder: Path) -> Path:
    _run([sys.executable, "-m", "venv", str(folder / "venv")])
    python = folder / "venv" / "bin" / "python"
    _run([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES])
    return python


@contextmanager
def _database(owner_url: str) -> Iterator[str]:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        name = sql.Identifier(DATABASE)
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
    try:
        yield psycopg.conninfo.make_conninfo(owner_url, dbname=DATABASE)
    finally:
        with psycopg.connect(owner_url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(DATABASE)))


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[-3:]}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout
