"""Little free disk space is a refusal in words, before anything is promised."""

from collections.abc import Iterator
from typing import Any

import pytest

from ledger import diskspace, queries
from ledger.admission import Appended
from tests.ledger.conftest import Log, Member


@pytest.fixture(autouse=True)
def fresh(settings: Any) -> Iterator[None]:
    settings.WAYLOG_MIN_FREE_PERCENT = 10
    diskspace.forget()
    yield
    diskspace.forget()


def free(monkeypatch: pytest.MonkeyPatch, percent: float) -> list[Any]:
    asked: list[Any] = []
    monkeypatch.setattr(diskspace, "measure", lambda folder: asked.append(folder) or percent)
    return asked


def test_nothing_is_appended_below_the_limit(
    log: Log, grower: Member, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    size = queries.tree_size()
    diskspace.forget()
    free(monkeypatch, 9.9)
    with pytest.raises(diskspace.DiskLow, match=r"only 9\.9 % of the disk is free") as refused:
        log.append(log.event(grower))
    assert (refused.value.status, queries.tree_size()) == (507, size)
    settings.WAYLOG_MIN_FREE_PERCENT = 5
    [outcome] = log.append(log.event(grower))
    assert isinstance(outcome, Appended)


def test_the_fullest_of_the_disks_decides(settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    settings.WAYLOG_DATA = tmp_path
    settings.WAYLOG_CHECKPOINT_FILE = tmp_path / "other" / "not yet" / "checkpoint"
    (tmp_path / "postgres").mkdir()
    (tmp_path / "other").mkdir()
    shares = {tmp_path: 50.0, tmp_path / "postgres": 30.0, tmp_path / "other": 20.0}
    monkeypatch.setattr(diskspace, "measure", shares.__getitem__)
    assert diskspace.check() == "20 % free"
    diskspace.forget()
    shares[tmp_path / "postgres"] = 1.0
    with pytest.raises(diskspace.DiskLow):
        diskspace.check()


def test_a_measurement_is_good_for_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = free(monkeypatch, 50)
    diskspace.check()
    count = len(asked)
    diskspace.check()
    assert len(asked) == count > 0
    diskspace.forget()
    diskspace.check()
    assert len(asked) == 2 * count


def test_a_real_disk_has_a_share_between_nothing_and_all(tmp_path: Any) -> None:
    assert 0 <= diskspace.measure(tmp_path) <= 100
