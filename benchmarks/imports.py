"""Rows a second of `manage.py import`, on a file of 10,000 rows that is made here."""

from __future__ import annotations

import csv
import json
import random
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.server import ROOT, Server

COLUMNS = """ID,Project Code,PQ #,PO / SO #,ASN/DN #,Country,Managed By,Fulfill Via,Vendor INCO Term,Shipment Mode,
PQ First Sent to Client Date,PO Sent to Vendor Date,Scheduled Delivery Date,Delivered to Client Date,
Delivery Recorded Date,Product Group,Sub Classification,Vendor,Item Description,Molecule/Test Type,Brand,
Dosage,Dosage Form,Unit of Measure (Per Pack),Line Item Quantity,Line Item Value,Pack Price,Unit Price,
Manufacturing Site,First Line Designation,Weight (Kilograms),Freight Cost (USD),
Line Item Insurance (USD)""".replace("\n", "").split(",")
COUNTRIES = ("Zambia", "Kenya", "Uganda", "Vietnam", "Haiti", "Nigeria")


def made_file(path: Path, rows: int) -> None:
    """A file with the columns that docs/examples/scms.toml names."""
    dice = random.Random(3)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for number in range(rows):
            sent = date(2012, 1, 1) + timedelta(days=dice.randrange(1000))
            there = sent + timedelta(days=dice.randrange(10, 90))
            row = dict.fromkeys(COLUMNS, "N/A")
            row |= {
                "ID": str(number + 1),
                "PO / SO #": f"SO-{number}",
                "ASN/DN #": f"DN-{number}",
                "Country": dice.choice(COUNTRIES),
                "Shipment Mode": "Air",
                "PO Sent to Vendor Date": str(sent),
                "Scheduled Delivery Date": str(there),
                "Delivered to Client Date": str(there),
                "Delivery Recorded Date": str(there + timedelta(days=1)),
                "Product Group": dice.choice(("ARV", "HRDT")),
                "Vendor": "Vendor",
                "Line Item Quantity": str(dice.randrange(1, 5000)),
            }
            writer.writerow(row)


def measure(server: Server) -> dict[str, Any]:
    """Rows a second, all in: reading, checking, signing, capturing, projections."""
    with tempfile.TemporaryDirectory() as folder:
        path, report = Path(folder) / "rows.csv", Path(folder) / "report.json"
        made_file(path, 10_000)
        start = time.perf_counter()
        server.manage(
            "import", str(path), "--map", str(ROOT / "docs" / "examples" / "scms.toml"), "--report", str(report)
        )
        took = time.perf_counter() - start
        said = json.loads(report.read_text())
    return {
        "rows": 10_000,
        "seconds": round(took, 1),
        "rows_per_second": round(10_000 / took),
        "report": said["counts"] if "counts" in said else {k: v for k, v in said.items() if isinstance(v, int)},
    }
