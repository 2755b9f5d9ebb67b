"""Payment files out, words about their lines in. The network is never spoken to inside a transaction."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import cache
from typing import cast

from django.db import connection

from qosymsha.domain.programmes import queries as programmes
from qosymsha.domain.settlement import commands, queries
from qosymsha.domain.settlement.ports import Reply, Treasury, TreasuryUnavailable
from qosymsha.interfaces.jobs.duties import ACTOR
from qosymsha.interfaces.jobs.keys import key_of
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.canonical import digest
from qosymsha.kernel.errors import NotConfigured

_log = logging.getLogger(__name__)


@cache
def _treasury() -> Treasury:
    """One for the process: the fake keeps what it was sent in memory."""
    return cast(Treasury, adapter("treasury"))


def exchange(at: datetime) -> None:
    """Hand over files without a receipt, then apply what the treasury says; what it cannot do now is done next time."""
    try:
        treasury = _treasury()
        deliver(treasury, at)
        hear(treasury, at)
    except (NotConfigured, TreasuryUnavailable) as fault:
        _log.warning("treasury: %s", fault)


def deliver(treasury: Treasury, at: datetime) -> None:
    """Hand every sent file without a receipt over: the treasury knows it again by its hash; keep the receipt.

    Raises:
        TreasuryUnavailable: the file stays without a receipt and is handed over again.
    """
    assert not connection.in_atomic_block, "no network inside a transaction"
    for programme in programmes.programmes():
        for file in queries.files_to_deliver(programme.id):
            receipt = treasury.send(bytes(file.content), bytes(file.content_hash), bytes(file.signature or b""))
            key = key_of("keep_receipt", file.id, receipt)
            commands.keep_receipt(
                actor=ACTOR, programme_id=programme.id, file_id=file.id, receipt=receipt, at=at, key=key
            )


def hear(treasury: Treasury, at: datetime) -> None:
    """Apply what the treasury says, then tell it that it was stored. A word said again is known by its reference.

    Raises:
        TreasuryUnavailable: it can't be asked now.
    """
    assert not connection.in_atomic_block, "no network inside a transaction"
    replies = treasury.replies()
    if not replies:
        return
    key = key_of("apply_replies", digest([_said(reply) for reply in replies]).hex())
    commands.apply_replies(actor=ACTOR, replies=replies, at=at, key=key)
    treasury.acknowledge(replies)


def _said(reply: Reply) -> list[str | int]:
    return [reply.reference, reply.end_to_end_id, reply.status.value, reply.amount_tiyn, reply.reason]
