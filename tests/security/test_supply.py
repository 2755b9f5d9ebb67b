"""Parts are pinned and named, no secret stands in the repository. ASVS V13.3, V15; docs/security/dependencies.md."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from tests.architecture.house import ROOT
from tests.security.test_asvs import loaded

LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?==\S+")


def loose(text: str) -> list[str]:
    """Parts of a lock file without an exact version or without a hash; lines that are neither pin nor its rest."""
    faults, name, has_hash = [], "", True
    for line in [*text.splitlines(), "end==0"]:
        if line.startswith((" ", "#")) or not line.strip():
            has_hash = has_hash or "--hash=sha256:" in line
            continue
        if name and not has_hash:
            faults.append(name)
        pin = _PIN.match(line)
        if not pin:
            faults.append(line)
        name, has_hash = line.split(" ")[0], "--hash=sha256:" in line
    return faults


def test_every_part_is_pinned_by_hash() -> None:
    assert {path.name: loose(path.read_text("utf-8")) for path in LOCKS} == {path.name: [] for path in LOCKS}
    assert [path.stem for path in LOCKS] == ["build", "dev", "main", "night"]
    installers = [(ROOT / name).read_text("utf-8") for name in ("scripts/setup.sh", "Makefile")]
    for text in installers:
        assert text.count("pip install") == text.count("--require-hashes") + text.count("--no-deps") > 0
    texts = [path.read_text("utf-8") for path in LOCKS] + installers
    assert [
        text for text in texts if re.search(r"--(extra-)?index-url|--trusted-host|--find-links|https?://", text)
    ] == []


@pytest.mark.parametrize("text", ["a>=1\n", "a==1\n", "a==1 \\\n    # via b\n", "git+https://x/y\n", "-e ../x\n"])
def test_a_loose_part_is_seen(text: str) -> None:
    """The control run."""
    assert loose(text) != []
    assert loose("a==1 \\\n    --hash=sha256:00\n    # via b\n") == []


def test_a_package_with_another_hash_is_not_installed(tmp_path: Path) -> None:
    """T26: pip refuses a file whose bytes are not those of the lock; no network, a wheel of our making."""
    wheel = tmp_path / "planted-1-py3-none-any.whl"
    about = "planted-1.dist-info"
    with zipfile.ZipFile(wheel, "w") as made:
        made.writestr("planted.py", "")
        made.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: planted\nVersion: 1\n")
        made.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        made.writestr(f"{about}/RECORD", "")
    lock = tmp_path / "x.lock"

    def installed(digest: str) -> subprocess.CompletedProcess[str]:
        lock.write_text(f"planted==1 --hash=sha256:{digest}\n", "utf-8")
        return subprocess.run(
            [sys.executable, "-m", "pip", "install", "--isolated", "-q", "--no-index", "--find-links", str(tmp_path),
             "--require-hashes", "--target", str(tmp_path / "to"), "-r", str(lock)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    refused = installed("0" * 64)
    assert refused.returncode != 0
    assert "DO NOT MATCH" in refused.stderr
    assert not (tmp_path / "to").exists()
    own = subprocess.run(
        [sys.executable, "-m", "pip", "hash", str(wheel)], capture_output=True, text=True, check=True
    ).stdout.rpartition(":")[2]
    assert installed(own.strip()).returncode == 0, "the control: with its own hash it is"


def test_the_bill_names_every_part_of_the_lock(tmp_path: Path) -> None:
    made = tmp_path / "sbom.json"
    subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "sbom.py"), "--out", str(made)], check=True, capture_output=True
    )
    bill = json.loads(made.read_text("utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    named = {(one["name"], one["version"]) for one in bill["components"]}
    pinned = {
        (re.sub(r"[-_.]+", "-", name).lower(), version)
        for path in LOCKS
        for name, version in re.findall(
            r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", path.read_text("utf-8"), re.MULTILINE
        )
    }
    assert named == pinned
    assert all(one["externalReferences"][0]["hashes"] for one in bill["components"])
    required = {one["name"] for one in bill["components"] if one["scope"] == "required"}
    assert {"django", "psycopg", "cryptography"} <= required
    assert "pytest" not in required
    refs = {one["bom-ref"] for one in bill["components"]} | {"qosymsha"}
    assert {ref for one in bill["dependencies"] for ref in (one["ref"], *one["dependsOn"])} <= refs
    again = loaded("sbom").bill()
    assert json.dumps(again, sort_keys=True) == json.dumps(bill, sort_keys=True), "the same lock, the same bill"


# Kinds of secrets that are known by their form.
_KINDS = re.compile(
    r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b"
    r"|\bxox[abpr]-[0-9A-Za-z-]{20,}"
    r"|\bglpat-[A-Za-z0-9_-]{20}\b|\bAIza[0-9A-Za-z_-]{35}\b|\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\."
    r"|[a-z]+://[^\s:/@{}$<]+:[^\s:/@{}$<]{4,}@(?!localhost|127\.|host|node|db\b)[\w.-]+"
)
_NAMED = re.compile(
    r"(?i)\b(?:secret|token|passw(?:or)?d|api_?key|private_?key|client_secret)\w*[\"']?\s*[:=]\s*[\"']([A-Za-z0-9+/_=-]{16,})[\"']"
)
_NAME = re.compile(r"[A-Z_]+|[a-z_]+|[a-z-]+")  # of a setting, a field, a page
# What looks like one and is none, each read by hand.
INNOCENT = {
    "tests/security/test_supply.py": "its own patterns and plants",
    "docs/reference/draw-vectors.json": "what parties of a finished draw have revealed",
}


def secrets(text: str) -> list[str]:
    """What looks like a secret: known forms, and random words given to names of secrets."""
    named = [word for word in _NAMED.findall(text) if bits(word) > 3.5 and not _NAME.fullmatch(word)]
    return [match[0][:40] for match in _KINDS.finditer(text)] + [word[:40] for word in named]


def bits(word: str) -> float:
    """Shannon's bits per letter."""
    counts = Counter(word)
    return -sum(n / len(word) * math.log2(n / len(word)) for n in counts.values())


def listed() -> list[Path]:
    """The files of the repository, with those not added yet."""
    said = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    ).stdout.decode()
    return [ROOT / name for name in said.split("\0") if name]


def test_no_secret_stands_in_the_repository() -> None:
    files = listed()
    if not files:
        pytest.skip("not a git checkout")
    found = {}
    for path in files:
        name = path.relative_to(ROOT).as_posix()
        if path.suffix in (".png", ".lock", ".jpg", ".woff2") or name in INNOCENT or not path.is_file():
            continue
        hits = secrets(path.read_text("utf-8", "replace"))
        if hits:
            found[name] = hits
    assert found == {}
    assert not [
        path.name for path in files if path.name in (".env", "id_rsa", "id_ed25519") or path.suffix in (".pem", ".p12")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY-----",
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        'client_secret = "tR4nd0mW0rdTh4tN0b0dyGu3ss3s"',
        "postgresql://admin:h4rdT0Gu3ss@prod.example.kz/x",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.x",
    ],
)
def test_a_planted_secret_is_seen(text: str) -> None:
    """The control run."""
    assert secrets(f"x\n{text}\n") != []
    assert secrets("password = os.environ['X']\nSECRET_KEY = ''\n") == []
