"""What was backed up comes back, checked; what is damaged, incomplete or in the way is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ledger import queries, tenancy
from supplychain.services import backup
from supplychain.services.errors import ServiceError
from tests.cast import make_world

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def written(transactional_db: None, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A backup of a small world, with its secrets."""
    settings.WAYLOG_SECRETS = tmp_path / "secrets"
    monkeypatch.setenv("WAYLOG_SECRETS", str(tmp_path / "secrets"))
    make_world()
    call_command("backup", tmp_path / "backup", with_secrets=True, verbosity=0)
    return tmp_path / "backup"


def restore(*words: object, data: Path) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("WAYLOG_", "DATABASE_"))}
    env.pop("REDIS_URL", None)
    env.update(WAYLOG_DATA=str(data), WAYLOG_NO_VENV="1")
    command = [sys.executable, str(ROOT / "manage.py"), *map(str, words)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=180)


def test_a_backup_comes_back_to_the_same_root_and_verifies(written: Path, tmp_path: Path) -> None:
    manifest = backup.read(written)
    with tenancy.system():
        assert (manifest.origin, manifest.tree_size) == (queries.origin(), queries.tree_size())
    done = restore("restore", written, data=tmp_path / "new")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Restored {manifest.tree_size} entries of {manifest.origin}")
    verified = restore("ledger", "verify", data=tmp_path / "new")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert (tmp_path / "new" / "secrets").stat().st_mode & 0o777 == 0o700
    again = restore("restore", written, data=tmp_path / "new")
    assert again.returncode == 1
    assert "is not empty" in again.stderr
    assert again.stderr.count("\n") == 1


def test_a_backup_without_secrets_says_where_they_are_and_asks_for_them(
    written: Path, tmp_path: Path, capsys: Any
) -> None:
    call_command("backup", tmp_path / "bare")
    assert f"The secrets in {tmp_path / 'secrets'} are not in it" in capsys.readouterr().out
    assert not (tmp_path / "bare" / "secrets").exists()
    done = restore("restore", tmp_path / "bare", data=tmp_path / "new")
    assert done.returncode == 1
    assert "add --secrets FOLDER with the kept copy" in done.stderr
    assert not (tmp_path / "new").exists()


def test_passwords_of_servers_are_in_no_backup(written: Path, tmp_path: Path) -> None:
    (tmp_path / "secrets" / "postgres-waylog_app").write_text("ab" * 24)
    call_command("backup", tmp_path / "second", with_secrets=True, verbosity=0)
    assert not list((tmp_path / "second" / "secrets").glob("postgres-*"))
    assert list((tmp_path / "second" / "secrets").iterdir())


def test_a_damaged_or_foreign_backup_is_refused(written: Path) -> None:
    dump = written / "database.dump"
    whole = dump.read_bytes()
    dump.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ServiceError, match="is not what its manifest says"):
        backup.read(written)
    dump.unlink()
    with pytest.raises(ServiceError, match=r"lacks database\.dump"):
        backup.read(written)
    text = json.loads((written / "manifest.json").read_text())
    (written / "manifest.json").write_text(json.dumps({**text, "format": "waylog-backup/9"}))
    with pytest.raises(ServiceError, match="is of the format waylog-backup/9"):
        backup.read(written)


def test_a_backup_never_overwrites_another(written: Path) -> None:
    with pytest.raises(CommandError, match="is there already"):
        call_command("backup", written)
