"""`qosymsha papers …`: acts of services, their signatures, e-invoices, statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement import commands, queries
from qosymsha.domain.settlement.commands.invoices import Invoice
from qosymsha.domain.settlement.queries import ActLine
from qosymsha.domain.settlement.rules.acts import Party
from qosymsha.domain.settlement.states import ActState, ClaimState
from qosymsha.interfaces.cli import listing
from qosymsha.interfaces.cli.out import EXIT_DONE, EXIT_FINDING, as_option, emit, json_option, refusal, table
from qosymsha.interfaces.cli.pay import Desk, desk, payer
from qosymsha.interfaces.cli.signing import register, sign, verify
from qosymsha.interfaces.files import exports
from qosymsha.interfaces.files.exports import whole_file
from qosymsha.interfaces.ui import texts
from qosymsha.interfaces.ui.papers.act import BOTH, act_pdf
from qosymsha.interfaces.ui.papers.statement import COLUMNS, statement_pdf, statement_rows
from qosymsha.kernel import entropy
from qosymsha.kernel.errors import BadInput
from qosymsha.kernel.money import TIYN_PER_TENGE, Money

_out = click.option("--out", "file", type=click.Path(dir_okay=False, path_type=Path), required=True)


@click.group(name="papers")
def command() -> None:
    """Acts of services and statements: drawn, signed by both sides, with their e-invoices.

    An act is drawn from a claim. Both sides sign exactly the same bytes; the demo's signatures have no legal force and
    say so. Where the rule set asks, a claim is approved only after its act is done.

    \b
    Example, after `qosymsha month close 2026-10`:
      qosymsha papers draw
      qosymsha papers sign --side provider
      qosymsha papers sign --side customer
      qosymsha papers act S-000001-X --out act.pdf
    """


command.add_command(sign)
command.add_command(verify)
command.add_command(register)


@command.command("draw")
@as_option
@json_option
def draw(subjects: tuple[str, ...], as_json: bool) -> int:
    """Draw the act of every drawn claim that has none yet. The customer is the institution of QOSYMSHA_PAYER.

    \b
    Example:
      qosymsha papers draw
    """
    with desk(subjects) as ground:
        claims = [c.id for c in listing.claims(ground.programme_id, ClaimState.DRAWN.value)]
        have = queries.act_states(claims)
        outcomes = commands.draw_acts(
            actor=ground.staff.actor(Role.PAYER),
            programme_id=ground.programme_id,
            claim_ids=[c for c in claims if c not in have],
            customer=Party(payer().name, payer().bin),
            at=ground.staff.at,
            key=entropy.uuid4(),
        )
        refused = [f"{o.detail}: {refusal(o.reason)}" for o in outcomes if o.reason is not None]
        _emit(ground, [o.id for o in outcomes if o.id is not None], refused, as_json)
        return EXIT_FINDING if refused else EXIT_DONE


@command.command("list")
@click.option("--state", type=click.Choice([s.value for s in ActState]), default=None, help="Only acts of this state.")
@json_option
def list_acts(state: str | None, as_json: bool) -> None:
    """Acts with their claims, states and sides signed.

    \b
    Example:
      qosymsha papers list --state signing
    """
    with desk(()) as ground:
        found = queries.acts(ground.programme_id, state or "")
        emit({"acts": [asdict(a) for a in found]}, as_json=as_json, text=lambda: _table(found))


@command.command("act")
@click.argument("number", metavar="ACT-NUMBER")
@_out
@click.option("--language", type=click.Choice([BOTH, *texts.LANGUAGES]), default=BOTH, show_default=True)
@as_option
@json_option
def act(number: str, file: Path, language: str, subjects: tuple[str, ...], as_json: bool) -> None:
    """Write an act as FILE.pdf (what was signed and the signatures attached), or as FILE.json: what is to be signed.

    \b
    Examples:
      qosymsha papers act S-000001-X --out act.pdf
      qosymsha papers act S-000001-X --out act.json        the bytes to sign in NCALayer, detached CMS
    """
    if file.suffix.lower() not in (".pdf", ".json"):
        raise BadInput("--out", "name a file that ends with .pdf or .json")
    with desk(subjects) as ground:
        actor = ground.staff.actor(Role.APPROVER)
        paper = queries.act_paper(actor=actor, act_id=queries.act_numbered(number), at=ground.staff.at)
    _write(file, paper.document if file.suffix.lower() == ".json" else act_pdf(paper, language))
    told = {"act": paper.number, "state": paper.state, "hash": paper.hash.hex(), "file": str(file)}
    emit(told, as_json=as_json, text=lambda: [f"{file}: act {paper.number}, {paper.state}"])


@command.command("statement")
@click.argument("number", metavar="PROVIDER-NUMBER")
@_out
@click.option("--language", type=click.Choice(texts.LANGUAGES), default="ru", show_default=True)
@as_option
@json_option
def statement(number: str, file: Path, language: str, subjects: tuple[str, ...], as_json: bool) -> None:
    """Write a provider's statement as FILE.pdf, .csv or .xlsx: what is due, why, when, what it waits for and on whom.

    \b
    Example:
      qosymsha papers statement P-000001-X --out statement.pdf
    """
    if file.suffix.lower() not in (".pdf", ".csv", ".xlsx"):
        raise BadInput("--out", "name a file that ends with .pdf, .csv or .xlsx")
    with desk(subjects) as ground:
        found = queries.statement(
            actor=ground.staff.actor(Role.PAYER), provider_id=queries.provider_numbered(number), at=ground.staff.at
        )
        if file.suffix.lower() == ".pdf":
            _write(file, statement_pdf(found, language))
        else:
            exports.write(file, COLUMNS, statement_rows(found, language))
    told = {
        "provider": found.provider, "due_tiyn": found.due_tiyn, "paid_tiyn": found.paid_tiyn,
        "kept_back_tiyn": found.offset_tiyn, "owed_back_tiyn": found.owed_back_tiyn, "claims": len(found.claims),
        "sheets": len(found.sheets), "file": str(file),
    }  # fmt: skip
    emit(told, as_json=as_json, text=lambda: [f"{file}: {found.provider}, due {Money(found.due_tiyn)}"])


@command.command("einvoice")
@click.argument("number", metavar="ACT-NUMBER")
@click.option("--number", "invoice", required=True, help="The e-invoice's number, as the tax system gave it.")
@click.option("--on", "issued", type=click.DateTime(formats=["%Y-%m-%d", "%d.%m.%Y"]), required=True, help="Its day.")
@click.option("--amount", required=True, metavar="TENGE", help="Its amount, as 12500.00.")
@as_option
@json_option
def einvoice(  # noqa: PLR0913 - the options of a verb
    number: str, invoice: str, issued: datetime, amount: str, subjects: tuple[str, ...], as_json: bool
) -> None:
    """Record the e-invoice (ЭСФ) of an act that both sides have signed: the provider's verb.

    \b
    Example:
      qosymsha papers einvoice S-000001-X --number ESF-… --on 2026-11-12 --amount 12500.00
    """
    with desk(subjects) as ground:
        act_id = queries.act_numbered(number)
        (document,) = queries.act_documents([act_id])
        commands.record_einvoice(
            actor=ground.staff.manager(document.provider_id),
            programme_id=ground.programme_id,
            act_id=act_id,
            invoice=Invoice(invoice, issued.date(), _tiyn(amount)),
            at=ground.staff.at,
            key=entropy.uuid4(),
        )
        _emit(ground, [act_id], [], as_json)


@command.command("check")
@click.argument("number", metavar="ACT-NUMBER")
@click.option("--accept/--reject", required=True, help="What the look into the tax system showed.")
@click.option("--reason", default="", help="Why it is rejected.")
@as_option
@json_option
def check(number: str, accept: bool, reason: str, subjects: tuple[str, ...], as_json: bool) -> None:
    """Accept an act's e-invoice after looking it up in the tax system, or reject it with a reason.

    \b
    Example:
      qosymsha papers check S-000001-X --accept
    """
    if not accept and not reason:
        raise BadInput("--reason", "say why the e-invoice is rejected: the provider reads it")
    with desk(subjects) as ground:
        act_id = queries.act_numbered(number)
        commands.decide_einvoice(
            actor=ground.staff.actor(Role.CHECKER), programme_id=ground.programme_id, act_id=act_id, accept=accept,
            reason=reason, at=ground.staff.at, key=entropy.uuid4(),
        )  # fmt: skip
        _emit(ground, [act_id], [], as_json)


@command.command("refuse")
@click.argument("number", metavar="ACT-NUMBER")
@click.option("--reason", required=True, help="Why: the other side reads it.")
@as_option
@json_option
def refuse(number: str, reason: str, subjects: tuple[str, ...], as_json: bool) -> None:
    """Refuse an act that is not done: another may be drawn for its claim.

    \b
    Example:
      qosymsha papers refuse S-000001-X --reason "two lessons too many"
    """
    with desk(subjects) as ground:
        act_id = queries.act_numbered(number)
        commands.refuse_act(
            actor=ground.staff.actor(Role.APPROVER), programme_id=ground.programme_id, act_id=act_id, reason=reason,
            at=ground.staff.at, key=entropy.uuid4(),
        )  # fmt: skip
        _emit(ground, [act_id], [], as_json)


def _emit(ground: Desk, act_ids: Sequence[int], refused: Sequence[str], as_json: bool) -> None:
    touched = set(act_ids)
    found = [a for a in queries.acts(ground.programme_id) if a.id in touched]
    result: dict[str, Any] = {"acts": [asdict(a) for a in found], "refused": list(refused)}
    emit(result, as_json=as_json, text=lambda: [*_table(found), *refused])


def _table(acts: Sequence[ActLine]) -> list[str]:
    if not acts:
        return ["no acts here"]
    rows = [
        (a.number, a.claim, a.provider, f"{a.month:%m.%Y}", str(Money(a.amount_tiyn)), a.state, ", ".join(a.sides))
        for a in acts
    ]
    return table("Acts of services", ("act", "claim", "provider", "month", "amount", "state", "signed by"), rows)


def _write(file: Path, content: bytes) -> None:
    with whole_file(file) as unfinished:
        unfinished.write_bytes(content)


def _tiyn(text: str) -> int:
    try:
        tiyn = Decimal(text.replace(" ", "").replace(",", ".")) * TIYN_PER_TENGE
        if tiyn.is_finite() and 0 < tiyn < 10**15 and tiyn == tiyn.to_integral_value():
            return int(tiyn)
    except InvalidOperation:
        pass
    raise BadInput("--amount", "give tenge as 12500 or 12500.50")
