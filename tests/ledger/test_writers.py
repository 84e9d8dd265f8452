"""The short form of campaigns.writers."""

from typing import Any

import pytest

from campaigns import writers
from tests.ledger.conftest import made_log


@pytest.mark.django_db(transaction=True)
def test_32_writers_and_a_revocation_leave_no_fork_no_gap_and_nothing_of_the_revoked_key(
    transactional_db: None, settings: Any, tmp_path: Any
) -> None:
    log = made_log(settings, tmp_path)
    report = writers.campaign(log, [log.member(), log.member()], writers=32, rounds=4, seed=7)
    assert report.wrong == []
    assert min(len(report.appended), report.repeated, report.refused) > 0
    assert report.by_revoked and max(report.by_revoked) < report.revoked_at
