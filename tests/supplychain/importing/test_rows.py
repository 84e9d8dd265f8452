"""A row becomes a dispatch and, where it arrived, an acceptance; or every fault of it is named."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from supplychain.custody import Act, act_of, product_of
from supplychain.epcis import builders, parse_body
from supplychain.epcis.identifiers import check_digit
from supplychain.importing.errors import FileRefused, RowRefused
from supplychain.importing.mapping import parse_mapping
from supplychain.importing.readers import Row, Table, Unreadable
from supplychain.importing.rows import RowReader

NOW = datetime(2026, 7, 22, 9, 0, tzinfo=UTC)
IMPORTER = "https://id.gs1.org/417/9521005000006"
BASE = "https://log.example/0123456789abcdef/import/deliveries/"
MAPPING = """
name = "deliveries"
[row]
key = ["No.", "Line"]
[dates]
formats = ["%Y-%m-%d", "%d.%m.%Y %H:%M"]
no_date = ["unknown"]
[product]
column = "Article"
quantity = "Cases"
[origin]
column = "From"
[destination]
column = "Shop"
[dispatch]
time = ["Loaded", "Ordered"]
promised = "Due"
[delivery]
time = "Received"
recorded = "Booked"
[documents]
po = "Order"
[details]
columns = ["Driver: name"]
"""
GOOD = {
    "No.": "7",
    "Line": "1",
    "Article": "Gala apples",
    "Cases": "12",
    "From": "Kerzers",
    "Shop": "Zürich HB",
    "Ordered": "2026-01-30",
    "Loaded": "2026-02-01",
    "Due": "2026-02-02",
    "Received": "2026-02-03",
    "Booked": "2026-02-05",
    "Order": "PO 1/2",
    "Driver: name": "R. Gerber",
}


def reader_of(columns, mapping=MAPPING, **more):
    table = Table(tuple(columns), iter(()), 0)
    given = {"origin": "log.example/0123456789abcdef", "importer": IMPORTER, "now": NOW, **more}
    return RowReader(table, parse_mapping(mapping.encode()), **given)


def read(changes=None, mapping=MAPPING, **more):
    cells = GOOD | (changes or {})
    return reader_of(cells, mapping, **more).read(Row(2, tuple(cells.values())))


def parsed(reading):
    return [parse_body(builders.body_bytes(event)) for event in reading.events]


def faults_of(changes, mapping=MAPPING):
    with pytest.raises(RowRefused) as refused:
        read(changes, mapping)
    assert all(fault.row == 2 for fault in refused.value.faults)
    return [(fault.column, fault.reason) for fault in refused.value.faults]


def test_a_row_becomes_a_dispatch_and_an_attested_acceptance():
    dispatch, acceptance = parsed(read())
    assert (act_of(dispatch), act_of(acceptance)) == (Act.DISPATCH, Act.ACCEPT)
    assert dispatch.epc_list == acceptance.epc_list == (f"{BASE}unit/7%7C1",)
    assert dispatch.event_time == datetime(2026, 2, 1, 12, tzinfo=UTC) == dispatch.waylog.known_at
    assert dispatch.waylog.promised_time == datetime(2026, 2, 2, 12, tzinfo=UTC)
    assert dispatch.read_point == f"{BASE}site/Kerzers"
    assert dispatch.source("possessing_party") == IMPORTER
    assert dispatch.destination("possessing_party") == f"{BASE}party/Z%C3%BCrich%20HB"
    assert dispatch.destination("location") == f"{BASE}site/Z%C3%BCrich%20HB" == acceptance.biz_location
    assert [item.biz_transaction for item in dispatch.biz_transaction_list] == [f"{BASE}po/PO%201%2F2"]
    assert dispatch.extensions["import:row"] == {"Driver  name": "R. Gerber"}
    assert dispatch.extensions["import:dispatchTimeFrom"] == "Loaded"
    assert acceptance.event_time == datetime(2026, 2, 3, 12, tzinfo=UTC)
    assert acceptance.waylog.known_at == datetime(2026, 2, 5, 12, tzinfo=UTC)
    [counted] = acceptance.quantity_list
    assert (counted.epc_class, counted.quantity) == (f"{BASE}product/Gala%20apples", 12)


def test_a_row_that_has_not_arrived_becomes_a_dispatch_alone():
    [dispatch] = parsed(read({"Received": "unknown", "Booked": ""}))
    assert act_of(dispatch) == Act.DISPATCH


def test_the_same_row_gives_the_same_bytes_and_the_importer_and_the_key_other_ids():
    assert read().events == read(now=NOW.replace(year=2027)).events
    ids = {event["eventID"] for event in read().events}
    assert len(ids) == 2
    assert ids.isdisjoint(event["eventID"] for event in read({"Line": "2"}).events)
    assert ids.isdisjoint(event["eventID"] for event in read(importer="urn:uuid:another").events)


def test_the_first_date_that_is_not_later_than_the_delivery_says_when_goods_left():
    [dispatch, _] = parsed(read({"Loaded": "2026-02-04"}))
    assert dispatch.extensions["import:dispatchTimeFrom"] == "Ordered"
    [dispatch, _] = parsed(read({"Loaded": "unknown"}))
    assert dispatch.event_time.date() == date(2026, 1, 30)


def test_what_was_recorded_before_it_happened_was_known_when_it_happened():
    _, acceptance = parsed(read({"Booked": "2026-01-02"}))
    assert acceptance.waylog.known_at == acceptance.event_time


def test_a_dispatch_that_is_only_known_by_its_delivery_was_known_no_earlier():
    mapping = MAPPING.replace('["Loaded", "Ordered"]', '["Loaded", "Received"]')
    dispatch, acceptance = parsed(read({"Loaded": "unknown"}, mapping))
    assert dispatch.event_time == acceptance.event_time
    assert dispatch.waylog.known_at == acceptance.waylog.known_at == datetime(2026, 2, 5, 12, tzinfo=UTC)


def test_dates_of_excel_and_times_of_day_are_kept():
    dispatch, acceptance = parsed(read({"Loaded": datetime(2026, 2, 1), "Received": "03.02.2026 08:25"}))
    assert dispatch.event_time == datetime(2026, 2, 1, 12, tzinfo=UTC)
    assert acceptance.event_time == datetime(2026, 2, 3, 8, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "column", "reason"),
    [
        ({"No.": ""}, "No.", "it is empty"),
        ({"Article": ""}, "Article", "it is empty"),
        ({"Shop": ""}, "Shop", "it is empty"),
        ({"Article": "x" * 300}, "Article", "is too long for a name"),
        ({"No.": "x" * 250}, "No., Line", "200 are the most"),
        ({"Cases": ""}, "Cases", "it is empty; a quantity is needed"),
        ({"Cases": "-3"}, "Cases", '"-3" is negative'),
        ({"Cases": "0"}, "Cases", "it is zero"),
        ({"Cases": "a dozen"}, "Cases", '"a dozen" is not a number'),
        ({"Cases": "=2+3"}, "Cases", '"=2+3" is not a number'),
        ({"Cases": "1e3"}, "Cases", '"1e3" is not a number'),
        ({"Cases": "NaN"}, "Cases", '"NaN" is not a number'),
        ({"Cases": True}, "Cases", '"true" is not a number'),
        ({"Cases": 1.5}, "Cases", '"1.5" is not whole'),
        ({"Cases": "1" + "0" * 30}, "Cases", "is too large"),
        ({"Cases": Unreadable("the cell holds the error #REF!")}, "Cases", "the cell holds the error #REF!"),
        ({"Received": "soon"}, "Received", '"soon" is not a date as the mapping writes them'),
        ({"Received": "2026-02-30"}, "Received", '"2026-02-30" is not a date'),
        ({"Received": "20260203"}, "Received", "is not a date"),
        ({"Received": "1026-02-03"}, "Received", "the year 1026 is not between 1900 and 3000"),
        ({"Received": "2027-02-03"}, "Received", "2027-02-03 lies in the future"),
        ({"Booked": "when?"}, "Booked", '"when?" is not a date'),
        ({"Due": "asap"}, "Due", '"asap" is not a date'),
        ({"Loaded": "n/a"}, "Loaded", '"n/a" is not a date'),
        ({"Loaded": "", "Ordered": "unknown"}, "Loaded, Ordered", "no date says when the goods left"),
        ({"Loaded": "2026-03-01", "Ordered": ""}, "Loaded, Ordered", "2026-03-01 is later than the delivery"),
        ({"Driver: name": Unreadable("the cell holds control characters")}, "Driver: name", "control characters"),
    ],
)
def test_one_wrong_cell_gets_one_fault_that_names_it(changes, column, reason):
    [(found, why)] = faults_of(changes)
    assert found == column
    assert reason in why


def test_all_faults_of_a_row_are_told_at_once():
    found = faults_of({"Cases": "-1", "Received": "soon", "Article": "", "Booked": "x"})
    assert [column for column, _ in found] == ["Article", "Cases", "Received", "Booked"]


def test_a_key_that_stood_in_an_earlier_row_is_refused():
    reader = reader_of(GOOD)
    reader.read(Row(2, tuple(GOOD.values())))
    with pytest.raises(RowRefused, match=r"row 2 has the same: 7\|1"):
        reader.read(Row(9, tuple(GOOD.values())))


def test_a_row_that_is_shorter_than_the_header_has_empty_cells():
    reader = reader_of(GOOD)
    with pytest.raises(RowRefused, match="it is empty"):
        reader.read(Row(2, ("7",)))


def test_a_row_that_could_not_be_read_is_refused_with_its_reason():
    with pytest.raises(RowRefused, match="row 5: a quotation mark is never closed"):
        reader_of(GOOD).read(Row(5, (), "a quotation mark is never closed"))


def test_a_missing_column_refuses_the_file_and_names_the_nearest():
    columns = [column.replace("Received", "Recieved") for column in GOOD]
    with pytest.raises(FileRefused, match="no column 'Received'; did you mean 'Recieved'"):
        reader_of(columns)


def test_a_column_that_only_adds_something_may_be_missing_and_is_noted():
    columns = [column for column in GOOD if column != "Booked"]
    reader = reader_of([*columns, "Weather"])
    assert [(fault.column, fault.row) for fault in reader.faults] == [("Booked", 0)]
    assert reader.unused == ("Weather",)


def test_a_name_twice_in_the_header_refuses_the_file_only_where_it_is_needed(tmp_path):
    from supplychain.importing.mapping import FileForm
    from supplychain.importing.readers import TableFile

    def open_with(header):
        path = tmp_path / "t.csv"
        path.write_text(header + "\n")
        with TableFile(path, FileForm()) as table:
            return RowReader(table, parse_mapping(MAPPING.encode()), origin="o.example/0", importer=IMPORTER, now=NOW)

    header = ",".join(GOOD)
    assert open_with(f"{header},Weather,Weather").faults[0].column == "Weather"
    with pytest.raises(FileRefused, match="the column 'Cases' stands more than once"):
        open_with(f"{header},Cases")


@pytest.mark.parametrize(
    ("decimal", "text", "quantity"),
    [(".", "1,234.5", 1234.5), (".", "12 345", 12345), (",", "1.234,5", 1234.5), (",", "0,25", 0.25), (".", 2.5, 2.5)],
)
def test_quantities_are_read_as_the_mapping_writes_them(decimal, text, quantity):
    mapping = MAPPING.replace('"Cases"', '"Cases"\nuom = "KGM"') + f'[numbers]\ndecimal = "{decimal}"\n'
    dispatch, _ = parsed(read({"Cases": text}, mapping))
    [item] = dispatch.quantity_list
    assert (item.quantity, item.uom) == (quantity, "KGM")


def test_gs1_keys_are_used_where_the_file_has_them_and_checked():
    gtin, gln, sscc = (
        digits + check_digit(digits) for digits in ("0952100800101", "952100800001", "39521008000000101")
    )
    mapping = (
        MAPPING.replace('"Article"', '"Article"\nas = "gtin"').replace('"Shop"', '"Shop"\nas = "gln"')
        + '[unit]\ncolumn = "Pallet"\nas = "sscc"\n[consignee]\ncolumn = "Customer"\nas = "gln"\n'
    )
    cells = {"Article": gtin, "Shop": gln, "Pallet": sscc, "Customer": gln}
    dispatch, acceptance = parsed(read(cells, mapping))
    assert dispatch.epc_list == (f"https://id.gs1.org/00/{sscc}",)
    assert dispatch.quantity_list[0].epc_class == f"https://id.gs1.org/01/{gtin}"
    assert dispatch.destination("owning_party") == f"https://id.gs1.org/417/{gln}"
    assert acceptance.biz_location == f"https://id.gs1.org/414/{gln}"
    wrong = gtin[:-1] + str((int(gtin[-1]) + 1) % 10)
    [(column, reason)] = faults_of(cells | {"Article": wrong}, mapping)
    assert column == "Article" and "check digit" in reason


def test_a_lot_without_a_gtin_belongs_to_its_product():
    mapping = MAPPING.replace('"Cases"', '"Cases"\nlot = "Lot"', 1)
    reader = reader_of([*GOOD, "Lot"], mapping)
    dispatch, _ = parsed(reader.read(Row(2, (*GOOD.values(), "A/1"))))
    assert dispatch.quantity_list[0].epc_class == f"{BASE}product/Gala%20apples/lot/A%2F1"
    assert product_of(dispatch.quantity_list[0].epc_class) == f"{BASE}product/Gala%20apples"
    assert reader.products == {f"{BASE}product/Gala%20apples": "Gala apples"}
    with_gtin = mapping.replace('"Article"', '"Article"\nas = "gtin"')
    with pytest.raises(RowRefused, match="row 2, Lot: "):
        cells = GOOD | {"Article": "09521008001017", "Lot": "x" * 21}
        reader_of(cells, with_gtin).read(Row(2, tuple(cells.values())))


def test_names_that_mean_mischief_stay_names():
    dispatch, _ = parsed(read({"Shop": "../../../admin?x=1#y", "Article": "00/395210080000001018"}))
    assert dispatch.destination("location") == f"{BASE}site/..%2F..%2F..%2Fadmin%3Fx%3D1%23y"
    assert dispatch.quantity_list[0].epc_class == f"{BASE}product/00%2F395210080000001018"


def test_the_example_of_excel_is_read_whole():
    from supplychain.importing.readers import TableFile

    examples = Path(__file__).parents[3] / "docs" / "examples"
    mapping = parse_mapping((examples / "deliveries.toml").read_bytes())
    with TableFile(examples / "deliveries.xlsx", mapping.file) as table:
        reader = RowReader(table, mapping, origin="log.example/0", importer=IMPORTER, now=NOW)
        readings = [reader.read(row) for row in table.rows]
    assert [(each.row, len(each.events)) for each in readings] == [(4, 2), (5, 2), (6, 2), (7, 1)]
    assert not reader.faults and not reader.unused
    assert set(reader.sites.values()) >= {"Bern", "Thun"}
