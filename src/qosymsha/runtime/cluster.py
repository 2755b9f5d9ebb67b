"""Making the server's data folder, and the command that runs the server with settings nobody can weaken."""

import os
import shutil
import subprocess

from qosymsha.runtime.binaries import Binaries
from qosymsha.runtime.errors import EnvironmentFault
from qosymsha.runtime.faults import fault_from
from qosymsha.runtime.places import PORT, Places

SUPERUSER = "qosymsha"
BUILTIN_LOCALE_SINCE = 17

# Given on the command line, where neither postgresql.conf nor ALTER SYSTEM can override them.
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
FOR_TESTS_ONLY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "max_wal_size": "2GB",
    "max_locks_per_transaction": "256",  # a migration touches every month's partition in one transaction
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # No row's content in the log: a refused row would show a child's number.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}


def make_cluster(binaries: Binaries, places: Places, *, durable: bool) -> None:
    """Make the data folder unless it is there: UTF-8, checksums, trust for those who reach the private socket.

    Raises:
        EnvironmentFault: it cannot be made, or was made by another major version.
    """
    stamp = places.cluster / "PG_VERSION"
    if stamp.exists():
        _require_same_version(binaries, places, int(stamp.read_text(encoding="ascii")))
        return
    half = places.state / "data.half"  # renamed when whole, so that a killed initdb leaves nothing that looks like data
    try:
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700)
        if places.server_id is not None:
            os.chown(half, places.server_id, places.server_id)
        answer = _run_initdb(binaries, places, str(half), durable=durable)
        if answer.returncode == 0:
            half.rename(places.cluster)
    except OSError as error:
        raise fault_from(str(error), "Cannot make the data folder", places.state) from error
    if answer.returncode != 0:
        shutil.rmtree(half, ignore_errors=True)
        raise fault_from(answer.stderr, "Cannot make the data folder", places.state)


def server_command(binaries: Binaries, places: Places, *, durable: bool) -> list[str]:
    """Return the command that runs the server in the foreground on its private socket."""
    settings = SETTINGS | (DURABLE if durable else FOR_TESTS_ONLY)
    settings["shared_buffers"] = f"{_buffers_mb(os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE'))}MB"
    settings["port"] = str(PORT)
    settings["unix_socket_directories"] = '"' + str(places.socket_dir).replace('"', '""') + '"'
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [str(binaries.folder / "postgres"), "-D", str(places.cluster), *options]


def _buffers_mb(memory_bytes: int) -> int:
    """An eighth of the machine's memory, 256 MB to 1 GB: with 1 GB a city's month takes a third less than with 256."""
    return min(max(memory_bytes // 8 // 1024**2, 256), 1024)


def _run_initdb(binaries: Binaries, places: Places, folder: str, *, durable: bool) -> subprocess.CompletedProcess[str]:
    locale = ["--locale=C.UTF-8"]
    if binaries.version >= BUILTIN_LOCALE_SINCE:
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    user = places.server_id
    return subprocess.run(
        [str(binaries.folder / "initdb"), "-D", folder, "-U", SUPERUSER, "--encoding=UTF8", "--data-checksums"]
        + ["--auth-local=trust", "--auth-host=reject", *locale, *([] if durable else ["--no-sync"])],
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        cwd="/",
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )


def _require_same_version(binaries: Binaries, places: Places, version: int) -> None:
    if version != binaries.version:
        raise EnvironmentFault(
            f"The data in {places.cluster} was made by PostgreSQL {version}, but {binaries.folder} is version "
            f"{binaries.version}. Set QOSYMSHA_PG_BIN to a PostgreSQL {version}, or QOSYMSHA_STATE to another folder."
        )
