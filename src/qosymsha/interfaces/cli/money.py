"""`qosymsha money …`: where each tenge is, a claim's way to the bank, what providers owe back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from qosymsha.domain.people.states import Role
from qosymsha.domain.settlement import commands, queries
from qosymsha.interfaces.cli.acting import Staff
from qosymsha.interfaces.cli.installation import installation
from qosymsha.interfaces.cli.out import EXIT_DONE, EXIT_FINDING, as_option, emit, json_option, table
from qosymsha.interfaces.cli.session import database, key_of
from qosymsha.kernel import clock
from qosymsha.kernel.clock import local_day
from qosymsha.kernel.errors import BadInput
from qosymsha.kernel.money import Money


@click.group(name="money")
def command() -> None:
    """Explain every tenge: budget, vouchers, places, claims, payments and bank replies, tied to zero difference."""


_programme = click.option("--programme", type=int, help="Programme's id (default: the installation's).")


@command.command("explain")
@_programme
@click.option("--day", type=click.DateTime(formats=["%Y-%m-%d"]), help="A sealed day; without it, now.")
@click.option("--seal", is_flag=True, help="Store today's answer under its hash, as the nightly job does.")
@as_option
@json_option
def explain(programme: int | None, day: datetime | None, seal: bool, subjects: tuple[str, ...], as_json: bool) -> int:
    """Show each line's accounts beside their documents. Exit status 1 where a difference is left, named by its subject.

    \b
    Examples:
      qosymsha money explain
      qosymsha money explain --day 2026-11-21 --json
    """
    with database():
        at = clock.read()
        programme_id = programme or installation(at).programme_id
        if seal:
            payer = Staff(tuple(subjects), at).actor(Role.PAYER)
            key = key_of("explain_money", programme_id, local_day(at))
            commands.explain_money(actor=payer, programme_id=programme_id, at=at, key=key)
        found = _sealed(programme_id, day) if day else queries.explained(programme_id, at).summary()
        emit(found, as_json=as_json, text=lambda: _explained_text(found))
        return EXIT_FINDING if found["differences"] else EXIT_DONE


def _sealed(programme_id: int, day: datetime) -> dict[str, Any]:
    stored = queries.money_day(programme_id, day.date())
    if stored is None:
        raise BadInput("--day", "nothing was sealed on that day; the job seals every night")
    return {**stored.summary, "hash": stored.hash.hex()}


@command.command("trail")
@click.argument("number", metavar="CLAIM")
@as_option
@json_option
def trail(number: str, subjects: tuple[str, ...], as_json: bool) -> None:
    """Follow a claim: the child's days, the sheet's row, the claim's row, postings, payment lines, the bank's words.

    Names no child. The reading is recorded.

    \b
    Example:
      qosymsha money trail C-000017-4
    """
    with database():
        at = clock.read()
        payer = Staff(tuple(subjects), at).actor(Role.PAYER)
        found = asdict(queries.trail(actor=payer, number=number.strip().upper(), at=at))
        emit(found, as_json=as_json, text=lambda: _trail_text(found))


@command.command("owed")
@_programme
@json_option
def owed(programme: int | None, as_json: bool) -> None:
    """List what providers owe back: proposals and decisions, what was kept back or refunded, what is left.

    \b
    Example:
      qosymsha money owed --json
    """
    with database():
        debts = queries.programme_debts(programme or installation(clock.read()).programme_id)
        result = {"owed": [{**asdict(debt), "left_tiyn": debt.left_tiyn} for debt in debts]}
        emit(result, as_json=as_json, text=lambda: _owed_text(debts))


def _explained_text(found: dict[str, Any]) -> list[str]:
    text = []
    for line in found["lines"]:
        rows = [
            (a["kind"], str(Money(a["ledger_tiyn"])), str(Money(a["documents_tiyn"])), str(Money(a["difference_tiyn"])),
             a["tied_to"])
            for a in line["accounts"]
            if a["ledger_tiyn"] or a["documents_tiyn"]
        ]  # fmt: skip
        text += table(
            f"{line['name']}, {line['year']}", ("where", "ledger", "documents", "difference", "tied to"), rows
        )
    findings = [
        (f["line_id"], f["subject"], str(Money(f["ledger_tiyn"])), str(Money(f["documents_tiyn"])))
        for f in found["findings"]
    ]
    if findings:
        text += table("Differences", ("line", "subject", "ledger", "documents"), findings)
    return [*text, f"{found['day']}: {found['differences']} differences"]


def _trail_text(found: dict[str, Any]) -> list[str]:
    rows = [
        (r["sheet_row_id"], r["part"], " ".join(f"{day[8:]}{value[0]}" for day, value in r["days"]), r["word"],
         r["units"], str(Money(r["amount_tiyn"])))
        for r in found["rows"]
    ]  # fmt: skip
    text = table(
        f"Claim {found['number']}, {found['provider']}, {found['month']}: {Money(found['amount_tiyn'])}",
        ("sheet row", "part", "days (p/i/e/a)", "word", "units", "amount"),
        rows,
    )
    moved = [(m["posting"], m["cause"], m["key"], str(Money(m["tiyn"]))) for m in found["movements"]]
    text += table("Postings", ("posting", "cause", "document", "payable"), moved)
    paid = [(p["line"], p["file"], p["state"], str(Money(p["tiyn"]))) for p in found["payments"]]
    said = [(r["reference"], r["line"], r["status"], r["outcome"]) for r in found["replies"]]
    return [
        *text,
        *table("Payment lines", ("line", "file", "state", "amount"), paid),
        *table("The bank's words", ("reference", "line", "status", "outcome"), said),
    ]


def _owed_text(debts: list[queries.Debt]) -> list[str]:
    if not debts:
        return ["nothing is owed back"]
    rows = [(d.number, d.claim, d.state, str(Money(d.amount_tiyn)), str(Money(d.left_tiyn)), d.decision) for d in debts]
    return table("Owed back", ("number", "claim", "state", "amount", "left", "act"), rows)
