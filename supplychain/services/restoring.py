"""`manage.py restore FOLDER`: a backup into an empty data folder, before Django reads its settings."""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from supplychain.services import backup
from supplychain.services.datafolder import ROOT, DataFolder
from supplychain.services.embedded import plan, started
from supplychain.services.errors import ServiceError


def parser() -> argparse.ArgumentParser:
    """Return the command's arguments."""
    asked = argparse.ArgumentParser(prog="manage.py restore", description="Put a backup into an empty data folder")
    asked.add_argument("folder", type=Path, help="what `manage.py backup` wrote")
    asked.add_argument("--secrets", type=Path, help="the kept copy of the secrets folder, where the backup has none")
    asked.add_argument("--without-secrets", action="store_true", help="restore to read and verify only")
    return asked


def main(argv: Sequence[str]) -> int:
    """Restore, then check that the log is the one that the manifest names; raises ServiceError."""
    options = parser().parse_args(argv)
    source = options.folder.resolve()
    manifest, folder = backup.read(source), DataFolder.from_environ()
    if not (manifest.has_secrets or options.secrets or options.without_secrets):
        raise ServiceError(
            "this backup holds no secrets: add --secrets FOLDER with the kept copy of "
            f"{manifest.secrets_from}, or --without-secrets to read and verify only"
        )
    _refuse_filled(folder)
    with ExitStack() as stack:
        stack.enter_context(folder.held(patience=0))
        backup.put_secrets_back(source, folder)
        if options.secrets:
            backup.copy_secrets(options.secrets, folder.secrets)
        servers = plan(folder)
        stack.enter_context(started(folder, servers))
        os.environ.update(servers.env)
        _refuse_filled_database()
        backup.load(source)
        _manage("migrate", "--verbosity=0")
        _check(manifest)
    sys.stdout.write(
        f"Restored {manifest.tree_size} entries of {manifest.origin or 'no log'} into {folder.path}; "
        "`manage.py ledger verify` reads all of it again\n"
    )
    return 0


def _refuse_filled(folder: DataFolder) -> None:
    if not folder.path.exists():
        return
    left = sorted(path.name for path in folder.path.iterdir() if path.name not in {"lock", "users"})
    if left:
        raise ServiceError(f"{folder.path} is not empty ({', '.join(left[:3])}): set WAYLOG_DATA to a new folder")


def _refuse_filled_database() -> None:
    import psycopg

    with psycopg.connect(_owner()) as connection:
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    if row and row[0]:
        raise ServiceError("the database that DATABASE_URL names is not empty: make a new one")


def _check(manifest: backup.Manifest) -> None:
    """Compare the restored head with the manifest's."""
    if manifest.origin is None:
        return
    import psycopg

    with psycopg.connect(_owner()) as connection:
        row = connection.execute("SELECT origin, tree_size, encode(root_hash, 'hex') FROM ledger_head").fetchone()
    if row != (manifest.origin, manifest.tree_size, manifest.root_hash):
        raise ServiceError(f"what was restored is not what the manifest names: {row}")


def _manage(*words: str) -> None:
    done = subprocess.run([sys.executable, str(ROOT / "manage.py"), *words], env=os.environ, check=False)
    if done.returncode != 0:
        raise ServiceError(f"manage.py {words[0]} failed (see above)")


def _owner() -> str:
    return os.environ.get("DATABASE_OWNER_URL") or os.environ["DATABASE_URL"]
