"""`qosymsha pay …`: claims signed by two people, the payment file, the treasury and its replies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement import commands, queries
from qosymsha.domain.settlement.commands.decisions import Resolution
from qosymsha.domain.settlement.ports import ReplyStatus, TreasuryUnavailable
from qosymsha.domain.settlement.rules.payment_file import Payer
from qosymsha.domain.settlement.states import ClaimState, FileState, ReplyChoice
from qosymsha.interfaces.cli import listing
from qosymsha.interfaces.cli.acting import Staff
from qosymsha.interfaces.cli.installation import installation
from qosymsha.interfaces.cli.out import EXIT_DONE, EXIT_FINDING, as_option, emit, json_option, refusal, table
from qosymsha.interfaces.cli.session import database, key_of
from qosymsha.interfaces.files.exports import whole_file
from qosymsha.interfaces.ui import paying
from qosymsha.kernel import clock, entropy
from qosymsha.kernel.adapters import adapter
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput, RowOutcome
from qosymsha.kernel.money import Money
from qosymsha.runtime.errors import EnvironmentFault

_ASKS = 3  # a treasury may say something only when asked again


@dataclass(frozen=True, slots=True)
class Desk:
    """One call's ground."""

    programme_id: int
    staff: Staff


@contextmanager
def desk(subjects: Sequence[str]) -> Iterator[Desk]:
    """The database, the programme, and who acts."""
    with database():
        at = clock.read()
        yield Desk(installation(at).programme_id, Staff(tuple(subjects), at))


@click.group(name="pay")
def command() -> None:
    """Approve, release, make the payment file, send it, read the treasury's replies.

    Two different people sign each claim: one approves, another releases; large amounts need a second approval first.

    \b
    Example, after `qosymsha month close 2026-10`:
      qosymsha pay approve
      qosymsha pay release
      qosymsha pay file
      qosymsha pay send
      qosymsha pay replies
    """


_claim = click.option("--claim", "numbers", multiple=True, metavar="C-…", help="Only this claim; may be repeated.")


@command.command("approve")
@_claim
@as_option
@json_option
def approve(numbers: tuple[str, ...], subjects: tuple[str, ...], as_json: bool) -> int:
    """Approve the claims that wait for it: all, or those named. The provider's account is frozen from here on.

    \b
    Examples:
      qosymsha pay approve
      qosymsha pay approve --claim C-000017-4 --as 8812…    in production, by a named official
      qosymsha pay approve --as trial:approver-2            a trial's second approval of large claims
    """
    with desk(subjects) as ground:
        chosen = _claims(ground, ClaimState.DRAWN, numbers)
        outcomes = commands.approve_claims(
            actor=ground.staff.actor(Role.APPROVER),
            programme_id=ground.programme_id,
            claim_ids=[claim.id for claim in chosen],
            at=ground.staff.at,
            key=entropy.uuid4(),
        )
        return _told(ground, chosen, outcomes, as_json)


@command.command("release")
@_claim
@as_option
@json_option
def release(numbers: tuple[str, ...], subjects: tuple[str, ...], as_json: bool) -> int:
    """Release approved claims for payment: the last signature, by somebody who has not signed yet.

    \b
    Example:
      qosymsha pay release
    """
    with desk(subjects) as ground:
        chosen = _claims(ground, ClaimState.APPROVED, numbers)
        outcomes = commands.release_claims(
            actor=ground.staff.actor(Role.PAYER),
            programme_id=ground.programme_id,
            claim_ids=[claim.id for claim in chosen],
            at=ground.staff.at,
            key=entropy.uuid4(),
        )
        return _told(ground, chosen, outcomes, as_json)


@command.command("file")
@click.option(
    "--pay-on", type=click.DateTime(formats=["%Y-%m-%d", "%d.%m.%Y"]), help="Day of payment (default: today)."
)
@click.option(
    "--copy",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the file's bytes here too, its signature beside.",
)
@as_option
@json_option
def draw_file(pay_on: datetime | None, copy: Path | None, subjects: tuple[str, ...], as_json: bool) -> int:
    """Make one payment file (ISO 20022, pain.001) of all released claims; its hash is recorded before it can leave.

    \b
    Who pays is the installation's setting: QOSYMSHA_PAYER="name;BIN;IBAN;BIC". A trial has a payer of its own.

    \b
    Example:
      qosymsha pay file --pay-on 2026-11-18 --copy october.xml
    """
    with desk(subjects) as ground:
        drawn = commands.draw_payment_file(
            actor=ground.staff.actor(Role.PAYER),
            programme_id=ground.programme_id,
            payer=payer(),
            pay_on=pay_on.date() if pay_on else local_day(ground.staff.at),
            at=ground.staff.at,
            key=entropy.uuid4(),
        )
        refused = [o for o in drawn.rows if o.reason is not None]
        if copy is not None and drawn.file_id is not None:
            content, _, signature = listing.file_content(drawn.file_id)
            for path, what in ((copy.with_name(f"{copy.name}.sig"), signature), (copy, content)):
                with whole_file(path) as unfinished:
                    unfinished.write_bytes(what)
        files = [f for f in listing.files(ground.programme_id) if f.id == drawn.file_id]
        _emit_files(files, refused, as_json)
        return EXIT_FINDING if refused else EXIT_DONE


@command.command("send")
@as_option
@json_option
def send(subjects: tuple[str, ...], as_json: bool) -> None:
    """Send the files made, each once, and hand over again those without a receipt (the treasury knows them by hash).

    \b
    Example:
      qosymsha pay send
    """
    with desk(subjects) as ground:
        treasury, payer = adapter("treasury"), ground.staff.actor(Role.PAYER)
        for file in listing.files(ground.programme_id, FileState.DRAWN):
            key = key_of("send_payment_file", file.number)
            commands.send_payment_file(
                actor=payer, programme_id=ground.programme_id, file_id=file.id, at=ground.staff.at, key=key
            )
        for waiting in queries.files_to_deliver(ground.programme_id):
            receipt = _handed_over(treasury, waiting.id)
            commands.keep_receipt(
                actor=payer,
                programme_id=ground.programme_id,
                file_id=waiting.id,
                receipt=receipt,
                at=ground.staff.at,
                key=key_of("keep_receipt", waiting.number, receipt),
            )
        _emit_files(listing.files(ground.programme_id, FileState.SENT), [], as_json)


@command.command("replies")
@as_option
@json_option
def replies(subjects: tuple[str, ...], as_json: bool) -> int:
    """Ask the treasury and apply what it says, each word once, in whatever order it comes.

    Replies that nobody understands yet are held and listed: exit status 1.

    \b
    Example:
      qosymsha pay replies
    """
    with desk(subjects) as ground:
        treasury, payer = adapter("treasury"), ground.staff.actor(Role.PAYER)
        applied = 0
        for _ in range(_ASKS):
            said = _asked(treasury)
            if said:
                commands.apply_replies(actor=payer, replies=said, at=ground.staff.at, key=entropy.uuid4())
                _acknowledged(treasury, said)
                applied += len(said)
        held = [asdict_of(reply) for reply in queries.held_replies()]
        states = queries.payments_by_state(ground.programme_id)
        result = {"replies": applied, "payments": states, "held": held}
        emit(result, as_json=as_json, text=lambda: _replies_text(applied, states, held))
        return EXIT_FINDING if held else EXIT_DONE


@command.command("held")
@json_option
def held(as_json: bool) -> int:
    """Replies of the treasury that nobody understands yet: each waits for `pay resolve`. Exit status 1 where there are.

    \b
    Example:
      qosymsha pay held
    """
    with desk(()):
        found = [asdict_of(reply) for reply in queries.held_replies()]
    emit({"held": found}, as_json=as_json, text=lambda: _held_text(found) or ["no reply is held"])
    return EXIT_FINDING if found else EXIT_DONE


@command.command("resolve")
@click.argument("reference", metavar="REPLY")
@click.option("--apply-to", "payment", metavar="PAYMENT", help="It speaks of this payment, for the amount ordered.")
@click.option("--dismiss", is_flag=True, help="It concerns nobody here: nothing moves.")
@click.option(
    "--status", type=click.Choice(["accepted", "rejected", "returned"]),
    help="What the treasury meant, where its own code did not say.",
)  # fmt: skip
@click.option("--basis", required=True, help="The paper this rests on: the treasury's letter and its date.")
@as_option
@json_option
def resolve(  # noqa: PLR0913 - the options of a verb
    reference: str,
    payment: str | None,
    dismiss: bool,
    status: str | None,
    basis: str,
    subjects: tuple[str, ...],
    as_json: bool,
) -> None:
    """Decide on a held reply: it means one of our payments, or nothing here. Kept with your name and the paper.

    \b
    Examples:
      qosymsha pay resolve 4F12… --apply-to C-000017-4-1 --status accepted --basis "letter 12-3 of 19.11.2026"
      qosymsha pay resolve 4F12… --dismiss --basis "letter 12-3 of 19.11.2026"
    """
    if dismiss == (payment is not None):
        raise BadInput("--apply-to", "name the payment it speaks of, or --dismiss it")
    choice = ReplyChoice.DISMISS if dismiss else ReplyChoice.APPLY
    meant = ReplyStatus(status) if status else None
    with desk(subjects) as ground:
        outcome = commands.resolve_reply(
            actor=ground.staff.actor(Role.PAYER),
            reference=reference,
            resolution=Resolution(choice, basis, payment or "", meant),
            at=ground.staff.at,
            key=entropy.uuid4(),
        )
    told = {"reply": reference, "choice": choice.value, "outcome": outcome.value if outcome else ""}
    emit(told, as_json=as_json, text=lambda: [f"{reference}: {outcome.value if outcome else 'dismissed'}"])


@command.command("show")
@as_option
@json_option
def show(subjects: tuple[str, ...], as_json: bool) -> None:
    """Claims by state, payment files, replies held.

    \b
    Example:
      qosymsha pay show --json
    """
    with desk(subjects) as ground:
        claims, files = listing.claims(ground.programme_id), listing.files(ground.programme_id)
        held = [asdict_of(reply) for reply in queries.held_replies()]
        result = {
            "claims": [asdict(c) for c in claims],
            "files": [asdict(f) for f in files],
            "payments": queries.payments_by_state(ground.programme_id),
            "held": held,
        }
        emit(result, as_json=as_json, text=lambda: [*_claims_text(claims, {}), *_files_text(files)])


def asdict_of(reply: Any) -> dict[str, str]:
    """A held reply in words."""
    return {"reference": reply.reference, "payment": reply.end_to_end_id, "status": reply.status, "why": reply.outcome}


def _claims(ground: Desk, state: ClaimState, numbers: Sequence[str]) -> list[listing.ClaimLine]:
    standing = listing.claims(ground.programme_id, "" if numbers else state.value)
    if not numbers:
        return standing
    by_number = {claim.number: claim for claim in standing}
    unknown = [number for number in numbers if number.strip().upper() not in by_number]
    if unknown:
        raise BadInput("--claim", f"there is no claim {unknown[0]}; `qosymsha pay show` lists them")
    return [by_number[number.strip().upper()] for number in numbers]


def _told(ground: Desk, chosen: list[listing.ClaimLine], outcomes: Sequence[RowOutcome], as_json: bool) -> int:
    refused = {chosen[o.row].id: refusal(o.reason) for o in outcomes if o.reason is not None}
    after = {claim.id: claim for claim in listing.claims(ground.programme_id)}
    now = [after[claim.id] for claim in chosen]
    result = {"claims": [{**asdict(c), "refused": refused.get(c.id, "")} for c in now], "refused": len(refused)}
    emit(result, as_json=as_json, text=lambda: _claims_text(now, refused))
    return EXIT_FINDING if refused else EXIT_DONE


def _claims_text(claims: Sequence[listing.ClaimLine], refused: dict[int, str]) -> list[str]:
    if not claims:
        return ["no claims here"]
    rows = [
        (c.number, c.provider, f"{c.month:%m.%Y}", c.units, str(Money(c.amount_tiyn)), c.state, refused.get(c.id, ""))
        for c in claims
    ]
    return table("Claims", ("claim", "provider", "month", "lessons", "amount", "state", "refused"), rows)


def _emit_files(files: Sequence[listing.FileLine], refused: Sequence[RowOutcome], as_json: bool) -> None:
    sentences = [f"claim {o.id or o.row}: {refusal(o.reason)}" for o in refused if o.reason is not None]
    result = {"files": [asdict(f) for f in files], "refused": sentences}
    emit(result, as_json=as_json, text=lambda: [*_files_text(files), *sentences])


def _files_text(files: Sequence[listing.FileLine]) -> list[str]:
    if not files:
        return ["no payment files here"]
    rows = [(f.number, f.state, f.payments, str(Money(f.total_tiyn)), f.receipt) for f in files]
    return table("Payment files", ("file", "state", "payments", "total", "receipt"), rows)


def _replies_text(applied: int, states: dict[str, int], held: Sequence[dict[str, str]]) -> list[str]:
    lines = [f"{applied:,} replies read", *(f"  payments {state}: {count:,}" for state, count in states.items())]
    return lines + _held_text(held)


def _held_text(held: Sequence[dict[str, str]]) -> list[str]:
    rows = [(h["reference"], h["payment"], h["status"], h["why"]) for h in held]
    return table("Held, to be looked at", ("reply", "payment", "status", "why"), rows) if held else []


def _handed_over(treasury: Any, file_id: int) -> str:
    try:
        return str(treasury.send(*listing.file_content(file_id)))
    except TreasuryUnavailable as error:
        raise EnvironmentFault(
            f"The treasury did not take the file ({error}); run `qosymsha pay send` again."
        ) from error


def _asked(treasury: Any) -> list[Any]:
    try:
        return list(treasury.replies())
    except TreasuryUnavailable as error:
        raise EnvironmentFault(f"The treasury cannot be asked now ({error}); try later.") from error


def _acknowledged(treasury: Any, said: Sequence[Any]) -> None:
    """Tell the treasury that its words were stored; where it can't be told, it says them again, and nothing is lost."""
    try:
        treasury.acknowledge(said)
    except TreasuryUnavailable as error:
        raise EnvironmentFault(f"The treasury cannot be told that its words arrived ({error}); try later.") from error


def payer() -> Payer:
    """Who pays, from the environment; a trial's own where nothing is set outside production."""
    found = paying.payer()
    if found is None:
        raise EnvironmentFault(f'Set {paying.PAYER}="name;BIN;IBAN;BIC" of the institution that pays.')
    return found
