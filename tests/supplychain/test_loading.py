"""What a process loads before it is asked for anything: what only forecasts need stays away until one is made."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
HEAVY = {"sklearn", "scipy", "pandas", "numba", "llvmlite", "prophet", "cmdstanpy", "matplotlib"}
_LOADED = """
import django, sys
django.setup()
{more}
print(*sorted(sys.modules.keys() & {heavy}))
"""


@pytest.mark.parametrize(
    "more",
    [
        pytest.param("from django.urls import resolve; resolve('/')", id="web"),
        pytest.param(
            "from supplychain.celery import app; app.loader.import_default_modules(); app.finalize()", id="worker"
        ),
    ],
)
def test_nothing_that_only_forecasts_need_is_loaded_at_the_start(more: str, tmp_path: Path) -> None:
    code = _LOADED.format(more=more, heavy=HEAVY)
    environment = {"DJANGO_SETTINGS_MODULE": "supplychain.settings", "WAYLOG_DATA": str(tmp_path), "PATH": ""}
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout.split()) == (0, []), ran.stderr
