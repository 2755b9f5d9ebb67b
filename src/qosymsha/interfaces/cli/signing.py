"""`qosymsha papers sign | verify | signatory`: signatures made or brought, checked, and whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from django.conf import settings

from qosymsha.domain.people import queries as people
from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement import commands, queries
from qosymsha.domain.settlement.commands.acts import Signing
from qosymsha.domain.settlement.ports import SigningUnavailable, Writer
from qosymsha.domain.settlement.queries import ActDocument
from qosymsha.domain.settlement.states import ActState, Side
from qosymsha.interfaces.cli.out import EXIT_DONE, EXIT_FINDING, as_option, emit, json_option, refusal
from qosymsha.interfaces.cli.pay import Desk, desk, payer
from qosymsha.interfaces.ui.signing import MOST_BYTES, trial_writer, verified
from qosymsha.kernel import entropy
from qosymsha.kernel.actor import Actor
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.errors import BadInput, Refused
from qosymsha.runtime.errors import EnvironmentFault


@click.command("sign")
@click.argument("numbers", metavar="[ACT-NUMBER]…", nargs=-1)
@click.option("--side", type=click.Choice([s.value for s in Side]), required=True, help="For whom you sign.")
@click.option(
    "--signature", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A detached CMS made elsewhere (NCALayer) for the one act named.",
)  # fmt: skip
@as_option
@json_option
def sign(numbers: tuple[str, ...], side: str, signature: Path | None, subjects: tuple[str, ...], as_json: bool) -> int:
    """Sign acts for a side: those named, or all that wait for it. Each signature is verified before it is stored.

    \b
    Examples:
      qosymsha papers sign --side provider
      qosymsha papers sign S-000001-X --side customer --signature act.p7s --as 8812…
    """
    if signature is not None and len(numbers) != 1:
        raise BadInput("--signature", "name the one act that it signs")
    with desk(subjects) as ground:
        documents = _documents(ground, Side(side), numbers)
        refused: list[str] = []
        done = 0
        for actor, mine in _by_signer(ground, Side(side), documents):
            signings, faults = _signings(ground, Side(side), actor, mine, signature)
            outcomes = commands.sign_acts(
                actor=actor, programme_id=ground.programme_id, side=Side(side), signings=signings, at=ground.staff.at,
                key=entropy.uuid4(),
            )  # fmt: skip
            refused += faults + [f"{o.detail}: {refusal(o.reason)}" for o in outcomes if o.reason is not None]
            done += sum(o.reason is None for o in outcomes)
    result = {"signed": done, "refused": refused}
    emit(result, as_json=as_json, text=lambda: [f"{done:,} signed for the {side}", *refused])
    return EXIT_FINDING if refused else EXIT_DONE


def _documents(ground: Desk, side: Side, numbers: Sequence[str]) -> list[ActDocument]:
    if numbers:
        return queries.act_documents([queries.act_numbered(number) for number in numbers])
    waiting = queries.acts(ground.programme_id, ActState.SIGNING.value)
    return queries.act_documents([a.id for a in waiting if side not in a.sides])


def _by_signer(ground: Desk, side: Side, documents: Sequence[ActDocument]) -> list[tuple[Actor, list[ActDocument]]]:
    """Who signs which: an official for the customer, each provider's manager for its own."""
    if side is Side.CUSTOMER:
        return [(ground.staff.actor(Role.APPROVER), list(documents))] if documents else []
    providers = sorted({d.provider_id for d in documents})
    return [(ground.staff.manager(p), [d for d in documents if d.provider_id == p]) for p in providers]


def _signings(
    ground: Desk, side: Side, actor: Actor, documents: Sequence[ActDocument], brought: Path | None
) -> tuple[list[Signing], list[str]]:
    """Verified signatures, and what the others lack; nothing of this happens inside a transaction."""
    found, faults = list[Signing](), list[str]()
    for document in documents:
        try:
            writer = _writer(ground, side, actor, document)
            made = _brought(brought) if brought else None
            found.append(Signing(document.act_id, verified(document.content, made, writer, ground.staff.at)))
        except Refused as refused:
            faults.append(f"{document.number}: {refusal(refused.reason)}")
        except SigningUnavailable as error:
            raise EnvironmentFault(f"The signing service does not answer ({error}); try again later.") from error
    return found, faults


def _brought(path: Path) -> bytes:
    if path.stat().st_size > MOST_BYTES:
        raise BadInput("--signature", "this is larger than any signature")
    return path.read_bytes()


def _writer(ground: Desk, side: Side, actor: Actor, document: ActDocument) -> Writer:
    """As whom the demo signs: a trial's people get a synthetic number; elsewhere the service's own key tells."""
    if settings.PRODUCTION:
        return Writer("", "", "")
    own = payer() if side is Side.CUSTOMER else None
    bin_number = own.bin if own else queries.provider_bin(document.provider_id)
    name = own.name if own else f"Trial manager {actor.user_id}"
    return trial_writer(actor.user_id, bin_number, name, ground.staff.at)


@click.command("verify")
@click.argument("number", metavar="ACT-NUMBER")
@as_option
@json_option
def verify(number: str, subjects: tuple[str, ...], as_json: bool) -> int:
    """Verify an act's stored signatures again, over the stored bytes, as of the day each was stored.

    \b
    Example:
      qosymsha papers verify S-000001-X
    """
    with desk(subjects) as ground:
        actor = ground.staff.actor(Role.APPROVER)
        paper = queries.act_paper(actor=actor, act_id=queries.act_numbered(number), at=ground.staff.at)
    service, told = adapter("signing"), list[dict[str, object]]()
    for signature in paper.signatures:
        try:
            service.verify(paper.document, signature.cms, signature.at)
            told.append({"side": signature.side, "holds": True, "legal": signature.is_legal, "why": ""})
        except Refused as refused:
            told.append({"side": signature.side, "holds": False, "legal": False, "why": refusal(refused.reason)})
        except SigningUnavailable as error:
            raise EnvironmentFault(f"The signing service does not answer ({error}); try again later.") from error
    words = [f"{t['side']}: {t['why'] or 'holds'}{'' if t['legal'] else ' (no legal force)'}" for t in told]
    emit({"act": paper.number, "signatures": told}, as_json=as_json, text=lambda: words or ["not signed yet"])
    return EXIT_DONE if told and all(t["holds"] for t in told) else EXIT_FINDING


@click.command("signatory")
@click.argument("subject", metavar="SUBJECT")
@click.option("--basis", required=True, help="The paper that gives the right to sign: an order, a power of attorney.")
@click.option("--iin", prompt="IIN", hide_input=True, help="Asked for unseen where it is left out.")
@as_option
@json_option
def register(subject: str, basis: str, iin: str, subjects: tuple[str, ...], as_json: bool) -> None:
    """Say whose electronic signature a user's is, by the IIN in the certificate. The operator's verb.

    \b
    Example:
      qosymsha papers signatory 8812… --basis "order 12-k of 05.01.2026"
    """
    with desk(subjects) as ground:
        user_id = people.user_by_subject(subject)
        if user_id is None:
            raise BadInput("SUBJECT", "nobody is known by this name: let them sign in once")
        commands.register_signatory(
            actor=ground.staff.actor(Role.OPERATOR), user_id=user_id, iin=iin, basis=basis, at=ground.staff.at,
            key=entropy.uuid4(),
        )  # fmt: skip
    emit({"signatory": subject, "basis": basis}, as_json=as_json, text=lambda: [f"{subject} may sign: {basis}"])
