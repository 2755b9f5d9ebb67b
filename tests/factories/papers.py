"""People who sign acts, and acts on their way, for the tests of papers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement import queries
from qosymsha.domain.settlement.commands import draw_acts, register_signatory, sign_acts
from qosymsha.domain.settlement.commands.acts import Signing
from qosymsha.domain.settlement.models import Claim, ServiceAct
from qosymsha.domain.settlement.ports import Verified, Writer
from qosymsha.domain.settlement.rules.acts import Party
from qosymsha.domain.settlement.states import Side
from qosymsha.integrations.signing.demo import DemoSigning
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.entropy import uuid4
from qosymsha.kernel.errors import RowOutcome
from qosymsha.kernel.iin import check_digit
from tests.factories.payments import claim_of
from tests.factories.settlement import APPROVER, AT, PAYER, SYSTEM, City, person

CUSTOMER = Party(PAYER.name, PAYER.bin)
ALL_PAPERS: dict[str, Any] = {"papers": {"act_required": True, "einvoice_required": True}}
ACT_ONLY: dict[str, Any] = {"papers": {"act_required": True, "einvoice_required": False}}
FORM = "ESF-{bin}-20260210-{serial:08d}"


def iin(serial: int) -> str:
    """A synthetic person's number: its seventh digit is 9."""
    for tail in range(serial * 10, serial * 10 + 10):
        eleven = f"8001019{tail:04d}"
        last = check_digit(eleven)
        if last is not None:
            return f"{eleven}{last}"
    raise AssertionError("of ten numbers one has a check digit")


def manager_of(home: City, user_id: int = 41) -> Actor:
    """The provider's manager."""
    return person(Role.PROVIDER_MANAGER, user_id, provider_id=home.provider.id)


def registered(actor: Actor, number: str | None = None) -> str:
    """The actor's own number, registered for signing."""
    mine = number or iin(actor.user_id)
    register_signatory(actor=SYSTEM, user_id=actor.user_id, iin=mine, basis="order 1", at=AT, key=uuid4())
    return mine


def act_of(home: City, claim: Claim | None = None) -> ServiceAct:
    """The act of a claim of this city."""
    mine = claim or claim_of(home)
    (outcome,) = draw_acts(
        actor=SYSTEM, programme_id=home.programme.id, claim_ids=[mine.id], customer=CUSTOMER, at=AT, key=uuid4()
    )
    return ServiceAct.objects.get(id=outcome.id)


def word_on(act: ServiceAct, writer: Writer, at: datetime = AT) -> Verified:
    """A verified signature of the act by this writer."""
    (document,) = queries.act_documents([act.id])
    service = DemoSigning()
    return service.verify(document.content, service.sign(document.content, writer, at), at)


def sign_side(home: City, act: ServiceAct, side: Side, word: Verified, actor: Actor, **changes: Any) -> RowOutcome:
    """One signature stored, or why not."""
    given = {"at": AT, "key": uuid4()} | changes
    (outcome,) = sign_acts(
        actor=actor, programme_id=home.programme.id, side=side, signings=[Signing(act.id, word)], **given
    )
    return outcome


def sign_both(home: City, act: ServiceAct) -> None:
    """Both sides sign; the act goes on."""
    manager = manager_of(home)
    own = Writer(registered(manager), home.provider.bin or "", "Manager")
    assert sign_side(home, act, Side.PROVIDER, word_on(act, own), manager).reason is None
    official = Writer(registered(APPROVER), CUSTOMER.bin, "Official")
    assert sign_side(home, act, Side.CUSTOMER, word_on(act, official), APPROVER).reason is None
    act.refresh_from_db()


def invoice_number(home: City, serial: int = 1) -> str:
    """A number in the default form, with the provider's BIN in it."""
    return FORM.format(bin=home.provider.bin, serial=serial)
