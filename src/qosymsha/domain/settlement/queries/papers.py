"""Papers: acts by claim, what is to be signed, who signed, what a printed act needs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from qosymsha.domain.people import queries as people
from qosymsha.domain.settlement.access import ALLOWED, Action
from qosymsha.domain.settlement.models import ActSignature, EInvoice, ServiceAct, Signatory
from qosymsha.domain.settlement.queries.asked import rows
from qosymsha.domain.settlement.queries.departments import is_of_department
from qosymsha.domain.settlement.rules.acts import PaperRefusal
from qosymsha.domain.settlement.states import ActState, InvoiceState
from qosymsha.domain.witness import reading
from qosymsha.kernel.actor import Actor, require
from qosymsha.kernel.errors import Refused

SIGNATORY, ACT_SIGNATURE, EINVOICE = "signatory", "act_signature", "einvoice"  # kinds in the table of secrets


@dataclass(frozen=True, slots=True)
class ActDocument:
    """The bytes that both sides sign, and their SHA-256."""

    act_id: int
    number: str
    provider_id: int
    content: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class SignatureShown:
    """One side's signature as papers and pages show it; `cms` is empty where the reader may not have it."""

    side: str
    at: datetime
    certificate: str
    issuer: str
    is_legal: bool
    cms: bytes


@dataclass(frozen=True, slots=True)
class InvoiceShown:
    """The act's e-invoice; the number whole for those who may see the paper."""

    number: str
    issued_on: date
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class ActPaper:
    """An act as it is printed: its content, its hash, its signatures, its e-invoice."""

    number: str
    state: str
    reason: str
    content: dict[str, Any]
    document: bytes
    hash: bytes
    drawn_at: datetime
    signatures: tuple[SignatureShown, ...]
    invoice: InvoiceShown | None


@dataclass(frozen=True, slots=True)
class ActLine:
    """An act in a list."""

    id: int
    number: str
    claim: str
    provider_id: int
    provider: str
    month: date
    amount_tiyn: int
    state: str
    reason: str
    sides: Sequence[str]


_ACTS = """
SELECT a.id, a.number, c.number, a.provider_id, p.number, c.month, a.amount_tiyn, a.state, a.reason,
       array(SELECT s.side FROM act_signature s WHERE s.service_act_id = a.id ORDER BY s.id)
  FROM service_act a JOIN claim c ON c.id = a.claim_id JOIN provider p ON p.id = a.provider_id
 WHERE a.programme_id = %s AND (%s = '' OR a.state = %s) ORDER BY a.id"""


def acts(programme_id: int, state: str = "") -> list[ActLine]:
    """A programme's acts, all or of a state."""
    return [ActLine(*row) for row in rows(_ACTS, [programme_id, state, state])]


def act_states(claim_ids: Sequence[int]) -> dict[int, str]:
    """Claim → the state of its act that is not refused; claims without one are left out."""
    found = ServiceAct.objects.filter(claim_id__in=claim_ids).exclude(state=ActState.REFUSED)
    return dict(found.values_list("claim_id", "state"))


def act_numbered(number: str) -> int:
    """The act of a number, as people type it.

    Raises:
        Refused: `unknown_act`.
    """
    found = ServiceAct.objects.filter(number=number.strip().upper()).values_list("id", flat=True).first()
    if found is None:
        raise Refused(PaperRefusal.UNKNOWN_ACT, number=number.strip()[:20])
    return found


def act_documents(act_ids: Sequence[int]) -> list[ActDocument]:
    """What is to be signed, in the order of the acts' ids; unknown ids are left out."""
    found = ServiceAct.objects.filter(id__in=act_ids).order_by("id")
    return [ActDocument(a.id, a.number, a.provider_id, bytes(a.content), bytes(a.hash)) for a in found]


def act_paper(*, actor: Actor, act_id: int, at: datetime) -> ActPaper:
    """An act to be printed, with both signatures in full: who reads it is recorded, for certificates name people.

    Raises:
        Forbidden: the actor is neither the provider's nor an official here.
        Refused: `unknown_act`.
    """
    act = ServiceAct.objects.filter(id=act_id).first()
    if act is None or not is_of_department(actor, ALLOWED[Action.READ_PAPERS], "service_act", act.id):
        raise Refused(PaperRefusal.UNKNOWN_ACT)
    require(actor, Action.READ_PAPERS, ALLOWED, territory_id=act.territory_id, provider_id=act.provider_id)
    reading.saw(
        actor=actor,
        at=at,
        action=Action.READ_PAPERS,
        kind="service_act",
        ids=[act.id],
        territory_id=act.territory_id,
    )
    signatures, invoice = _signatures(act.id), _invoice(act.id)
    content = bytes(act.content)
    return ActPaper(
        act.number, act.state, act.reason, json.loads(content), content, bytes(act.hash), act.drawn_at, signatures,
        invoice,
    )  # fmt: skip


def _signatures(act_id: int) -> tuple[SignatureShown, ...]:
    found = list(ActSignature.objects.filter(service_act_id=act_id).order_by("-side"))
    secret = people.unseal(ACT_SIGNATURE, [s.id for s in found])
    return tuple(
        SignatureShown(s.side, s.at, s.certificate, s.issuer, s.is_legal, secret.get(s.id, b"")) for s in found
    )


def _invoice(act_id: int) -> InvoiceShown | None:
    found = EInvoice.objects.filter(service_act_id=act_id).exclude(state=InvoiceState.REJECTED).first()
    if found is None:
        return None
    whole = people.unseal(EINVOICE, [found.id]).get(found.id)
    return InvoiceShown(whole.decode() if whole else found.number, found.issued_on, found.state, found.reason)


def signed_sides(act_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Act → side → the user who signed it."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    signed = ActSignature.objects.filter(service_act_id__in=act_ids)
    for act_id, side, user_id in signed.values_list("service_act_id", "side", "user_id"):
        found[act_id][side] = user_id
    return found


def is_signatory(user_id: int) -> bool:
    """True where the user's own number is registered for signing."""
    return Signatory.objects.filter(user_id=user_id).exists()
