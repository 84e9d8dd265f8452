"""manage.py keeps .venv equal to the lock: made when missing, half made or old; started again once, never in a loop."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with nothing to install, whose only command says where it runs."""
    folder = tmp_path_factory.mktemp("clone")
    shutil.copy(ROOT / "manage.py", folder)
    (folder / "requirements.lock").write_text("# nothing\n")
    (folder / "supplychain" / "services").mkdir(parents=True)
    (folder / "supplychain" / "services" / "launch.py").write_text(
        "import sys\ndef main(argv):\n    print('runs in', sys.prefix, *argv[1:])\n    return 7\n"
    )
    return folder


def manage(clone: Path, *words: str, python: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WAYLOG_")}
    command = [python or getattr(sys, "_base_executable", sys.executable), str(clone / "manage.py"), *words]
    return subprocess.run(command, env={**kept, **env}, capture_output=True, text=True, timeout=120)


def stamp(clone: Path) -> Path:
    return clone / ".venv" / "waylog.stamp"


def test_two_first_starts_make_one_environment_and_run_in_it(clone: Path) -> None:
    with (clone / ".venv.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            [getattr(sys, "_base_executable", sys.executable), str(clone / "manage.py"), "hello", "--world"],
            env={name: value for name, value in os.environ.items() if not name.startswith("WAYLOG_")},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "another process makes .venv: waiting for it\n"
    said = waiting.communicate(timeout=120)[0]
    assert waiting.returncode == 7
    assert "with 0 pinned packages" in said
    assert said.endswith(f"runs in {clone / '.venv'} hello --world\n")
    assert stamp(clone).read_text().strip() == hashlib.sha256(b"# nothing\n").hexdigest()


def test_a_second_start_makes_nothing(clone: Path) -> None:
    assert manage(clone).stdout == f"runs in {clone / '.venv'}\n"


def test_an_environment_that_does_not_hold_is_reported_and_not_made_again_and_again(clone: Path) -> None:
    done = manage(clone, WAYLOG_STARTED_AGAIN="1")
    assert done.returncode == 1
    assert done.stderr.startswith(f"{clone / '.venv'} does not work as it was made")
    assert done.stderr.count("\n") == 1


def test_a_failed_install_says_so_and_the_next_start_makes_all_of_it_anew(clone: Path) -> None:
    lock = clone / "requirements.lock"
    lock.write_text("waylog-is-not-a-package==1.0 --hash=sha256:" + "0" * 64 + "\n")
    done = manage(clone, PIP_NO_INDEX="1")
    assert done.returncode == 1
    assert "nothing is half used" in done.stderr
    assert not stamp(clone).exists()
    lock.write_text("# nothing\n")
    (clone / ".venv" / "leftover").touch()
    inside = str(clone / ".venv" / "bin" / "python")  # from within the environment that is replaced
    assert manage(clone, python=inside).stdout.endswith(f"runs in {clone / '.venv'}\n")
    assert not (clone / ".venv" / "leftover").exists()


def test_a_container_that_brings_its_packages_makes_no_environment(clone: Path) -> None:
    done = manage(clone, python=sys.executable, WAYLOG_NO_VENV="1")
    assert done.stdout == f"runs in {sys.prefix}\n"
