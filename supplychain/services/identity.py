"""As whom PostgreSQL runs. It refuses root, so under root it gets a user namespace of its own, else the user nobody."""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from supplychain.services.errors import ServiceError

NOBODY = 65534
NAMESPACE = ("--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--")


@dataclass(frozen=True, slots=True)
class Identity:
    """How to start a program as somebody: words put before its command, and arguments for Popen."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def popen(self) -> dict[str, Any]:
        """Return the arguments for `subprocess.Popen`."""
        return {} if self.uid is None else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, folder: Path) -> None:
        """Give `folder`, whole, to whom PostgreSQL runs as (only root can, and needs to)."""
        if os.geteuid() != 0 or not folder.exists():
            return
        uid, gid = self.uid or 0, self.gid or 0
        if folder.stat().st_uid == uid:
            return
        for path in (folder, *(folder.rglob("*") if folder.is_dir() else ())):
            os.chown(path, uid, gid, follow_symlinks=False)


def choose(*, data: Path, programs: Path) -> Identity:
    """Return as whom PostgreSQL can run here; raises ServiceError naming the folder that is in the way.

    In the namespace it keeps root's id towards files but none of root's powers: what is closed to the mere owner of
    root's files (a private folder of another user) is closed to it.
    """
    if os.geteuid() != 0:
        return Identity()
    if (unshare := namespace_program()) and shut_to(0, 0, (programs, data)) is None:
        return Identity(prefix=(unshare, *NAMESPACE))
    return nobody(data=data, programs=programs)


@cache
def namespace_program() -> str | None:
    """The path of `unshare` where it may make user namespaces, else None."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return None
    tried = subprocess.run([unshare, *NAMESPACE, "true"], capture_output=True, check=False)
    return unshare if tried.returncode == 0 else None


def nobody(*, data: Path, programs: Path) -> Identity:
    """Return the user nobody; raises ServiceError naming the first folder that does not let it in."""
    try:
        user = pwd.getpwnam("nobody")
        uid, gid = user.pw_uid, user.pw_gid
    except KeyError:
        uid = gid = NOBODY
    if (shut := shut_to(uid, gid, (programs, data))) is not None:
        raise ServiceError(
            f"PostgreSQL does not run as root, and the user nobody may not enter {shut}: "
            f"run `chmod o+x {shut}`, set WAYLOG_DATA to a folder elsewhere, or start as another user"
        )
    return Identity(uid=uid, gid=gid)


def shut_to(uid: int, gid: int, places: Iterable[Path]) -> Path | None:
    """Return the first folder on the way to these places that does not let somebody in."""
    for place in places:
        for folder in reversed((place, *place.parents)):
            if folder.exists() and not _lets_in(folder, uid, gid):
                return folder
    return None


def _lets_in(folder: Path, uid: int, gid: int) -> bool:
    found = folder.stat()
    if found.st_uid == uid:
        return bool(found.st_mode & stat.S_IXUSR)
    return bool(found.st_mode & (stat.S_IXGRP if found.st_gid == gid else stat.S_IXOTH))
