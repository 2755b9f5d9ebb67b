"""A synthetic month of marks as the file a city would bring in: `qosymsha import marks`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

from qosymsha.demo.town import Written
from qosymsha.kernel.clock import ZONE

COLUMNS = (
    "provider", "group", "child", "date", "mark", "starts", "ends", "marked_at", "recorded_at", "mark_device",
    "mark_network", "scan_at", "scan_device", "scan_network", "card", "confirmed_at", "confirm_device",
    "confirm_network", "confirm_device_kind", "guardian", "home", "venue", "district", "capacity", "teacher",
    "elsewhere", "ref",
)  # fmt: skip
_MARKS = {1: "present", 0: "absent", 2: "ill", 3: "excused"}
_AWAY = {0: "", 1: "abroad", 2: "hospital", 3: "ill", 4: "school", 5: "notice"}


def rows_of(written: Written) -> Iterator[list[object]]:
    """The month's rows in the order of `COLUMNS`: codes of the file's own for everybody."""
    columns = {name: values.tolist() for name, values in written.columns.items()}
    for i in range(len(columns["day"])):
        row = {name: values[i] for name, values in columns.items()}
        yield [
            f"P{row['provider']}",
            f"G{row['group']}",
            f"C{row['child']}",
            date.fromordinal(row["day"]).isoformat(),
            _MARKS[row["value"]],
            *(_moment(row[name]) for name in ("starts", "ends", "marked_at", "recorded_at")),
            _word("d", row["mark_device"]),
            _word("n", row["mark_network"]),
            _moment(row["scan_at"]),
            _word("d", row["scan_device"]),
            _word("n", row["scan_network"]),
            "yes" if row["is_card"] else "",
            _moment(row["confirmed_at"]),
            _word("d", row["confirm_device"]),
            _word("n", row["confirm_network"]),
            "point" if row["is_confirm_point"] else "",
            _word("F", row["family"]),
            row["home"],
            f"V{row['venue']}",
            row["district"],
            row["capacity"],
            _word("T", row["teacher"]),
            _AWAY[row["away"]],
            f"r{i}",
        ]


def write_csv(path: Path, written: Written) -> Path:
    """The month as a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        out.writerows(rows_of(written))
    return path


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, ZONE).strftime("%Y-%m-%d %H:%M:%S") if seconds else ""


def _word(prefix: str, number: int) -> str:
    return f"{prefix}{number}" if number else ""
