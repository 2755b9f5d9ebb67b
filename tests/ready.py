"""A server's data folder whose every new database has all tables: migrated once per run, copied by whoever needs one.

PostgreSQL makes a database as a copy of its `template1`; in this folder that one is migrated. Migrating takes half a
minute, laying a copy a moment. QOSYMSHA_READY=FOLDER keeps the migrated folder there for the next run of the same
migrations: for whoever runs a few tests again and again.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from qosymsha.runtime.places import locked
from qosymsha.runtime.postgres import create_database, running
from tests.early import STATE

SOURCE = Path(__file__).resolve().parents[1] / "src"
KEEP = "QOSYMSHA_READY"
_MAKERS = ("domain/*/migrations/*.py", "domain/*/states.py", "kernel/**/*.py", "config/settings.py")
_MIGRATE = (
    "import django; django.setup(); from django.core.management import call_command as c; c('migrate', verbosity=0)"
)


@cache
def home() -> Path:
    """Where this run keeps what its processes share; with an outside server each process has a folder of its own."""
    if STATE in os.environ:
        return Path(os.environ[STATE])
    own = Path(tempfile.mkdtemp(prefix="qosymsha-test-"))
    own.chmod(0o711)  # the server's user must reach its own folders inside
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    return own


def lay(state: Path, database: str = "") -> None:
    """Put a copy where the server of a state folder will start, unless it has data; with a database of this name in it.

    Call it before the server is started.
    """
    ready = _made()
    state.mkdir(mode=0o711, parents=True, exist_ok=True)
    with locked(state / "making.lock"):
        if (state / "made").exists():
            return
        shutil.rmtree(state / "data", ignore_errors=True)
        subprocess.run(["cp", "-a", str(ready), str(state / "data")], check=True)
        if database:
            with running(state, durable=False) as server:
                create_database(server, database)
        (state / "made").touch()


def _made() -> Path:
    """The migrated folder, its server stopped; made by whoever comes first."""
    folder = Path(os.environ[KEEP]) / _mark() if KEEP in os.environ else home() / "ready"
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    with locked(folder / "making.lock"):
        if not (folder / "made").exists():
            shutil.rmtree(folder / "data", ignore_errors=True)
            with running(folder, durable=False) as server:
                own = {"DATABASE_URL": server.url("template1"), "QOSYMSHA_MODE": "test", "PYTHONPATH": str(SOURCE)}
                own["DJANGO_SETTINGS_MODULE"] = "qosymsha.config.settings"
                subprocess.run([sys.executable, "-c", _MIGRATE], env=os.environ | own, check=True)
            (folder / "made").touch()
    return folder / "data"


def _mark() -> str:
    """Another for other migrations, or for another of what they take their words from."""
    found = hashlib.sha256(sys.executable.encode())
    for pattern in _MAKERS:
        for path in sorted((SOURCE / "qosymsha").glob(pattern)):
            found.update(path.read_bytes())
    return found.hexdigest()[:16]


if __name__ == "__main__":
    _made()
