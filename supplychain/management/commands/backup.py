"""`manage.py backup [FOLDER] [--with-secrets]`: the whole of an installation as one moment saw it."""

from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections, transaction
from django.utils import timezone

from ledger import queries, tenancy
from supplychain.services import backup
from supplychain.services.datafolder import DataFolder
from supplychain.services.errors import ServiceError


class Command(BaseCommand):
    """Dump the database in the snapshot that the manifest's checkpoint was read in."""

    help = "Write a backup: database, manifest and, when asked, the secrets without which sealed keys cannot be opened"

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the target."""
        parser.add_argument("folder", nargs="?", type=Path, help="where to write (default: waylog-<time> here)")
        parser.add_argument("--with-secrets", action="store_true", help="put the secrets in: guard it like the keys")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write it and say what it holds and what not."""
        now = timezone.now()  # noqa: TID251 - an edge
        target = options["folder"] or Path.cwd() / f"waylog-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        target = target.resolve()
        folder = DataFolder.from_environ()
        with transaction.atomic(), connections["default"].cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            with tenancy.system():
                head = self._head(now)
            cursor.execute("SELECT pg_export_snapshot()")
            row = cursor.fetchone()
            assert row is not None
            try:
                manifest = backup.write(target, folder, head, row[0], with_secrets=options["with_secrets"])
            except ServiceError as error:
                raise CommandError(str(error)) from error
        self.stdout.write(f"{target}: {manifest.tree_size} entries, root {manifest.root_hash or 'none'}")
        if not manifest.has_secrets:
            self.stdout.write(
                f"The secrets in {folder.secrets} are not in it: keep a copy elsewhere (or use --with-secrets). "
                "Without them keys held for parties, and the log's own, are lost."
            )

    def _head(self, now: datetime) -> dict[str, Any]:
        """Return what the manifest says of the log."""
        about: dict[str, Any] = {"made_at": now.astimezone(UTC).isoformat(timespec="seconds"), "release": _release()}
        try:
            head = queries.head()
        except queries.LogMissing:
            return {**about, "origin": None, "tree_size": 0, "root_hash": "", "checkpoint": ""}
        return {
            **about,
            "origin": head.origin,
            "tree_size": head.tree_size,
            "root_hash": bytes(head.root_hash).hex(),
            "checkpoint": head.checkpoint,
        }


def _release() -> str:
    try:
        return version("waylog")
    except PackageNotFoundError:
        return "source"
