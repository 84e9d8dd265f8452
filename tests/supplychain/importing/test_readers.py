"""Tables are read from whatever people have; what cannot be read is one clear fault, and the rest goes on."""

import zipfile
from datetime import datetime, time
from pathlib import Path

import openpyxl
import pytest

from supplychain.importing.errors import FileRefused
from supplychain.importing.mapping import FileForm
from supplychain.importing.readers import MAX_CELL, Row, Table, TableFile, Unreadable


@pytest.fixture
def write(tmp_path):
    def write(content: bytes | str, name: str = "table.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def workbook(tmp_path):
    def workbook(*rows: list[object], title: str = "Sheet") -> Path:
        book = openpyxl.Workbook()
        book.active.title = title
        for row in rows:
            book.active.append(row)
        book.save(tmp_path / "table.xlsx")
        return tmp_path / "table.xlsx"

    return workbook


def read(path: Path, **form: object) -> tuple[Table, list[Row]]:
    with TableFile(path, FileForm(**form)) as table:
        return table, list(table.rows)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_encoding_and_delimiter_are_found_out(write, encoding, delimiter):
    text = "No.|Käufer\r\n1|Zoë\r\n\r\n3|Côte\r\n".replace("|", delimiter)
    table, rows = read(write(text.encode(encoding)))
    assert table.columns == ("No.", "Käufer")
    assert [(row.number, row.cells) for row in rows] == [(2, ("1", "Zoë")), (4, ("3", "Côte"))]


def test_a_delimiter_inside_quotes_does_not_count(write):
    table, _ = read(write('"a, b, c";d\n1;2\n'))
    assert table.columns == ("a, b, c", "d")


def test_bytes_of_another_encoding_are_a_fault_of_their_cell(write):
    _, [first, second] = read(write(b"a,b\n1,caf\xe9\n2,x\n"), encoding="utf-8")
    assert first.cells[0] == "1"
    assert isinstance(first.cells[1], Unreadable) and "is not utf-8 text" in first.cells[1].reason
    assert second.cells == ("2", "x")


def test_a_huge_cell_is_a_fault_of_its_cell_and_a_monstrous_one_of_its_row(write):
    text = f"a,b\n1,{'x' * (MAX_CELL + 1)}\n2,{'y' * (1 << 20)}z\n3,c\n"
    _, [huge, monstrous, last] = read(write(text))
    assert isinstance(huge.cells[1], Unreadable) and "32,768 characters" in huge.cells[1].reason
    assert "longer than 1 MiB" in monstrous.fault and monstrous.number == 3
    assert (last.number, last.cells) == (4, ("3", "c"))


def test_a_quotation_mark_that_is_never_closed_names_the_lines_it_swallowed(write):
    _, rows = read(write('a,b\n1,2\n3,"4\n5,6\n7,8\n'))
    assert rows[0].cells == ("1", "2")
    assert rows[1].fault == "a quotation mark is never closed (lines 3 to 5)"


def test_control_characters_are_a_fault_of_their_cell(write):
    _, [row] = read(write("a,b\n1,x\0y\n"))
    assert row.cells[1] == Unreadable("the cell holds control characters")


def test_cells_may_hold_several_lines(write):
    _, [row] = read(write('a,b\n"one\ntwo",2\n'))
    assert row.cells == ("one\ntwo", "2")


def test_a_name_twice_in_the_header_is_noted(write):
    table, _ = read(write("a,b,a,,\n1,2,3\n"))
    [fault] = table.faults
    assert (fault.row, fault.column, fault.reason) == (1, "a", "the name stands 2 times in the header: columns 1, 3")


def test_the_header_may_stand_further_down(write):
    table, rows = read(write("Deliveries\n\na,b\n1,2\n"), header=3)
    assert table.columns == ("a", "b")
    assert [row.number for row in rows] == [4]


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"", "table.csv", "table.csv is empty"),
        (b"\n\n\n", "table.csv", "where the columns' names should stand"),
        (b",,,\n1,2,3\n", "table.csv", "where the columns' names should stand"),
        (b"\xd0\xcf\x11\xe0 old", "table.xls", "save it as .xlsx or CSV"),
        (b"a,b\n", "table.xlsx", "is no Excel file, though its name ends in .xlsx"),
        (b"PK\x03\x04 not a zip", "table.xlsx", "the Excel file is damaged"),
        (b"PK\x03\x04 not a zip", "table.csv", "is an Excel file, but its name does not end in .xlsx"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_sentence(write, content, name, sentence):
    with pytest.raises(FileRefused, match=sentence):
        read(write(content, name))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(FileRefused, match="cannot be opened: No such file"):
        read(tmp_path / "none.csv")


def test_excel_cells_keep_what_they_are(workbook):
    moment = datetime(2026, 2, 3, 5, 40)
    _, [row] = read(workbook(["a", "b", "c", "d"], [" x ", 3, 2.5, moment]))
    assert row.cells == ("x", 3, 2.5, moment)


def test_formulas_errors_and_bare_times_are_faults_of_their_cells(workbook):
    _, [row, last] = read(workbook(["a", "b", "c"], ["=B3*2", "#REF!", time(5, 40)], [None, None, None], [1, 2, 3]))
    formula, error, clock = row.cells
    assert formula.reason == "the cell holds a formula (=B3*2); put its value there"
    assert error.reason == "the cell holds the error #REF!"
    assert clock.reason == "the cell holds a time without a date"
    assert (last.number, last.cells) == (4, (1, 2, 3))


def test_a_sheet_is_found_by_its_name_or_refused_with_those_there_are(workbook):
    path = workbook(["a"], [1], title="Lieferungen")
    assert read(path, sheet="Lieferungen")[0].columns == ("a",)
    with pytest.raises(FileRefused, match="has no sheet 'Deliveries'; it has 'Lieferungen'"):
        read(path, sheet="Deliveries")


def test_rows_beyond_a_wrong_dimension_are_read(workbook, tmp_path):
    path, wrong = workbook(["a"], *([n] for n in range(50))), tmp_path / "wrong.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(wrong, "w") as new:
        for part in old.infolist():
            data = old.read(part)
            new.writestr(part, data.replace(b'<dimension ref="A1:A51"', b'<dimension ref="A1:A2"'))
    assert len(read(wrong)[1]) == 50


def test_an_excel_file_that_unpacks_to_too_much_is_refused(workbook, monkeypatch):
    monkeypatch.setattr("supplychain.importing.readers.MAX_UNPACKED", 100)
    with pytest.raises(FileRefused, match="unpacks to more than"):
        read(workbook(["a"]))
