"""What an import refuses, each with the place where it is wrong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RowFault:
    """One thing that is wrong in a file: `row` as a spreadsheet numbers it (0: the file), `column` by its name."""

    row: int
    column: str
    reason: str

    def __str__(self) -> str:
        where = ", ".join(part for part in (f"row {self.row}" if self.row else "", self.column) if part)
        return f"{where}: {self.reason}" if where else self.reason


class ImportRefused(Exception):
    """The whole import cannot begin; the message is one sentence for whoever started it."""


class FileRefused(ImportRefused):
    """The file cannot be read as a table."""


class MappingInvalid(ImportRefused):
    """The mapping is wrong; `faults` names each place."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("the mapping is wrong:\n" + "\n".join(f"  {fault}" for fault in faults))
        self.faults = faults


class RowRefused(Exception):
    """A row that cannot be imported; `faults` names each cell that is wrong."""

    def __init__(self, faults: list[RowFault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults
