"""The parties' secrets and commitments as options of a verb; in a trial the program keeps them itself."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from qosymsha.interfaces.files import draw_secrets
from qosymsha.interfaces.files.draw_secrets import PARTIES, keep, make
from qosymsha.kernel.errors import BadInput

__all__ = ["PARTIES", "commitments", "keep", "kept", "make", "shown"]


def kept(round_uuid: UUID) -> dict[str, bytes]:
    """The secrets kept for a round of a trial.

    Raises:
        BadInput: there are none: the parties must show theirs with --secret.
    """
    found = draw_secrets.kept(round_uuid)
    if found is None:
        raise BadInput("--secret", "name each party's secret as PARTY=FILE; this computer keeps none")
    return found


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
