"""Acts for two people, and keys that come to their end, as anybody finds them who reads the log."""

import pytest

from ledger.tlog.bundle import verify_bundle
from ledger.tlog.errors import EntryRefused
from ledger.tlog.keys import key_id
from ledger.tlog.replay import Replay
from ledger.tlog.report import report_bundle
from tests.ledger.tlog.bundles import CHAIN, PARTIES, TRUST, trade
from tests.ledger.tlog.cast import ORIGIN, public_key

GROWER = key_id(public_key("grower"))


def replayed(world):
    replay = Replay(ORIGIN)
    for index, leaf in enumerate(world.leaves):
        replay.take(index, leaf)
    return replay


def test_the_root_revokes_a_key_that_somebody_else_has_asked_to_revoke():
    world = trade()
    asked = world.ask("carrier admin", "key.revoke", key=GROWER, last_valid_index=6)
    revoked = world.revoke("grower", "root", 6, approval=asked)
    assert replayed(world).keys[GROWER].revoked_index == revoked


@pytest.mark.parametrize(
    ("last", "approval", "why"),
    [
        (6, None, "nobody else has asked"),
        (6, "0" * 64, "nobody else has asked"),
        (7, "asked", "something else than was asked for"),
    ],
)
def test_the_root_alone_revokes_nothing(last, approval, why):
    world = trade()
    asked = world.ask("carrier admin", "key.revoke", key=GROWER, last_valid_index=6)
    more = {} if approval is None else {"approval": asked if approval == "asked" else approval}
    world.revoke("grower", "root", last, **more)
    with pytest.raises(EntryRefused, match=why):
        replayed(world)


def test_an_approval_that_comes_after_the_act_is_none():
    world = trade()
    asked = world.ask("carrier admin", "key.revoke", key=GROWER, last_valid_index=6)
    request = world.leaves.pop()
    world.append("grower")
    world.revoke("grower", "root", 6, approval=asked)
    world.leaves.append(request)
    with pytest.raises(EntryRefused, match="nobody else has asked"):
        replayed(world)


def test_an_approval_asks_for_something_that_takes_two_people():
    world = trade()
    world.ask("carrier admin", "key.register", key=GROWER)
    with pytest.raises(EntryRefused, match="asks for nothing"):
        replayed(world)


def expiring(expires_ms):
    world = trade()
    world.register("log", "operator", "log", PARTIES["operator"])
    world.register("tablet", "grower admin", "device", PARTIES["grower"], expires_ms=expires_ms)
    world.revoke("tablet", "log", len(world.leaves) - 1)
    return world


def test_the_log_key_revokes_a_key_whose_end_has_come():
    began = 1_767_225_600_000
    due = began + 16 * 60_000  # the record time of the entry that revokes
    assert replayed(expiring(due)).keys[key_id(public_key("tablet"))].revoked_index == 16
    for early in (due + 1, None):
        with pytest.raises(EntryRefused, match="has not expired"):
            replayed(expiring(early))


def test_an_erased_body_is_told_with_its_ground_and_everything_else_still_verifies():
    world = trade()
    erased = world.erase(6, "grower", "request of the person")
    bundle = world.bundle(range(len(world.leaves)), {CHAIN: [6, 7, 9, 13]}, shown=(7,))
    verdict = verify_bundle(bundle, TRUST)
    found = {each.entry.index: each.erasure for each in verdict.entries if each.erasure}
    assert list(found) == [6] and found[6].index == erased
    lines = report_bundle(verdict).lines()
    assert f"  erased          the body of entry 6, by entry {erased}: request of the person" in lines
    assert "  - 1 bodies that were erased" in lines


def test_only_who_signed_a_body_can_ask_for_its_erasure():
    world = trade()
    world.erase(6, "carrier two")
    with pytest.raises(EntryRefused, match="which its signer did not ask for"):
        verify_bundle(world.bundle(range(len(world.leaves)), {CHAIN: [6, 7, 9, 13]}), TRUST)


def test_an_erasure_takes_a_second_person_and_the_root():
    world = trade()
    claims = {"commitment": world.commitment(6), "ground": "tidiness"}
    world.append("root", type="body.erased", claims=claims)
    with pytest.raises(EntryRefused, match="nobody else has asked"):
        replayed(world)
    world.leaves.pop()
    world.append("grower admin", type="body.erased", claims={**claims, "approval": "0" * 64})
    with pytest.raises(EntryRefused, match="does not sign body"):
        replayed(world)
