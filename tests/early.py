"""Names the tests' database before Django's settings are read; loaded by `-p` in pyproject.toml.

Each run of pytest has a server of its own, in a temporary state folder that all xdist workers share: the first worker
that needs a database starts it, the last one stops it. QOSYMSHA_TEST_DATABASE_URL points to an outside server instead.
"""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

from qosymsha.runtime.errors import EnvironmentFault
from qosymsha.runtime.postgres import address

STATE = "QOSYMSHA_TEST_STATE"  # set by the run's first process, inherited by its workers
DATABASE = "qosymsha"  # pytest-django makes test_qosymsha, test_qosymsha_gw0, …


def _point_django_at_the_tests_server() -> None:
    os.environ.setdefault("QOSYMSHA_MODE", "test")
    outside = os.environ.get("QOSYMSHA_TEST_DATABASE_URL")
    if outside:
        os.environ["DATABASE_URL"] = outside
        return
    if STATE not in os.environ:
        os.environ[STATE] = tempfile.mkdtemp(prefix="qosymsha-test-")
        atexit.register(_remove, Path(os.environ[STATE]))
    os.environ["DATABASE_URL"] = address(Path(os.environ[STATE])).url(DATABASE)


def _remove(state: Path) -> None:
    """Remove the run's folders, in the process that made them and after its workers have ended."""
    for folder in (address(state).socket_dir, state):
        shutil.rmtree(folder, ignore_errors=True)


try:
    _point_django_at_the_tests_server()
except EnvironmentFault as fault:
    sys.stderr.write(f"{fault}\n")
    sys.exit(3)
