"""Tables out of files: CSV in whatever encoding and with whatever delimiter, and Excel, row by row.

A table that cannot be read at all is refused; a row or a cell that cannot be read is a fault of its own, and reading
goes on behind it.
"""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from supplychain.importing.errors import FileRefused, RowFault
from supplychain.importing.mapping import FileForm

MAX_CELL = 32_767
"""Characters in a cell: what a spreadsheet holds."""
MAX_COLUMNS = 1_000
MAX_UNPACKED = 1 << 30
"""Bytes that an Excel file may unpack to."""
_EXCEL = (".xlsx", ".xlsm")
_ZIP, _OLD_EXCEL = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A cell that is there and cannot be used; `reason` is half a sentence."""

    reason: str


Cell = str | int | float | bool | datetime | date | Unreadable
"""What a cell holds: text without the blanks around it, or what Excel says that it is. An empty one is ""."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row under the header; `number` as a spreadsheet shows it."""

    number: int
    cells: tuple[Cell, ...]
    fault: str = ""
    """Why nothing of the row can be read, where that is so."""


@dataclass(frozen=True, slots=True)
class Table:
    """The columns' names, the rows under them (to be read once), and about how many there are (0: unknown)."""

    columns: tuple[str, ...]
    rows: Iterator[Row]
    expected: int
    faults: tuple[RowFault, ...] = ()
    """What is wrong with the header, short of a reason to refuse the file."""


class TableFile:
    """An open file that holds a table; use it in a `with` statement."""

    def __init__(self, path: Path, form: FileForm) -> None:
        self._path, self._form, self._open = path, form, ExitStack()

    def __enter__(self) -> Table:
        try:
            return _open_table(self._path, self._form, self._open)
        except BaseException:
            self._open.close()
            raise

    def __exit__(self, *_: object) -> None:
        self._open.close()


def _open_table(path: Path, form: FileForm, opened: ExitStack) -> Table:
    try:
        raw = opened.enter_context(path.open("rb"))
    except OSError as error:
        raise FileRefused(f"{path} cannot be opened: {error.strerror}") from None
    first = raw.read(4)
    raw.seek(0)
    if not first:
        raise FileRefused(f"{path.name} is empty")
    if first == _OLD_EXCEL:
        raise FileRefused(f"{path.name} is an Excel file of the old kind (.xls); save it as .xlsx or CSV")
    is_excel = first == _ZIP
    if is_excel != (path.suffix.lower() in _EXCEL):
        kind = "an Excel file, but its name does not end" if is_excel else "no Excel file, though its name ends"
        raise FileRefused(f"{path.name} is {kind} in .xlsx")
    rows, expected = _excel_rows(raw, form, opened) if is_excel else _csv_rows(raw, form)
    return _table(rows, expected, form.header, path.name)


def _table(rows: Iterator[Row], expected: int, header: int, name: str) -> Table:
    """Take the header off the rows."""
    for row in rows:
        if row.number >= header:
            break
    else:
        raise FileRefused(f"{name} has no row {header}, where the columns' names should stand")
    if row.fault or row.number != header:
        raise FileRefused(f"row {header} of {name}, where the columns' names should stand, is empty or unreadable")
    columns = tuple("" if isinstance(cell, Unreadable) else str(cell) for cell in row.cells)
    if not any(columns):
        raise FileRefused(f"row {header} of {name}, where the columns' names should stand, is empty")
    return Table(columns, rows, max(0, expected - header), _header_faults(columns, header))


def _header_faults(columns: tuple[str, ...], row: int) -> tuple[RowFault, ...]:
    places: dict[str, list[int]] = {}
    for number, column in enumerate(columns, start=1):
        if column:
            places.setdefault(column, []).append(number)
    return tuple(
        RowFault(row, column, f"the name stands {len(found)} times in the header: columns {_listed(found)}")
        for column, found in places.items()
        if len(found) > 1
    )


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


# --- CSV -------------------------------------------------------------------------------------------------------------


def _csv_rows(raw: BinaryIO, form: FileForm) -> tuple[Iterator[Row], int]:
    encoding, lines = _encoding_of(raw, form.encoding)
    # what is no text in this encoding comes through as lone surrogates, and is a fault of its cell
    text = io.TextIOWrapper(raw, encoding=encoding, errors="surrogateescape", newline="")
    delimiter = form.delimiter or _delimiter_of(text.readline())
    text.seek(0)
    return _read_csv(text, delimiter, encoding), lines


def _encoding_of(raw: BinaryIO, wanted: str | None) -> tuple[str, int]:
    """Find out the encoding, unless it is `wanted`: UTF-8 where the whole file is that, else Latin-1; count lines."""
    start = raw.read(4)
    raw.seek(0)
    marked = next((encoding for bom, encoding in _BOMS if start.startswith(bom)), None)
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8, lines = True, 0
    while chunk := raw.read(1 << 20):
        lines += chunk.count(b"\n")
        if is_utf8:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                is_utf8 = False
    raw.seek(0)
    return wanted or marked or ("utf-8" if is_utf8 else "cp1252"), lines


def _delimiter_of(header: str) -> str:
    """The one that stands most often in the header, outside quotes."""
    outside = "".join(header.split('"')[::2])
    return max(",;\t|", key=outside.count)


def _read_csv(text: io.TextIOWrapper, delimiter: str, encoding: str) -> Iterator[Row]:
    csv.field_size_limit(1 << 20)
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            lines = f" (lines {line} to {reader.line_num})" if reader.line_num > line else ""
            yield Row(number, (), _csv_fault(str(error)) + lines)
            continue
        if len(cells) > MAX_COLUMNS:
            yield Row(number, (), f"it has {len(cells):,} columns; {MAX_COLUMNS:,} are read")
        elif any(cells):
            yield Row(number, tuple(_text(cell, encoding) for cell in cells))


def _csv_fault(error: str) -> str:
    if "field limit" in error:
        return "a cell is longer than 1 MiB; a quotation mark may be missing its end"
    if "unexpected end" in error:
        return "a quotation mark is never closed"
    return f"it cannot be read as CSV: {error}"


def _text(cell: str, encoding: str = "") -> Cell:
    text = cell.strip()
    if len(text) > MAX_CELL:
        return Unreadable(f"the cell holds {len(text):,} characters; {MAX_CELL:,} are read")
    if text.isascii() and text.isprintable():
        return text
    if any("\ud800" <= char <= "\udfff" for char in text):
        return Unreadable(f"the cell is not {encoding} text; name the file's encoding in the mapping")
    if any(char < " " and char not in "\t\r\n" for char in text) or "\x7f" in text:
        return Unreadable("the cell holds control characters")
    return text


# --- Excel -----------------------------------------------------------------------------------------------------------


def _excel_rows(raw: BinaryIO, form: FileForm, opened: ExitStack) -> tuple[Iterator[Row], int]:
    try:
        with zipfile.ZipFile(raw) as packed:
            if sum(part.file_size for part in packed.infolist()) > MAX_UNPACKED:
                raise FileRefused("the Excel file unpacks to more than 1 GiB; split it, or save it as CSV")
        book = openpyxl.load_workbook(raw, read_only=True, data_only=False)
    except (zipfile.BadZipFile, InvalidFileException, ParseError, KeyError, ValueError, OSError):
        raise FileRefused("the Excel file is damaged, or protected by a password") from None
    opened.callback(book.close)
    names = [sheet.title for sheet in book.worksheets]
    if not names:
        raise FileRefused("the Excel file has no sheet of cells")
    wanted = form.sheet or names[0]
    if wanted not in names:
        raise FileRefused(f"the Excel file has no sheet {wanted!r}; it has {', '.join(map(repr, names))}")
    sheet = book[wanted]
    expected = sheet.max_row or 0
    sheet.reset_dimensions()  # some programs write too small ones, and rows beyond them would be lost
    return _read_sheet(sheet), expected


def _read_sheet(sheet: Any) -> Iterator[Row]:
    rows = enumerate(sheet.iter_rows(), start=1)
    while True:
        try:
            number, cells = next(rows)
        except StopIteration:
            return
        except (ParseError, zipfile.BadZipFile, ValueError, KeyError, OSError) as error:
            raise FileRefused(f"the Excel file is damaged: {error}") from None
        if len(cells) > MAX_COLUMNS:
            yield Row(number, (), f"it has {len(cells):,} columns; {MAX_COLUMNS:,} are read")
            continue
        found = tuple(_excel_cell(cell) for cell in cells)
        if any(cell != "" for cell in found):
            yield Row(number, found)


def _excel_cell(cell: Any) -> Cell:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f":
        return Unreadable(f"the cell holds a formula ({str(getattr(value, 'text', value))[:60]}); put its value there")
    if cell.data_type == "e":
        return Unreadable(f"the cell holds the error {value}")
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (time, timedelta)):
        return Unreadable("the cell holds a time without a date")
    if isinstance(value, (bool, int, float, datetime, date)):
        return value
    return Unreadable("the cell holds something that is neither text nor a number nor a date")
