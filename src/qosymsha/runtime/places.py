"""Where the embedded server keeps its data, socket, log and locks, and as whom it runs."""

import fcntl
import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from qosymsha.runtime.errors import EnvironmentFault

PORT = 5432  # names the socket file only: nothing listens on TCP
SOCKET_PATH_LIMIT = 100  # bytes; the kernel's own limit is 107
UNPRIVILEGED_ID = 65534  # "nobody": PostgreSQL refuses to run as root


@dataclass(frozen=True, slots=True)
class Places:
    """The files of one state folder. `server_id` is the uid and gid the server runs as, None for our own."""

    state: Path
    server_id: int | None

    @property
    def cluster(self) -> Path:
        """The server's data folder."""
        return self.state / "data"

    @property
    def log(self) -> Path:
        """What the server and its keeper say."""
        return self.state / "server.log"

    @property
    def door(self) -> Path:
        """Lock held while somebody joins, leaves, starts or stops: these happen one at a time."""
        return self.state / "door.lock"

    @property
    def users(self) -> Path:
        """Lock shared by all processes that use the server; the kernel drops it when one is killed."""
        return self.state / "users.lock"

    @property
    def keeper(self) -> Path:
        """Lock held by the keeper as long as it lives; holds its pid."""
        return self.state / "keeper.lock"

    @property
    def socket_dir(self) -> Path:
        """The folder of the socket: in the state folder when its path is short and plain enough, else in /tmp."""
        near = self.state / "run"
        if _socket_bytes(near) < SOCKET_PATH_LIMIT and "," not in str(near):  # a comma separates hosts for libpq
            return near
        return Path("/tmp") / f"qosymsha-{os.geteuid()}-{_short_hash(self.state)}"  # noqa: S108 - owner is checked


def places_of(state: Path | None = None) -> Places:
    """Name the places of a state folder (default: QOSYMSHA_STATE, else one derived from the clone's path)."""
    folder = (state or _configured_state() or _default_state()).absolute()
    # Only the parent is resolved: a link in the folder's own place is refused later.
    return Places(state=folder.parent.resolve() / folder.name, server_id=UNPRIVILEGED_ID if os.geteuid() == 0 else None)


def prepare(places: Places) -> None:
    """Make the state and socket folders, private to the server.

    Raises:
        EnvironmentFault: a folder cannot be made or belongs to somebody else.
    """
    _own_folder(places.state, None)
    if places.server_id is not None:  # the server must reach its own folders inside, without reading this one
        places.state.chmod(places.state.stat().st_mode | 0o011)
    _own_folder(places.socket_dir, places.server_id)


def _own_folder(folder: Path, server_id: int | None) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        if found.st_uid == os.geteuid() and server_id is not None:
            os.chown(folder, server_id, server_id, follow_symlinks=False)
            found = folder.lstat()
    except OSError as error:
        raise EnvironmentFault(
            f"Cannot make the folder {folder}: {error.strerror}. Set QOSYMSHA_STATE to a folder that you may write."
        ) from error
    owner = os.geteuid() if server_id is None else server_id
    if found.st_uid != owner or folder.is_symlink():
        raise EnvironmentFault(
            f"The folder {folder} belongs to user id {found.st_uid}, not {owner}, or is a link. "
            "Remove it, or set QOSYMSHA_STATE to another folder."
        )


def open_private(path: Path) -> BinaryIO:
    """Open a file for adding at its end, made if need be for our eyes only: others could hold our locks.

    Raises:
        EnvironmentFault: it cannot be opened.
    """
    try:
        return open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))
    except OSError as error:
        raise EnvironmentFault(
            f"Cannot write {path}: {error.strerror}. Set QOSYMSHA_STATE to a folder that you may write."
        ) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file alone, waiting for it."""
    with open_private(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_free(path: Path) -> bool:
    """Tell whether nobody holds the lock file in any way."""
    with open_private(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _configured_state() -> Path | None:
    value = os.environ.get("QOSYMSHA_STATE")
    return Path(value) if value else None


def _default_state() -> Path:
    clone = Path(__file__).resolve().parents[3]
    is_clone = (clone / "pyproject.toml").is_file()
    home = clone if is_clone else Path(sys.prefix)
    if os.geteuid() == 0:  # root's own folders are closed to the server; /var/tmp outlives a restart
        return Path("/var/tmp") / f"qosymsha-{_short_hash(home)}"  # noqa: S108 - owner is checked
    if is_clone:
        return clone / ".state"
    shelf = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(shelf) / f"qosymsha-{_short_hash(home)}"


def _socket_bytes(folder: Path) -> int:
    return len(os.fsencode(folder / f".s.PGSQL.{PORT}.lock"))


def _short_hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
