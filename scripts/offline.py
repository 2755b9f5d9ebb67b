"""Makes a folder that installs the product on a machine without internet: wheels, locks, an installer, the guides.

    make offline                      offline/qosymsha-VERSION/
    python scripts/offline.py --to /media/stick --check

`--check` installs it into a fresh environment with `--no-index` and asks the installed program for its version and the
embedded server whether it runs. Uses pip as the user has set it up for downloading; the folder itself needs no network.
"""

import argparse
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INSTALL = """#!/bin/sh
# Installs qosymsha from this folder alone: no network is asked. Usage: ./install.sh /opt/qosymsha
set -eu
here=$(cd "$(dirname "$0")" && pwd)
to=${1:?name a folder, such as /opt/qosymsha}
python=${PYTHON:-python3}
"$python" -c 'import sys; v = "%d.%d" % sys.version_info[:2]; sys.exit(v != "@PYTHON@")' || {
    echo "Python @PYTHON@ is needed (PYTHON=/path/to/python@PYTHON@)" >&2; exit 3; }
(cd "$here" && sha256sum --quiet -c SHA256SUMS) || { echo "a file of this folder is damaged" >&2; exit 3; }
"$python" -m venv "$to"
pip="$to/bin/python -m pip install -q --disable-pip-version-check --isolated --no-index"
$pip --find-links "$here/wheels" --require-hashes -r "$here/main.lock"
$pip --no-deps "$here"/wheels/qosymsha-*.whl
echo "installed: $to/bin/qosymsha"
echo "next: $to/bin/qosymsha doctor, then $here/docs/guides/operator.md"
"""


def pip(*words: object) -> None:
    """pip of this environment."""
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, words)], check=True)


def pack(to: Path) -> Path:
    """Make the folder; what stood there before is replaced. Returns it."""
    folder = to / f"qosymsha-{version()}-{platform.system().lower()}-{platform.machine()}"
    shutil.rmtree(folder, ignore_errors=True)
    wheels = folder / "wheels"
    wheels.mkdir(parents=True)
    lock = ROOT / "requirements" / "main.lock"
    pip("download", "-q", "--require-hashes", "--only-binary", ":all:", "-d", wheels, "-r", lock)
    pip("wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", wheels, ROOT)
    shutil.copy(lock, folder)
    for name in ("README.md", "LICENSE", "SECURITY.md"):
        shutil.copy(ROOT / name, folder)
    for name in ("docs", "deploy", "verify"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "images"))
    subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "sbom.py"), "--out", str(folder / "sbom.cdx.json")], check=True
    )
    installer = folder / "install.sh"
    installer.write_text(INSTALL.replace("@PYTHON@", f"{sys.version_info[0]}.{sys.version_info[1]}"), "utf-8")
    installer.chmod(0o755)
    write_sums(folder)
    return folder


def write_sums(folder: Path) -> None:
    """SHA256SUMS over every file, as `sha256sum -c` reads it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines), "utf-8")


def check(folder: Path) -> None:
    """Install the folder into an empty environment whose pip knows no index, and ask the program what it is."""
    with tempfile.TemporaryDirectory(prefix="qosymsha-offline-") as name:
        Path(name).chmod(0o755)  # as root the embedded server runs as nobody, who must reach its folder
        to = Path(name) / "installed"
        bare = {"PATH": os.environ["PATH"], "HOME": name, "PYTHON": sys._base_executable, "PIP_NO_INDEX": "1"}  # type: ignore[attr-defined]
        subprocess.run([str(folder / "install.sh"), str(to)], env=bare, check=True)
        env = {"PATH": os.environ["PATH"], "HOME": name, "QOSYMSHA_STATE": f"{name}/state"}
        said = asked(to, env, "--version")
        assert version() in said, said
        said = asked(to, env, "doctor", "--quick")
        assert "PostgreSQL" in said, said
    print(f"checked: {version()} was installed without an index and its own PostgreSQL answered")


def asked(installed: Path, env: dict[str, str], *words: str) -> str:
    """What the installed program says; doctor ends with 1 where it finds something, as on an empty database."""
    program = [str(installed / "bin" / "qosymsha"), *words]
    done = subprocess.run(program, env=env, cwd=env["HOME"], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def version() -> str:
    """The product's version."""
    text = (ROOT / "src" / "qosymsha" / "__init__.py").read_text("utf-8")
    return re.findall(r'__version__ = "([^"]+)"', text)[0]


def main() -> int:
    """Pack, and check where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=ROOT / "offline")
    parser.add_argument("--check", action="store_true", help="install it into a fresh environment without any index")
    given = parser.parse_args()
    folder = pack(given.to)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {len(list((folder / 'wheels').iterdir()))} wheels, {size / 1e6:.0f} MB")
    if given.check:
        check(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
