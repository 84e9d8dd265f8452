"""Tables to take away: CSV and Excel in which no cell is ever a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import HttpResponse

STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS = 1_000_000
"""What one sheet of Excel holds."""


def safe(cell: Any) -> Any:
    """A text that a spreadsheet would compute gets an apostrophe in front; numbers stay numbers."""
    if not isinstance(cell, str):
        return "" if cell is None else cell
    text = "".join(each for each in cell if each >= " " or each == "\t")
    return f"'{text}" if text.lstrip().startswith(STARTS_FORMULA) or cell.startswith(STARTS_FORMULA) else text


def csv_lines(rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The table as CSV (RFC 4180), line by line."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    for row in rows:
        writer.writerow([safe(cell) for cell in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def excel(rows: Iterable[Sequence[Any]]) -> bytes:
    """The table as one sheet of a workbook; rows beyond what a sheet holds are left out, and the last one says so."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Table")
    for number, row in enumerate(rows):
        if number == MOST_ROWS:
            sheet.append(["There are more rows than a sheet holds: take the CSV."])
            break
        cells = []
        for cell in row:
            made = WriteOnlyCell(sheet, value=safe(cell))
            if isinstance(cell, str):
                made.data_type = "s"
            cells.append(made)
        sheet.append(cells)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def answer(rows: Iterable[Sequence[Any]], *, kind: str, filename: str) -> HttpResponse:
    """The table as a download of that kind, `csv` or `xlsx`.

    It is written whole: rows are read while the request still acts for its party.
    """
    headers = {"Content-Disposition": f'attachment; filename="{filename}"', "X-Content-Type-Options": "nosniff"}
    if kind == "xlsx":
        return HttpResponse(excel(rows), content_type=EXCEL, headers=headers)
    return HttpResponse("".join(csv_lines(rows)), content_type="text/csv; charset=utf-8", headers=headers)
