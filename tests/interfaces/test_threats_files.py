"""Files that come in, go out, or are installed: hostile uploads (T15), formulas (T17), tampered packages (T26).

Each with its control run. The table of all threats: docs/reference/threats.md.
"""

from __future__ import annotations

import csv
import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from qosymsha.interfaces.files import exports
from qosymsha.interfaces.files.rosters import read_roster
from tests.architecture.house import ROOT
from tests.factories import uploads

# T15

MOST_RISE_MB = 200
_MEASURED = """
import re, sys, zlib
from pathlib import Path
from tests.factories import uploads
from qosymsha.domain.documents.rules import Limits, Unfit, cleaned
def peak():  # of this program alone: getrusage's is that of the program that started it, where that was larger
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024
corpus = [content for content, _ in uploads.hostile().values()] + list(uploads.disguised().values())
cleaned(uploads.png(), Limits())
before, taken = peak(), 0
if sys.argv[1] == "control":
    zlib.decompress(uploads.bomb(208 << 20))
else:
    for content in corpus:
        try:
            cleaned(content, Limits()); taken += 1
        except Unfit:
            pass
print(len(corpus), taken, peak() - before)
"""


def measured(way: str) -> tuple[int, int, int]:
    """(files, taken, megabytes by which the process grew) of a process of its own."""
    run = [sys.executable, "-c", _MEASURED, way]
    env = {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "PATH": "/usr/bin:/bin"}
    told = subprocess.run(run, cwd=ROOT, env=env, capture_output=True, text=True, check=True).stdout.split()
    files, taken, rise = map(int, told)
    return files, taken, rise


def test_sixty_hostile_files_do_not_fill_the_memory_and_the_control_does() -> None:
    files, taken, rise = measured("product")
    assert files >= 60
    assert taken == len(uploads.disguised())
    assert rise <= MOST_RISE_MB
    assert measured("control")[2] > MOST_RISE_MB, "the control: one of them unpacked as it asks to be"


# T17

BEGINNINGS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", " =", "\n=")
NAMES = [f"{begin}1+HYPERLINK(A1)" for begin in BEGINNINGS]


def formulas(path: Path) -> list[str]:
    """Cells that a spreadsheet would run: begun so in a CSV, typed so in a workbook."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            cells = [cell for row in list(csv.reader(file))[1:] for cell in row]
        return [cell for cell in cells if cell.lstrip(" ")[:1] in set("=+-@\t\r\n＝＋－＠")]
    sheet = openpyxl.load_workbook(path).active
    assert sheet is not None
    return [str(cell.value) for row in sheet.iter_rows(min_row=2) for cell in row if cell.data_type == "f"]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_no_name_is_a_formula_in_any_export_and_survives_the_way_back(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"out.{ending}"
    exports.write(path, ["name"], [[name] for name in NAMES])
    assert formulas(path) == []
    plain = [name for name in NAMES if name == name.strip()]
    exports.write(path, ["name"], [[name] for name in plain])
    assert [row.cells["name"] for row in read_roster(path).rows] == plain
    monkeypatch.setattr(exports, "safe", str)  # the control: quoting switched off
    monkeypatch.setattr(exports, "_cell", lambda _, value: value)
    exports.write(path, ["name"], [[name] for name in NAMES])
    assert len(formulas(path)) >= (len(NAMES) if ending == "csv" else 1)


def test_every_file_of_the_product_for_a_spreadsheet_goes_through_the_one_writer() -> None:
    """Whoever writes a CSV or a workbook himself forgets the quoting; the control: the writer itself is found."""
    writes = re.compile(r"\bcsv\.(?:writer|DictWriter)\(|openpyxl\.Workbook\(")
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "src").rglob("*.py")
        if writes.search(path.read_text("utf-8")) and "demo" not in path.parts
    }
    assert "src/qosymsha/interfaces/files/exports.py" in found
    assert found - WRITERS == set()


# Of these each passes `exports.safe`, or writes numbers and our own words alone.
WRITERS = {
    "src/qosymsha/interfaces/files/exports.py",
    "src/qosymsha/interfaces/office/rules.py",  # `csv_answer`: each cell through `safe`
    "src/qosymsha/interfaces/office/outside.py",  # the example: our own words alone
}


# T26

_WHEEL = "parcel-1.0-py3-none-any.whl"


def wheel(folder: Path, content: str = "TRUE = True\n") -> Path:
    """A package of one module, as pip takes it."""
    files = {
        "parcel.py": content,
        "parcel-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: parcel\nVersion: 1.0\n",
        "parcel-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "parcel-1.0.dist-info/RECORD": "parcel.py,,\nparcel-1.0.dist-info/METADATA,,\nparcel-1.0.dist-info/WHEEL,,\n",
    }
    path = folder / _WHEEL
    with zipfile.ZipFile(path, "w") as parcel:
        for name, text in files.items():
            parcel.writestr(zipfile.ZipInfo(name), text)
    return path


def installed(folder: Path, requirement: str, *options: str) -> tuple[bool, str]:
    """Whether pip installed it, and what it said; nothing is asked of a network."""
    (folder / "packages.lock").write_text(requirement)
    run = [
        *(sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-index", "--no-cache-dir"),
        *("--isolated", "--find-links", str(folder), "--target", str(folder / "there"), "--upgrade", *options),
        *("-r", str(folder / "packages.lock")),
    ]
    told = subprocess.run(run, capture_output=True, text=True, check=False)
    return told.returncode == 0, told.stdout + told.stderr


def test_a_tampered_package_is_not_installed(tmp_path: Path) -> None:
    locked = f"parcel==1.0 --hash=sha256:{hashlib.sha256(wheel(tmp_path).read_bytes()).hexdigest()}\n"
    assert installed(tmp_path, locked, "--require-hashes")[0]
    wheel(tmp_path, "TRUE = False\n")
    done, said = installed(tmp_path, locked, "--require-hashes")
    assert not done
    assert "DO NOT MATCH" in said.upper()
    assert installed(tmp_path, "parcel==1.0\n")[0], "the control: without hashes the same parcel is taken"
    assert (tmp_path / "there" / "parcel.py").read_text() == "TRUE = False\n"


def unhashed(text: str) -> list[str]:
    """Requirements of a lock file without a hash."""
    joined = re.sub(r"\\\n\s*", " ", text)
    return [line for line in joined.splitlines() if "==" in line and not line.startswith("#") and "--hash" not in line]


@pytest.mark.parametrize("name", ["build", "main", "dev"])
def test_every_package_is_locked_by_its_hash_and_asked_for_so(name: str, tmp_path: Any) -> None:
    lock = (ROOT / "requirements" / f"{name}.lock").read_text("utf-8")
    assert unhashed(lock) == []
    assert "--hash=sha256:" in lock
    setup = (ROOT / "scripts" / "setup.sh").read_text("utf-8")
    asking, _, own = setup.partition("--require-hashes")
    assert f"-r requirements/{name}.lock" in own
    assert "--no-index" in own
    assert "pip install" not in asking.replace("pip install -q --disable-pip-version-check", "")
    assert unhashed("parcel==1.0\n") == ["parcel==1.0"], "the control"
