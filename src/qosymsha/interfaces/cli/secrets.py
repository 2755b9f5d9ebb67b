"""The draw's secrets in a trial: the command plays both parties and keeps what they will show in a private folder."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

from qosymsha.domain.admission.commands.drawing import SECRET_BYTES
from qosymsha.kernel import entropy
from qosymsha.kernel.errors import BadInput
from qosymsha.runtime.errors import EnvironmentFault
from qosymsha.runtime.places import places_of

PARTIES = ("akimat", "parents' council")


def make() -> dict[str, bytes]:
    """A fresh secret for each party of a trial."""
    return {party: entropy.token(SECRET_BYTES) for party in PARTIES}


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


def kept(round_uuid: UUID) -> dict[str, bytes]:
    """The secrets kept for a round of a trial.

    Raises:
        BadInput: there are none: the parties must show theirs with --secret.
    """
    try:
        lines = _file(round_uuid).read_text(encoding="utf-8").splitlines()
    except OSError:
        raise BadInput("--secret", "name each party's secret as PARTY=FILE; this computer keeps none") from None
    return {party: bytes.fromhex(secret) for party, _, secret in (line.partition("\t") for line in lines)}


def shown(pairs: tuple[str, ...]) -> dict[str, bytes]:
    """Secrets from `PARTY=FILE` options; a file holds 64 hexadecimal digits.

    Raises:
        BadInput: another form.
    """
    found = {}
    for pair in pairs:
        party, _, name = pair.partition("=")
        try:
            found[party] = bytes.fromhex(Path(name).read_text(encoding="ascii").strip())
        except (OSError, ValueError):
            raise BadInput("--secret", "write PARTY=FILE; the file holds the secret's 64 hexadecimal digits") from None
    return found


def commitments(pairs: tuple[str, ...]) -> dict[str, bytes]:
    """Commitments from `PARTY=HEX` options.

    Raises:
        BadInput: another form.
    """
    try:
        return {party: bytes.fromhex(digits) for party, _, digits in (pair.partition("=") for pair in pairs)}
    except ValueError:
        raise BadInput("--commitment", "write PARTY=HEX with 64 hexadecimal digits") from None


def _file(round_uuid: UUID) -> Path:
    return places_of().state / "draw-secrets" / f"{round_uuid}.txt"
