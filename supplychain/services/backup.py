"""Backups: the database as one moment saw it, the secrets when asked, and a manifest that says what is there.

Used by the commands `backup` and `restore`. A backup is a folder:

    waylog-20261122T210000Z/
      manifest.json     what this is, and the SHA-256 of every other file
      database.dump     pg_dump's custom format
      secrets/...       with --with-secrets only: the keys that open sealed keys
      state/...         small files beside the database: world, demo.json
"""

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from supplychain.services import binaries
from supplychain.services.datafolder import DataFolder
from supplychain.services.errors import ServiceError

FORMAT = "waylog-backup/1"
STATE = ("world", "demo.json")
SERVICE_SECRETS = ("postgres-", "valkey")
"""Passwords of servers, which a restored folder makes anew."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds."""

    format: str
    made_at: str
    release: str
    origin: str | None
    tree_size: int
    root_hash: str
    checkpoint: str
    secrets_from: str
    files: dict[str, str]

    @property
    def has_secrets(self) -> bool:
        """Whether the secrets are in it."""
        return any(name.startswith("secrets/") for name in self.files)


def write(target: Path, folder: DataFolder, head: dict[str, Any], snapshot: str, *, with_secrets: bool) -> Manifest:
    """Write the backup to `target`, whole or not at all; raises ServiceError.

    `head` is the log's newest row and `snapshot` the exported snapshot that it was read in.
    """
    draft = target.with_name(f".{target.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    if target.exists():
        raise ServiceError(f"{target} is there already")
    draft.mkdir(mode=0o700, parents=True)
    try:
        _run("pg_dump", "--format=custom", f"--snapshot={snapshot}", "-f", str(draft / "database.dump"))
        _copy_state(folder, draft, with_secrets=with_secrets)
        files = {str(path.relative_to(draft)): _sha256(path) for path in sorted(draft.rglob("*")) if path.is_file()}
        manifest = Manifest(format=FORMAT, secrets_from=str(folder.secrets), files=files, **head)
        _write_private(draft / "manifest.json", json.dumps(asdict(manifest), indent=1) + "\n")
        _sync(draft)
        draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


def read(source: Path) -> Manifest:
    """Read a backup's manifest and check every file against it; raises ServiceError."""
    try:
        manifest = Manifest(**json.loads((source / "manifest.json").read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise ServiceError(f"{source} is no backup: its manifest.json cannot be read ({error})") from error
    if manifest.format != FORMAT:
        raise ServiceError(f"{source} is of the format {manifest.format}; this release reads {FORMAT}")
    for name, wanted in manifest.files.items():
        path = source / name
        if ".." in Path(name).parts or not path.is_file():
            raise ServiceError(f"{source} lacks {name}")
        if _sha256(path) != wanted:
            raise ServiceError(f"{path} is not what its manifest says: the backup is damaged or was changed")
    return manifest


def load(source: Path) -> None:
    """Load the dump into the empty database of DATABASE_OWNER_URL, in one transaction; raises ServiceError."""
    dump = str(source / "database.dump")
    _run("pg_restore", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", dump)


def put_secrets_back(source: Path, folder: DataFolder) -> None:
    """Copy secrets and state from the backup into the folder."""
    for kind, target in (("secrets", folder.secrets), ("state", folder.path)):
        if (source / kind).is_dir():
            for path in (source / kind).iterdir():
                _copy_private(path, target / path.name)


def copy_secrets(source: Path, target: Path) -> None:
    """Copy the kept secrets to `target`, the passwords of servers apart; raises ServiceError."""
    if not source.is_dir():
        raise ServiceError(f"{source} is no folder of secrets")
    for path in source.iterdir():
        if path.is_file() and not path.name.startswith((".", *SERVICE_SECRETS)):
            _copy_private(path, target / path.name)


def _copy_state(folder: DataFolder, draft: Path, *, with_secrets: bool) -> None:
    (draft / "state").mkdir(mode=0o700)
    for name in STATE:
        if (folder.path / name).is_file():
            _copy_private(folder.path / name, draft / "state" / name)
    if with_secrets:
        (draft / "secrets").mkdir(mode=0o700)
        copy_secrets(folder.secrets, draft / "secrets")


def _run(tool: str, *words: str) -> None:
    """Run a client program of PostgreSQL as the owner; its password goes through the environment."""
    url = os.environ.get("DATABASE_OWNER_URL") or os.environ["DATABASE_URL"]
    given = conninfo_to_dict(url)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    env = {**os.environ, **{names[key]: str(value) for key, value in given.items() if key in names}}
    env["PGOPTIONS"] = "-c waylog.party=*"
    target = ("-d", str(given["dbname"]))
    done = subprocess.run(
        [binaries.postgres_tool(tool), *target, *words], env=env, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ServiceError(f"{tool} failed: {' / '.join(done.stderr.strip().splitlines()[-3:])}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy_private(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    target.touch(mode=0o600)
    target.write_bytes(source.read_bytes())


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def _sync(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
