"""Secrets as files: each stands in the environment, in a file that it names, or among systemd's credentials.

NAME=…, NAME_FILE=/path, or a file NAME in $CREDENTIALS_DIRECTORY (`LoadCredential=`, `LoadCredentialEncrypted=`).
A file is read by whoever needs it and handed to nobody: children read it themselves, no environment repeats it.
"""

from __future__ import annotations

import os
from pathlib import Path

from qosymsha.runtime.errors import EnvironmentFault

_LARGEST = 64 * 1024


def secret(name: str) -> str:
    """The secret of this name, without white space around it; "" where none is given.

    Raises:
        EnvironmentFault: a file cannot be read or is empty, or two places say different things; never says what.
    """
    found = {where: value for where, value in _places(name).items() if value}
    if len(set(found.values())) > 1:
        raise EnvironmentFault(
            f"{name} is given {len(found)} times, and not the same: {', '.join(found)}. Leave one of them"
        )
    return next(iter(found.values()), "")


def is_from_file(name: str) -> bool:
    """Whether a file gives this secret: then no environment needs to."""
    return any(where != name and value for where, value in _places(name).items())


def _places(name: str) -> dict[str, str]:
    """Where it is given → what stands there."""
    named, folder = os.environ.get(f"{name}_FILE", ""), os.environ.get("CREDENTIALS_DIRECTORY", "")
    places = {name: os.environ.get(name, "").strip()}
    if named:
        places[f"{name}_FILE"] = _read(name, Path(named))
    if folder and (Path(folder) / name).exists():
        places["$CREDENTIALS_DIRECTORY"] = _read(name, Path(folder) / name)
    return places


def _read(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            said = file.read(_LARGEST + 1).decode().strip()
    except (OSError, UnicodeDecodeError) as fault:
        reason = getattr(fault, "strerror", None) or "it is no text"
        raise EnvironmentFault(f"{name}: cannot read {path}: {reason}") from fault
    if not said or len(said) > _LARGEST:
        raise EnvironmentFault(f"{name}: {path} is {'empty' if not said else 'no secret: it is too large'}")
    return said
