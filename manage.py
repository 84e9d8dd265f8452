#!/usr/bin/env python3
"""Django's entry point. It keeps the folder .venv equal to requirements.lock, and nothing else.

Only the standard library until this runs in .venv. Where it does not, or the stamp in .venv is not the SHA-256 of
requirements.lock, it makes .venv anew and starts itself again, once. WAYLOG_NO_VENV=1 leaves all that to a container.
"""

import os
import sys

if sys.version_info < (3, 11) or sys.version_info >= (3, 15):  # before anything that an old Python cannot read
    found = ".".join(map(str, sys.version_info[:2]))
    sys.exit("Waylog needs Python 3.11 to 3.14 and this is " + found + ": type `python3.12 " + " ".join(sys.argv) + "`")

import contextlib
import fcntl
import hashlib
import importlib.util
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
STAMP = VENV / "waylog.stamp"
STARTED_AGAIN = "WAYLOG_STARTED_AGAIN"


def main() -> int:
    """Make sure of the environment, then hand over."""
    if os.environ.get("WAYLOG_NO_VENV") != "1":
        ensure_environment()
    os.environ.pop(STARTED_AGAIN, None)
    sys.path.insert(0, str(ROOT))
    from supplychain.services import launch

    return launch.main(sys.argv)


def ensure_environment() -> None:
    """Return in .venv with the locked packages, or start again in it; ends with one line where that cannot be."""
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    inside = Path(sys.prefix).resolve() == VENV.resolve()
    if inside and stamp() == wanted:
        return
    if os.environ.get(STARTED_AGAIN):
        sys.exit(f"{VENV} does not work as it was made: remove it and type `python3 manage.py` again")
    try:
        with locked(ROOT / ".venv.lock"):
            if stamp() != wanted or not os.access(VENV / "bin" / "python", os.X_OK):
                make_environment(wanted)
    except PermissionError as error:
        sys.exit(f"cannot write {error.filename}: {ROOT} belongs to another user; make a clone of your own")
    os.environ[STARTED_AGAIN] = "1"
    sys.stdout.flush()
    python = str(VENV / "bin" / "python")
    os.execv(python, [python, str(ROOT / "manage.py"), *sys.argv[1:]])


def stamp() -> str:
    """Return what .venv was made from; nothing when it was not finished."""
    try:
        return STAMP.read_text().strip()
    except OSError:
        return ""


def make_environment(wanted: str) -> None:
    """Make .venv anew from the wheels that requirements.lock names by their hashes; the stamp comes last."""
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        sys.exit(f"this Python comes without ensurepip: type `apt-get install python{version}-venv`, then try again")
    began = time.monotonic()
    count = sum(line[:1].isalnum() for line in LOCK.read_text().splitlines())
    print(f"Making {VENV} with {count} pinned packages: once, about a minute", flush=True)
    STAMP.unlink(missing_ok=True)
    shutil.rmtree(VENV, ignore_errors=True)
    python = str(VENV / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    for command in (
        [getattr(sys, "_base_executable", sys.executable), "-m", "venv", str(VENV)],
        [*pip, "--require-hashes", "--only-binary", ":all:", "--no-deps", "-r", str(LOCK)],
    ):
        if subprocess.run(command, check=False).returncode != 0:
            sys.exit(f"could not make {VENV} (see above); nothing is half used: type the same again to try again")
    STAMP.write_text(wanted + "\n")
    print(f"  made in {time.monotonic() - began:.0f} s", flush=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file lock; say so when another process makes the environment meanwhile."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another process makes .venv: waiting for it", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
