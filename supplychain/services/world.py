"""Which world a data folder keeps: the demo's or real data; never both, and never one after the other."""

import os
import shutil
from collections.abc import Mapping

from supplychain.services.datafolder import DataFolder
from supplychain.services.errors import ServiceError

DEMO, UNFINISHED, REAL = "demo", "demo, unfinished", "real"


def kept(folder: DataFolder) -> str:
    """Return what the folder keeps; nothing for a new one."""
    try:
        return (folder.path / "world").read_text().strip()
    except FileNotFoundError:
        return ""


def note(folder: DataFolder, world: str) -> None:
    """Write down what the folder keeps."""
    draft = folder.path / ".world.draft"
    draft.write_text(world + "\n")
    draft.rename(folder.path / "world")


def wanted(folder: DataFolder, environ: Mapping[str, str] = os.environ) -> str:
    """Return DEMO or REAL, as WAYLOG_DEMO says, as the folder is where it says nothing; raises ServiceError."""
    asked, has = environ.get("WAYLOG_DEMO", "").strip().lower(), kept(folder)
    if not asked:
        return REAL if has == REAL else DEMO
    want = DEMO if asked in {"1", "true", "yes", "on"} else REAL
    if has == REAL and want == DEMO:
        raise ServiceError(f"{folder.path} keeps real data: start with WAYLOG_DEMO=0, or set WAYLOG_DATA elsewhere")
    if has.startswith(DEMO) and want == REAL:
        raise ServiceError(f"{folder.path} keeps the demo: start without WAYLOG_DEMO=0, or set WAYLOG_DATA elsewhere")
    return want


def clear_unfinished(folder: DataFolder, environ: Mapping[str, str] = os.environ) -> bool:
    """Remove a demo world whose making was interrupted, so that it is made anew; raises ServiceError.

    Nobody was told its log-ins yet. In a database that is not ours nothing is removed. A checkpoint that is kept
    elsewhere stays: its file is named after a log that nobody will continue.
    """
    if kept(folder) != UNFINISHED:
        return False
    if environ.get("DATABASE_URL"):
        raise ServiceError("the demo world in this database was not finished: empty the database, then start again")
    for path in [folder.secrets, *folder.path.iterdir()]:
        if path == folder.logs or path.name in {"lock", "users", "services.json", "world"}:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    (folder.path / "world").unlink()
    folder.make()
    return True
