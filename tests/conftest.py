"""What every test may use."""

from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("waylog", deadline=None)  # a machine that is busy is no fault of the code
hypothesis.settings.load_profile("waylog")
ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"
"""Public vectors and real data, kept beside the project and never in it."""


def shared(path: str) -> Path:
    """The shared file or folder at `path`; the test is skipped, with the reason, where it is absent."""
    found = SHARED / path
    if not found.exists():
        pytest.skip(f"the shared data ({path}) is not beside this checkout", allow_module_level=True)
    return found
