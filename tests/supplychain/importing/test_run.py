"""An import captures what is good, lists what is not, and can be repeated and stopped at any time."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ledger import audit, queries, tenancy
from ledger.keystore import KeyNotHeld
from supplychain.importing import run
from supplychain.importing.errors import FileRefused
from supplychain.importing.mapping import parse_mapping
from supplychain.models import Event, Product, Shipment, Site

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
NOW = datetime(2026, 7, 22, 9, 0, tzinfo=UTC)
MAPPING = """
name = "deliveries"
[row]
key = "No."
[product]
column = "Article"
quantity = "Cases"
[destination]
column = "Shop"
[dispatch]
time = "Loaded"
[delivery]
time = "Received"
recorded = "Booked"
"""
HEADER = "No.,Article,Cases,Shop,Loaded,Received,Booked\n"
ROWS = [
    "1,Apples,10,Bern,2026-02-01,2026-02-02,2026-02-04\n",
    "2,Pears,5,Thun,2026-02-02,2026-02-03,2026-02-03\n",
    "3,Pears,7,Bern,2026-02-03,,\n",
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "map.toml").write_text(MAPPING)
    return tmp_path


@pytest.fixture
def imported(world, folder):
    """Import rows for the centre; the report."""

    def imported(*rows: str, dry_run: bool = False, party=None, header: str = HEADER) -> run.Report:
        path = folder / "deliveries.csv"
        path.write_text(header + "".join(rows), encoding="utf-8")
        mapping, party = parse_mapping(MAPPING.encode()), party or world.centre.party
        report = run.report_on(path, mapping, party, dry_run=dry_run)
        run.import_file(path, mapping, party=party, now=NOW, report=report)
        return report

    return imported


def counts(report: run.Report) -> tuple[int, int, int, int]:
    return report.rows_read, report.rows_imported, report.rows_repeated, report.rows_refused


def test_rows_become_shipments_that_are_attested_history(world, imported):
    report = imported(*ROWS)
    assert counts(report) == (3, 3, 0, 0)
    assert report.finished and report.events_captured == 5
    with tenancy.system():
        accepted = Shipment.objects.filter(status="accepted")
        assert accepted.count() == 2
        assert all(each.attested and each.shipper == world.centre.id for each in Shipment.objects.all())
        assert Shipment.objects.get(status="dispatched").unit.endswith("/import/deliveries/unit/3")
        event = Event.objects.get(act="accept", event_time=datetime(2026, 2, 2, 12, tzinfo=UTC))
        assert event.known_at == datetime(2026, 2, 4, 12, tzinfo=UTC) and event.attested
        assert Site.objects.get(name="Bern").uri == event.biz_location
        assert Product.objects.filter(name__in=["Apples", "Pears"]).count() == 2
        assert audit.check_log().holds


def test_the_same_file_again_changes_nothing(imported):
    imported(*ROWS)
    size = queries.tree_size()
    assert counts(imported(*ROWS)) == (3, 0, 3, 0)
    assert queries.tree_size() == size


def test_a_newer_file_adds_what_is_new(imported):
    imported(*ROWS)
    arrived = ROWS[2].replace(",,", ",2026-02-05,2026-02-05")
    report = imported(*ROWS[:2], arrived, "4,Apples,1,Bern,2026-02-03,,\n")
    assert counts(report) == (4, 2, 2, 0)
    assert report.events_captured == 2


def test_a_row_whose_history_changed_is_refused_and_the_rest_goes_on(imported):
    imported(*ROWS)
    report = imported(ROWS[0].replace(",10,", ",11,"), ROWS[1])
    assert counts(report) == (2, 0, 1, 1)
    assert "imported before with other values" in report.refusals[0].reason


def test_an_import_that_was_stopped_goes_on_where_it_stopped(imported, monkeypatch):
    monkeypatch.setattr(run, "BATCH", 1)
    real, calls = run.operations.capture, []

    def stop(*args, **more):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*args, **more)

    monkeypatch.setattr(run.operations, "capture", stop)
    with pytest.raises(KeyboardInterrupt):
        imported(*ROWS)
    assert counts(imported(*ROWS)) == (3, 1, 2, 0)


def test_a_dry_run_lists_all_faults_and_writes_nothing(imported):
    size = queries.tree_size()
    report = imported(*ROWS, "4,,-1,Bern,soon,,\n", dry_run=True)
    assert counts(report) == (4, 3, 0, 1)
    assert [(each.row, each.column) for each in report.refusals] == [(5, "Article"), (5, "Cases"), (5, "Loaded")]
    assert queries.tree_size() == size
    assert not Site.objects.filter(name="Bern").exists()


def test_another_party_may_have_rows_of_the_same_name(world, imported):
    imported(ROWS[2])
    report = imported(ROWS[2], party=world.packer.party)
    # the unit is on its way already, and the packer does not hold it
    assert counts(report) == (1, 0, 0, 1)


def test_a_file_that_cannot_be_imported_leaves_nothing_behind(imported):
    size = queries.tree_size()
    with pytest.raises(FileRefused, match="no column 'Cases'"):
        imported(*ROWS, header=HEADER.replace("Cases", "Boxes"))
    assert queries.tree_size() == size


def test_a_party_whose_key_is_not_held_cannot_import(world, imported, monkeypatch):
    def refuse(party):
        raise KeyNotHeld(f"no key of party {party} is held here")

    monkeypatch.setattr(run.operations, "held_key", refuse)
    with pytest.raises(KeyNotHeld):
        imported(*ROWS)


def command(path, mapping, *args: str) -> str:
    out = io.StringIO()
    call_command("import", str(path), "--map", str(mapping), *args, stdout=out)
    return out.getvalue()


def test_the_command_imports_the_example_of_excel_and_reports(world, tmp_path):
    report = tmp_path / "report.json"
    said = command(
        EXAMPLES / "deliveries.xlsx", EXAMPLES / "deliveries.toml", "--party", "Centre", "--report", str(report)
    )
    assert "4 rows read: 4 imported (7 events), 0 were in the log before, 0 refused" in said
    told = json.loads(report.read_text())
    assert (told["rows_read"], told["rows_imported"], told["party"]) == (4, 4, "Centre")
    with tenancy.system():
        assert Shipment.objects.filter(unit__startswith="https://id.gs1.org/00/").count() == 4


def test_the_command_tells_each_refusal_with_its_place(world, folder):
    (folder / "d.csv").write_text(HEADER.strip() + ",Weather\n" + "1,Apples,-2,Bern,2026-02-01,,,rain\n")
    said = command(folder / "d.csv", folder / "map.toml", "--dry-run")
    assert "columns that the mapping does not use: Weather" in said
    assert 'refused: row 2, Cases: "-2" is negative; a quantity is greater than zero' in said


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["none.csv", "map.toml"], "none.csv cannot be opened: No such file"),
        (["d.csv", "none.toml"], "none.toml cannot be opened: No such file"),
        (["d.csv", "bad.toml"], "the mapping is wrong"),
        (["empty.csv", "map.toml"], "empty.csv is empty"),
        (["d.csv", "map.toml", "--party", "Cantre"], "no party is called 'Cantre'; did you mean 'Centre'?"),
    ],
)
def test_the_command_refuses_in_one_sentence(world, folder, args, sentence):
    (folder / "d.csv").write_text(HEADER + ROWS[0])
    (folder / "empty.csv").write_text("")
    (folder / "bad.toml").write_text("nmae = 1")
    with pytest.raises(CommandError, match=sentence.replace("?", r"\?")):
        command(folder / args[0], folder / args[1], *args[2:])
