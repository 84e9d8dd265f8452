"""A world with its cast, for whatever needs a log."""

from typing import Any

import pytest

from tests.cast import World, make_world


@pytest.fixture
def world(db: None, settings: Any, tmp_path: Any) -> World:
    settings.WAYLOG_SECRETS = tmp_path / "secrets"
    return make_world()
