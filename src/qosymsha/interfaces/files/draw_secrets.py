"""The draw's secrets in a trial: the program plays both parties and keeps what they will show in a private folder."""

from __future__ import annotations

import hmac
import os
from pathlib import Path
from uuid import UUID

from django.conf import settings

from qosymsha.domain.admission.commands.drawing import SECRET_BYTES
from qosymsha.kernel import entropy
from qosymsha.runtime.errors import EnvironmentFault
from qosymsha.runtime.places import places_of

PARTIES = ("akimat", "parents' council")


def make() -> dict[str, bytes]:
    """A fresh secret for each party of a trial."""
    return {party: entropy.token(SECRET_BYTES) for party in PARTIES}


def played(key: str) -> dict[str, bytes]:
    """The secrets of a trial's round planned by a form of this key: the same for the same form, known to nobody."""
    seed = settings.SECRET_KEY.encode()
    return {party: hmac.digest(seed, f"draw {key} {party}".encode(), "sha256") for party in PARTIES}


def keep(round_uuid: UUID, secrets: dict[str, bytes]) -> Path:
    """Write a round's secrets down, for the owner's eyes only, and return the file.

    Raises:
        EnvironmentFault: the folder cannot be written to.
    """
    path = _file(round_uuid)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.writelines(f"{party}\t{secret.hex()}\n" for party, secret in secrets.items())
    except OSError as error:
        raise EnvironmentFault(f"The draw's secrets cannot be kept in {path.parent}: {error.strerror}.") from error
    return path


def kept(round_uuid: UUID) -> dict[str, bytes] | None:
    """The secrets kept here for a round of a trial, or None."""
    try:
        lines = _file(round_uuid).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return {party: bytes.fromhex(secret) for party, _, secret in (line.partition("\t") for line in lines)}


def _file(round_uuid: UUID) -> Path:
    return places_of().state / "draw-secrets" / f"{round_uuid}.txt"
