"""A body is erased: it is in no table any more, everything still verifies, and a rebuild gives exactly what is left."""

import json
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core import mail
from django.db import DatabaseError, connection, transaction

from forecasting.history import demand_history
from ledger import audit, tenancy, verified
from ledger import queries as log
from ledger.models import Body, Tombstone
from ledger.tlog.bundle import parse_bundle, verify_bundle
from ledger.tlog.note import parse_verifier_key
from ledger.tlog.policy import Policy
from supplychain import operations
from supplychain.custody import CustodyRefused
from supplychain.epcis import builders
from supplychain.epcis.events import Quantity
from supplychain.models import Event, EventObject, SensorReading, Shipment, User
from supplychain.operations import rebuild
from supplychain.operations.approvals import ApprovalRefused
from supplychain.operations.erasure import ErasureRefused
from supplychain.projections import digests
from supplychain.queries import bundles
from tests.cast import APPLES_LOT, sscc
from tests.people import add_people
from tests.supplychain.api.conftest import caller_for

SECRET = "Jane Q. Driver, plate ZH 471 108"


@pytest.fixture
def people(world):
    return add_people(world)


@pytest.fixture
def closed(world, people):
    """Two units, moved together by one act that says who drove; both unpacked at the end."""
    units = [sscc(1), sscc(2)]
    for unit in units:
        world.packer.pack(unit)
    driven = world.packer.capture(
        builders.dispatch_event(
            units=units,
            giver=world.packer.uri,
            taker=world.carrier.uri,
            event_time=world.later(),
            read_point=world.packer.site,
            note=SECRET,
        )
    )
    for unit in units:
        world.carrier.observe(unit, 4.0)
        world.carrier.accept(unit, world.packer)
        world.carrier.unpack(unit)
    return driven.index


@pytest.fixture
def decider(world):
    """A manager of the party that runs this server."""
    return User.objects.create_user("manager@operator.example", None)


def ask(world, people, index, **more):
    values = {"ground": "request of the person", "party": world.packer.id, "asked_by": people.packer_manager}
    return operations.ask_erasure(index, **{**values, "now": world.later(), **more})


def approve(world, decider, asked, **more):
    return operations.approve_erasure(
        asked.pk, **{"party": world.operator.id, "decided_by": decider, "now": world.later(days=8), **more}
    )


def everything_holds():
    with tenancy.system():
        found = [str(fault) for fault in audit.check_log().faults]
        found += [str(fault) for _, faults in audit.check_projections() for fault in faults]
    return found == [] or found


def tables_with(text):
    """Every table, of this application or the owner, in which a row holds the text, as letters or as bytes."""
    found = []
    with connection.cursor() as cursor, tenancy.system():
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        for [table] in cursor.fetchall():
            cursor.execute(
                f"SELECT count(*) FROM {table} t WHERE strpos(t::text, %s) > 0 OR strpos(t::text, %s) > 0",
                [text, text.encode().hex()],
            )
            if cursor.fetchone()[0]:
                found.append(table)
    return found


def test_who_kept_the_chain_learns_of_an_erasure(world, people, closed, decider):
    chain = f"/shipments/{world.shipment(sscc(1)).id}/chain"
    caller = caller_for(world.carrier, "shipments:read")
    before = caller.get(chain)
    assert before.json()["entries"][1]["index"] == closed
    assert caller.get(chain, If_None_Match=before["ETag"]).status_code == 304
    approve(world, decider, ask(world, people, closed))
    after = caller.get(chain, If_None_Match=before["ETag"])
    assert after.status_code == 200 and after.json()["head"] == before.json()["head"]
    assert after.json()["entries"][1]["event_id"] == f"urn:waylog:erased:{closed}"
    assert caller.get(chain, If_None_Match=after["ETag"]).status_code == 304


def test_an_erased_body_is_in_no_table_and_everything_still_verifies(world, people, closed, decider):
    assert "ledger_body" in tables_with(SECRET)
    before = log.entry(closed).leaf
    asked = ask(world, people, closed)
    done = approve(world, decider, asked)
    assert tables_with(SECRET) == []
    assert log.entry(closed).leaf == before
    assert everything_holds() is True
    with tenancy.system():
        row = Event.objects.get(index=closed)
        assert (row.erased_by, row.act, row.tenant) == (done, "dispatch", world.packer.id)
        assert (row.event_type, row.biz_step, row.read_point, row.event_hash) == ("", "", "", None)
        assert not EventObject.objects.filter(index=closed).exists()
        assert {s.status for s in Shipment.objects.all()} == {"erased"}
        assert SensorReading.objects.count() == 2  # of other bodies
    assert log.entry(done).statement.claims["ground"] == "request of the person"


def test_a_rebuild_gives_exactly_the_rows_that_are_left(world, people, closed, decider):
    world.packer.pack(sscc(1))  # the unit goes on another way since
    with tenancy.system():
        elsewhere = world.shipment(sscc(1))
        assert elsewhere.is_open
    approve(world, decider, ask(world, people, closed))
    with tenancy.system():
        before = digests.digest_of_projections()
    assert rebuild.rebuild() == before
    with tenancy.system():
        assert list(rebuild.differences()) == []
        assert Shipment.objects.get(pk=elsewhere.pk).is_open
    with tenancy.acting_for(world.carrier.id):
        assert Event.objects.filter(index=closed).exists()  # its parties still see that it happened


def test_any_kind_of_event_can_be_erased_and_rebuilt(world, people, closed, decider):
    with tenancy.system():
        rows = list(Event.objects.order_by("index").values_list("index", "tenant"))
    for index, tenant in rows:
        asked = operations.ask_erasure(
            index, ground="all of it", party=tenant, asked_by=people.packer_manager, now=world.now
        )
        approve(world, decider, asked)
    assert everything_holds() is True
    with tenancy.system():
        assert Body.objects.filter(index__in=[index for index, _ in rows]).count() == 0
        assert Tombstone.objects.count() == len(rows)
        before = digests.digest_of_projections()
    assert rebuild.rebuild() == before


def test_corrections_and_the_events_they_take_back(world, people, decider):
    unit = sscc(3)
    world.packer.pack(unit)
    event = builders.observe_event(
        units=[unit],
        event_time=world.later(),
        event_id="urn:x:seen",
        sensor_elements=[builders.sensor_element(time=world.now, measured="Temperature", value=9.0, uom="CEL")],
    )
    seen = world.packer.capture(event)
    declared = world.packer.correct(event)
    world.packer.unpack(unit)
    with pytest.raises(ErasureRefused, match="would count again"):
        ask(world, people, declared.index)
    approve(world, decider, ask(world, people, seen.index))
    assert everything_holds() is True
    approve(world, decider, ask(world, people, declared.index))
    assert everything_holds() is True


def test_nothing_of_an_open_shipment_is_erased(world, people, decider):
    packed = world.packer.pack(sscc(4))
    with pytest.raises(ErasureRefused, match="open"):
        ask(world, people, packed.index)
    world.packer.unpack(sscc(4))
    asked = ask(world, people, packed.index)
    assert asked.notified == []
    approve(world, decider, asked, now=world.now)  # nobody else to tell: at once
    assert everything_holds() is True


def test_nothing_is_added_to_a_shipment_that_lost_a_body(world, people, closed, decider):
    with tenancy.system():
        unpacked = Event.objects.filter(act="unpack").order_by("index").last()
        body = json.loads(bytes(Body.objects.get(index=unpacked.index).body))["event"]
    approve(world, decider, ask(world, people, closed))
    with pytest.raises(CustodyRefused, match="was erased"):
        world.carrier.correct(body)


def test_only_who_signed_asks_and_only_the_operator_decides_and_never_alone(world, people, closed, decider):
    with pytest.raises(ErasureRefused, match="no such event of yours"):
        ask(world, people, closed, party=world.carrier.id)
    asked = ask(world, people, closed)
    with pytest.raises(ErasureRefused, match="asked for already"):
        ask(world, people, closed)
    with pytest.raises(ApprovalRefused, match="runs this server"):
        approve(world, decider, asked, party=world.packer.id)
    with pytest.raises(ApprovalRefused, match="two people"):
        approve(world, people.packer_manager, asked)
    with pytest.raises(ApprovalRefused):
        operations.refuse_erasure(asked.pk, party=world.carrier.id, decided_by=None, now=world.now)
    operations.refuse_erasure(asked.pk, party=world.packer.id, decided_by=people.packer_manager, now=world.now)
    with pytest.raises(ApprovalRefused, match="refused already"):
        approve(world, decider, asked)
    assert "ledger_body" in tables_with(SECRET)


def test_the_chains_other_parties_are_told_and_have_time(
    world, people, closed, decider, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        asked = ask(world, people, closed)
    assert asked.notified == [world.carrier.id]
    assert [sent.to for sent in mail.outbox] == [[people.carrier_manager.email]]
    assert SECRET not in mail.outbox[0].body
    with pytest.raises(ErasureRefused, match="have until"):
        approve(world, decider, asked, now=world.now + timedelta(days=6))
    assert approve(world, decider, asked, now=world.now + timedelta(days=8))


def test_bundles_and_forecasts_cope(world, people, closed, decider):
    approve(world, decider, ask(world, people, closed))
    with tenancy.system():
        found = next(s for s in Shipment.objects.all() if closed in _indices(s))
    with tenancy.acting_for(world.carrier.id):
        verdict = verify_bundle(
            parse_bundle(bundles.bundle(found, party=world.carrier.id)),
            Policy((parse_verifier_key(log.verifier_key()),)),
        )
    assert [each.entry.index for each in verdict.entries if each.erasure] == [closed]
    assert closed in verdict.chains[0].indices
    assert demand_history(tree_size=log.tree_size()) is not None
    size = log.tree_size()
    assert [verified.erased_since(each) for each in (closed, closed + 1, size)] == [0, 1, 0]
    assert {e.index: e.body for e in verified.verified_entries()}[closed] is None


def _indices(shipment):
    return set(Event.objects.filter(scopes__contains=[shipment.pk]).values_list("index", flat=True))


# --- the database's own wall ---


@contextmanager
def refused():
    with pytest.raises(DatabaseError), transaction.atomic():
        yield


def test_the_database_erases_only_what_the_log_says(world, people, closed):
    with tenancy.system():
        commitment = bytes(Body.objects.get(index=closed).commitment)
        with refused(), connection.cursor() as cursor:
            cursor.execute("SELECT ledger_erase(%s)", [commitment])
        with refused(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM ledger_body WHERE index = %s", [closed])
        with refused(), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO ledger_tombstone"
                " SELECT commitment, index, 1, tenant, chains, scopes, '[]' FROM ledger_body"
            )
        assert Body.objects.filter(index=closed).exists()


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_the_audit_finds_a_tombstone_that_the_log_does_not_know(world, people, closed, decider):
    done = approve(world, decider, ask(world, people, closed))
    assert everything_holds() is True
    from campaigns.tamper import Owner

    owner = Owner()
    with tenancy.system():
        commitment = bytes(Tombstone.objects.get(index=closed).commitment)
    owner.write("ledger_tombstone", {"commitment": commitment}, "erased_index", done - 1)
    with tenancy.system():
        assert any("tombstone" in fault.what for fault in audit.check_log().faults)
    owner.write("ledger_tombstone", {"commitment": commitment}, "erased_index", done)


def test_what_forecasts_keep_of_the_event_goes_at_once(world, people, decider):
    from forecasting import observing
    from forecasting.models import Observed

    world.packer.pack(sscc(8))
    sent = world.packer.dispatch(sscc(8), world.carrier)
    world.carrier.accept(sscc(8), world.packer, Quantity(APPLES_LOT, 50))
    world.carrier.unpack(sscc(8))
    observing.advance()
    with tenancy.system():
        told = set(Observed.objects.values_list("index", flat=True))
        indices = list(Event.objects.filter(index__in=told).values_list("index", "tenant"))
    assert told, "the world tells of demand"
    for index, tenant in indices:
        asked = operations.ask_erasure(
            index, ground="all of it", party=tenant, asked_by=people.packer_manager, now=world.now
        )
        approve(world, decider, asked)
    with tenancy.system():
        assert not Observed.objects.filter(index__in=told).exists()
    observing.advance()
    with tenancy.system():
        assert not Observed.objects.exists()
    assert sent.index and everything_holds() is True
